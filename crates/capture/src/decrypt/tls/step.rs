//! The outcome of one step in following a TLS connection.

use crate::stream::Side;
use crate::time::Timestamp;

/// The output of a TLS connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// One side sent these bytes under protection.
    Plain(Side, Timestamp, Vec<u8>),
    /// One side sent this many bytes that cannot be decrypted, since the recording lacks some of them.
    Gap(Side, u64),
    /// One side sends no more.
    Ended(Side, Timestamp),
    /// Something cannot be read.
    Problem(String),
}

/// The outcome of one step.
pub(super) enum Step {
    /// There may be more to look at.
    Again,
    /// More has to be recorded first, of this side or of the other.
    Waits,
    /// No key log has the key.
    NoKey,
    /// Nothing more of this side can be read.
    Broken(Broken),
}

/// Why a side cannot be read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    #[error("no TLS record begins where one should")]
    Framing,
    #[error("TLS version {0:#06x} is not supported")]
    Version(u16),
    #[error("cipher suite {0:#06x} is not supported")]
    Suite(u16),
    #[error("a record does not fit the key of the connection")]
    Key,
    #[error("too much is missing to find the next TLS record")]
    Lost,
    #[error("the beginning of its TLS handshake is not in the recording")]
    Beginning,
    #[error("the rest of its TLS handshake is not in the recording")]
    Rest,
    #[error("the key log lacks the secrets that follow those of the handshake")]
    Traffic,
}

impl Broken {
    /// Whether the other side cannot be read either.
    pub(super) const fn concerns_both(self) -> bool {
        matches!(self, Self::Version(_) | Self::Suite(_) | Self::Beginning | Self::Rest)
    }
}
