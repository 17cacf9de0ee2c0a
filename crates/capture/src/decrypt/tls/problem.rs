//! Why TLS connections cannot be decrypted.

use std::fmt;

use thiserror::Error;

use super::keylog::Random;
use crate::stream::Side;

/// A connection, or one side of it, that cannot be decrypted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("TLS{}: {failure}", with(server_name.as_deref()))]
pub struct TlsProblem {
    /// The server name that the client sent, if it is known.
    pub server_name: Option<String>,
    /// The part that is not read, and the reason.
    pub failure: TlsFailure,
}

/// The part of a connection that is not read, and the reason.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TlsFailure {
    /// The key of the connection is missing. The random of the `ClientHello` identifies it in key logs.
    #[error("no key log has the key of this connection (client random {})", Hex(.0))]
    NoKey(Random),
    /// The connection as a whole is not read.
    #[error("{0}; nothing of it is read")]
    Connection(#[source] TlsError),
    /// The rest of one side is not read.
    #[error("{error}; nothing more of the {} is read", side.name())]
    Side {
        /// The side.
        side: Side,
        /// The cause.
        #[source]
        error: TlsError,
    },
}

/// Why a side cannot be read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TlsError {
    /// The bytes are not a record header.
    #[error("invalid TLS record header")]
    Framing,
    /// The server chose this version.
    #[error("TLS version {0:#06x} is not supported")]
    Version(u16),
    /// The server chose this cipher suite.
    #[error("cipher suite {0:#06x} is not supported")]
    Suite(u16),
    /// The authentication of a record fails.
    #[error("a record cannot be authenticated with the key of the connection")]
    Decryption,
    /// Too many bytes are missing to find the next record.
    #[error("too much is missing to find the next TLS record")]
    Resync,
    /// The recording begins within the handshake.
    #[error("the beginning of its TLS handshake is not in the recording")]
    HandshakeStart,
    /// The recording ends within the handshake.
    #[error("the rest of its TLS handshake is not in the recording")]
    HandshakeEnd,
    /// The key log has the handshake secrets only.
    #[error("the key log lacks the secrets that follow those of the handshake")]
    TrafficSecret,
}

impl TlsError {
    /// Whether the other side cannot be read either.
    pub(super) const fn concerns_both(self) -> bool {
        matches!(self, Self::Version(_) | Self::Suite(_) | Self::HandshakeStart | Self::HandshakeEnd)
    }
}

fn with(server_name: Option<&str>) -> String {
    server_name.map(|name| format!(" with {name}")).unwrap_or_default()
}

/// Bytes as hexadecimal digits.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
