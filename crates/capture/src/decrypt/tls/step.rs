//! The outcome of one step in following a TLS connection.

use super::problem::{TlsError, TlsProblem};
use crate::stream::Side;
use crate::time::Timestamp;

/// The output of a TLS connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// One side sent these bytes under protection.
    Plain(Side, Timestamp, Vec<u8>),
    /// One side sent this many bytes that cannot be decrypted, because the recording lacks some of them.
    Gap(Side, u64),
    /// One side sends no more.
    Ended(Side, Timestamp),
    /// The connection, or one side of it, cannot be decrypted.
    Problem(TlsProblem),
}

/// The outcome of one step.
pub(super) enum Step {
    /// The step processed something; another step may follow.
    Progress,
    /// More has to be recorded first, of this side or of the other.
    Blocked,
    /// No key log has the key.
    NoKey,
    /// Nothing more of this side can be read.
    Failed(TlsError),
}
