//! The protocol version.

use crate::error::Error;

/// The version of a message (RFC 9112 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
}

impl Version {
    /// The version `HTTP/1.minor`, if it is a supported one.
    pub(crate) const fn from_minor(minor: Option<u8>) -> Result<Self, Error> {
        match minor {
            Some(0) => Ok(Self::Http10),
            Some(1) => Ok(Self::Http11),
            _ => Err(Error::Version),
        }
    }

    /// The version as in a start line, such as `HTTP/1.1`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}
