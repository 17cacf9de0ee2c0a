//! Selects how a message's body is framed (RFC 9112 6.3).

use crate::error::Error;
use crate::fields::{Fields, tokens};
use crate::version::Version;

/// How a message's body is framed (RFC 9112 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// By its length in bytes.
    Length(u64),
    /// In chunks.
    Chunked,
    /// By the connection's end; answers only.
    UntilClose,
}

impl Framing {
    /// Whether a body follows that has at least one byte, or may have.
    pub const fn has_body(self) -> bool {
        !matches!(self, Self::None | Self::Length(0))
    }

    /// What `fields` say; none where they say nothing.
    ///
    /// # Errors
    /// Where two readers could read them in two ways.
    pub(crate) fn of(fields: &Fields, version: Version) -> Result<Option<Self>, Error> {
        let mut length = None;
        let mut coding = None;
        for (name, value) in fields.raw() {
            if name.eq_ignore_ascii_case(b"content-length") {
                if length.replace(value).is_some() {
                    return Err(Error::TwoLengths);
                }
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                if coding.replace(value).is_some() {
                    return Err(Error::TransferEncoding);
                }
            } else if frames_for_some(name) {
                return Err(Error::Malformed("a field's name"));
            }
        }
        match (length, coding) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(Error::TwoFramings),
            (Some(length), None) => Ok(Some(Self::Length(number(length)?))),
            (None, Some(coding)) => {
                let chunked = version == Version::Http11 && coding.eq_ignore_ascii_case(b"chunked");
                if chunked { Ok(Some(Self::Chunked)) } else { Err(Error::TransferEncoding) }
            }
        }
    }

    pub(crate) fn of_request(fields: &Fields, version: Version) -> Result<Self, Error> {
        Ok(Self::of(fields, version)?.unwrap_or(Self::None))
    }

    /// The framing of an answer with `status`; `bodiless` says that it answers a HEAD.
    pub(crate) fn of_response(
        fields: &Fields,
        version: Version,
        status: u16,
        bodiless: bool,
    ) -> Result<Self, Error> {
        // What frames a body must make sense even where there is none: others might read one.
        let said = Self::of(fields, version)?;
        match status {
            101 => Err(Error::Upgrade),
            100..=199 | 204 if said.is_some_and(Self::has_body) => Err(Error::TwoFramings),
            100..=199 | 204 | 304 => Ok(Self::None),
            _ if bodiless => Ok(Self::None),
            _ => Ok(said.unwrap_or(Self::UntilClose)),
        }
    }
}

/// Whether a field called `name` frames the body for servers that take any character for a dash which is neither a
/// letter nor a digit, as those do that hand fields on as variables.
fn frames_for_some(name: &[u8]) -> bool {
    let known = ["content-length", "transfer-encoding"];
    known.iter().any(|known| {
        let fits = |(byte, known): (&u8, u8)| match known {
            b'-' => !byte.is_ascii_alphanumeric(),
            known => byte.eq_ignore_ascii_case(&known),
        };
        name.len() == known.len() && name.iter().zip(known.bytes()).all(fits)
    })
}

/// A `Content-Length`: digits and nothing else.
fn number(text: &[u8]) -> Result<u64, Error> {
    if text.is_empty() || text.len() > 19 {
        return Err(if tokens(text).count() > 1 { Error::TwoLengths } else { Error::Length });
    }
    let mut value = 0_u64;
    for byte in text {
        match byte {
            b'0'..=b'9' => {
                value = value
                    .checked_mul(10)
                    .and_then(|value| value.checked_add(u64::from(byte - b'0')))
                    .ok_or(Error::Length)?;
            }
            b',' => return Err(Error::TwoLengths),
            _ => return Err(Error::Length),
        }
    }
    Ok(value)
}
