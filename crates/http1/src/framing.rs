//! Selects how a message's body is framed (RFC 9112 6.3).

use crate::error::{Error, Part};
use crate::fields::Fields;
use crate::fields::syntax::tokens;
use crate::version::Version;

const CONTENT_LENGTH: &[u8] = b"content-length";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding";

/// How a message's body is framed (RFC 9112 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// The message has no body.
    None,
    /// By `Content-Length`: the length in bytes.
    Length(u64),
    /// By the chunked transfer coding.
    Chunked,
    /// By the end of the connection; responses only.
    UntilClose,
}

impl Framing {
    /// Whether a body follows that has, or may have, at least one byte.
    pub const fn has_body(self) -> bool {
        !matches!(self, Self::None | Self::Length(0))
    }

    /// The framing that `fields` declare; `None` if they declare no framing.
    ///
    /// # Errors
    /// If two implementations could interpret the fields differently.
    fn declared(fields: &Fields, version: Version) -> Result<Option<Self>, Error> {
        let mut length = None;
        let mut coding = None;
        for (name, value) in fields.raw() {
            if ![CONTENT_LENGTH.len(), TRANSFER_ENCODING.len()].contains(&name.len()) {
                continue;
            }
            if name.eq_ignore_ascii_case(CONTENT_LENGTH) {
                if length.replace(value).is_some() {
                    return Err(Error::MultipleContentLengths);
                }
            } else if name.eq_ignore_ascii_case(TRANSFER_ENCODING) {
                if coding.replace(value).is_some() {
                    return Err(Error::TransferEncoding);
                }
            } else if is_framing_alias(name) {
                return Err(Error::Malformed(Part::FieldName));
            }
        }
        match (length, coding) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(Error::ConflictingFraming),
            (Some(length), None) => Ok(Some(Self::Length(content_length(length)?))),
            (None, Some(coding)) => {
                let chunked = version == Version::Http11 && coding.eq_ignore_ascii_case(b"chunked");
                if chunked { Ok(Some(Self::Chunked)) } else { Err(Error::TransferEncoding) }
            }
        }
    }

    /// The framing of a request.
    pub(crate) fn of_request(fields: &Fields, version: Version) -> Result<Self, Error> {
        Ok(Self::declared(fields, version)?.unwrap_or(Self::None))
    }

    /// The framing of a response with `status`. `bodiless` states that it is the response for a HEAD request.
    pub(crate) fn of_response(
        fields: &Fields,
        version: Version,
        status: u16,
        bodiless: bool,
    ) -> Result<Self, Error> {
        // The declaration must be valid even if there is no body, because another implementation might read
        // one.
        let declared = Self::declared(fields, version)?;
        match status {
            101 => Err(Error::Upgrade),
            100..=199 | 204 if declared.is_some_and(Self::has_body) => Err(Error::UnexpectedBody),
            100..=199 | 204 | 304 => Ok(Self::None),
            _ if bodiless => Ok(Self::None),
            _ => Ok(declared.unwrap_or(Self::UntilClose)),
        }
    }
}

/// Whether some server treats a field with this name as `Content-Length` or `Transfer-Encoding`. Servers that pass
/// fields to applications as variables replace every character other than letters and digits, so that a dot or an
/// underscore is equal to a hyphen.
fn is_framing_alias(name: &[u8]) -> bool {
    [CONTENT_LENGTH, TRANSFER_ENCODING].into_iter().any(|known| {
        let is_equal = |(byte, known): (&u8, &u8)| match known {
            b'-' => !byte.is_ascii_alphanumeric(),
            known => byte.eq_ignore_ascii_case(known),
        };
        name.len() == known.len() && name.iter().zip(known).all(is_equal)
    })
}

/// The value of a `Content-Length`: digits only.
fn content_length(text: &[u8]) -> Result<u64, Error> {
    if text.is_empty() || text.len() > 19 {
        return Err(if tokens(text).count() > 1 {
            Error::MultipleContentLengths
        } else {
            Error::InvalidContentLength
        });
    }
    let mut value = 0_u64;
    for byte in text {
        match byte {
            b'0'..=b'9' => {
                value = value
                    .checked_mul(10)
                    .and_then(|value| value.checked_add(u64::from(byte - b'0')))
                    .ok_or(Error::InvalidContentLength)?;
            }
            b',' => return Err(Error::MultipleContentLengths),
            _ => return Err(Error::InvalidContentLength),
        }
    }
    Ok(value)
}
