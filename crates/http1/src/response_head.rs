//! Response heads.

use std::mem::MaybeUninit;

use bytes::Bytes;

use crate::error::{Error, Part};
use crate::fields::Fields;
use crate::fields::line::Span;
use crate::fields::syntax::is_value;
use crate::framing::Framing;
use crate::head::{Head, StartLine, Text};
use crate::limits::Limits;
use crate::parse::{check_complete, find_lines};
use crate::version::Version;

/// The offset of the reason phrase: the length of `HTTP/1.1 200 `.
const REASON_OFFSET: u32 = 13;

/// The head of a response.
#[derive(Debug, Clone)]
pub struct ResponseHead {
    status: u16,
    reason: Text,
    line: StartLine,
    /// The fields.
    pub fields: Fields,
}

impl ResponseHead {
    /// Creates a head of version 1.1 without fields. Returns `None` if `status` does not have three digits, or
    /// `reason` contains a control character or begins or ends with white space.
    pub fn new(status: u16, reason: &'static str) -> Option<Self> {
        if !(100..=999).contains(&status) || !is_value(reason.as_bytes()) {
            return None;
        }
        Some(Self {
            status,
            reason: Text::Added(Bytes::from_static(reason.as_bytes())),
            line: StartLine::NEW,
            fields: Fields::default(),
        })
    }

    /// The status code, of three digits.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The reason phrase, which may be empty.
    pub fn reason(&self) -> &[u8] {
        self.reason.of(&self.fields.head)
    }

    /// The version.
    pub const fn version(&self) -> Version {
        self.line.version
    }

    /// Changes the version.
    pub fn set_version(&mut self, version: Version) {
        self.line.set_version(version);
    }

    /// Whether the server keeps the connection open for another request (RFC 9112 9.3).
    pub fn keeps_alive(&self) -> bool {
        self.line.keeps_alive(&self.fields)
    }
}

impl Head for ResponseHead {
    const IS_RESPONSE: bool = true;

    fn parse(bytes: Bytes, limits: &Limits) -> Result<Self, Error> {
        let mut headers = [MaybeUninit::uninit(); Limits::MAX_FIELDS];
        let mut response = httparse::Response::new(&mut []);
        let headers = headers.get_mut(..limits.max_fields()).unwrap_or_default();
        let config = httparse::ParserConfig::default();
        let parsed = config.parse_response_with_uninit_headers(&mut response, &bytes, headers);
        check_complete(parsed, bytes.len())?;
        let version = Version::from_minor(response.version)?;
        let status = response.code.unwrap_or_default();
        if !(100..=999).contains(&status) {
            return Err(Error::Malformed(Part::Status));
        }
        let (line, lines) = find_lines(&bytes, response.headers)?;
        // httparse does not return a reason phrase that is not ASCII.
        let reason = Span { from: line.to.min(REASON_OFFSET), to: line.to.saturating_sub(2) };
        let fields = Fields::from_received(bytes, lines);
        Ok(Self {
            status,
            reason: Text::Received(reason),
            line: StartLine::from_received(version, line),
            fields,
        })
    }

    fn framing(&self, bodiless: bool) -> Result<Framing, Error> {
        Framing::of_response(&self.fields, self.version(), self.status, bodiless)
    }

    fn fields(&self) -> &Fields {
        &self.fields
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.line.write_head(&self.fields, out, |out| {
            out.extend_from_slice(self.version().name().as_bytes());
            out.push(b' ');
            out.extend_from_slice(self.status.to_string().as_bytes());
            out.push(b' ');
            out.extend_from_slice(self.reason.of(&self.fields.head));
        });
    }

    fn is_interim(&self) -> bool {
        self.status < 200
    }
}
