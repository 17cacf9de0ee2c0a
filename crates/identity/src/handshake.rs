//! How an authentication handshake goes on, for any mechanism.

use wire::{Error, ErrorKind};

use crate::context::SecurityContext;
use crate::error::Refusal;
use crate::ntlm::security::MessageSecurity;

/// How a handshake goes on.
#[derive(Debug)]
pub enum Step {
    /// The peer gets this token and answers with another.
    Continue(Vec<u8>),
    /// It is over.
    Done {
        /// A last token for the peer, where there is one.
        token: Option<Vec<u8>>,
        /// Who signed in.
        context: SecurityContext,
        /// What protects the messages that follow.
        security: MessageSecurity,
    },
}

/// Succeeds for a token of at most `limit` bytes.
pub(crate) fn check_size(token: &[u8], limit: usize) -> Result<(), Refusal> {
    if token.len() <= limit {
        return Ok(());
    }
    let length = u64::try_from(token.len()).unwrap_or(u64::MAX);
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    Err(Error::new(ErrorKind::TooLong { length, limit }, "token", 0).into())
}
