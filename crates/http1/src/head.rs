//! The parts that request and response heads share.

use bytes::Bytes;

use crate::error::Error;
use crate::fields::Fields;
use crate::fields::line::Span;
use crate::framing::Framing;
use crate::limits::Limits;
use crate::version::Version;

/// The head of a request or of a response, as [`crate::Decoder`] creates it.
pub trait Head: Sized {
    /// Whether it is the head of a response. Only the body of a response may end with the connection.
    const IS_RESPONSE: bool;

    /// Decodes a head that consists of all `bytes`, the empty line at its end included.
    ///
    /// # Errors
    /// If the head is malformed, or exceeds `limits`.
    fn parse(bytes: Bytes, limits: &Limits) -> Result<Self, Error>;

    /// How the body is framed. `bodiless` states that the head belongs to the response for a HEAD request; it
    /// has no meaning for a request.
    ///
    /// # Errors
    /// If two implementations could frame the body differently.
    fn framing(&self, bodiless: bool) -> Result<Framing, Error>;

    /// The fields.
    fn fields(&self) -> &Fields;

    /// Appends the encoded head, the empty line at its end included. Unmodified parts are the received bytes.
    fn write(&self, out: &mut Vec<u8>);

    /// Whether it is an interim response (1xx), which another head follows.
    fn is_interim(&self) -> bool {
        false
    }
}

/// The version in a start line, and the span of the received line if it is unchanged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StartLine {
    pub(crate) version: Version,
    /// The received line with its line end. `None` once a part of the line was changed.
    received: Option<Span>,
    /// Whether the connection ends after the message whatever the fields declare.
    pub(crate) closes: bool,
}

impl StartLine {
    /// The start line of a new head.
    pub(crate) const NEW: Self = Self { version: Version::Http11, received: None, closes: false };

    pub(crate) const fn from_received(version: Version, line: Span) -> Self {
        Self { version, received: Some(line), closes: false }
    }

    /// Changes the version. The line will be encoded again if the version differs.
    pub(crate) fn set_version(&mut self, version: Version) {
        if self.version != version {
            self.version = version;
            self.set_modified();
        }
    }

    /// Marks the line as changed, so that it will be encoded again.
    pub(crate) const fn set_modified(&mut self) {
        self.received = None;
    }

    /// Appends a head with this start line. An unmodified head is appended as received; otherwise the start
    /// line is the received one, or `encode` writes it without its line end.
    pub(crate) fn write_head(self, fields: &Fields, out: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) {
        if self.received.is_some() && fields.is_unmodified() {
            out.extend_from_slice(&fields.head);
            return;
        }
        out.reserve(fields.size_hint());
        if let Some(line) = self.received {
            out.extend_from_slice(line.of(&fields.head));
        } else {
            encode(out);
            out.extend_from_slice(b"\r\n");
        }
        fields.write(out);
        out.extend_from_slice(b"\r\n");
    }

    /// Whether the sender of a message with these fields keeps the connection open after it (RFC 9112 9.3).
    pub(crate) fn keeps_alive(self, fields: &Fields) -> bool {
        let closes = || fields.has_token("connection", "close");
        match self.version {
            _ if self.closes => false,
            Version::Http11 => !closes(),
            Version::Http10 => fields.has_token("connection", "keep-alive") && !closes(),
        }
    }
}

/// A part of a start line.
#[derive(Debug, Clone)]
pub(crate) enum Text {
    /// The span of the received bytes in the head.
    Received(Span),
    /// The bytes of a new or changed part.
    Added(Bytes),
}

impl Text {
    pub(crate) fn of<'a>(&'a self, head: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Received(span) => span.of(head),
            Self::Added(bytes) => bytes,
        }
    }
}
