//! The two ends of an authentication handshake, for any mechanism: tokens in, tokens out.

use wire::{Error, ErrorKind, FileTime};

use crate::context::SecurityContext;
use crate::error::AuthError;
use crate::message_security::MessageSecurity;
use crate::random::Random;

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
        security: Box<dyn MessageSecurity>,
    },
}

/// The server's end of a handshake.
///
/// A step does no I/O. It may compute for long: an acceptor may go to another thread between two steps, so that steps
/// can be work of the [`Pool`](crate::Pool).
pub trait Acceptor: Send {
    /// Takes the client's next token. After a refusal, and after the last token, nothing more is taken.
    ///
    /// # Errors
    /// When the client is not let in.
    fn step(&mut self, token: &[u8], now: FileTime, random: &mut dyn Random) -> Result<Step, AuthError>;
}

/// The client's end of a handshake.
pub trait Initiator: Send {
    /// Takes the server's next token, which is empty the first time. After a refusal, and after the last token, nothing
    /// more is taken.
    ///
    /// # Errors
    /// When the server's answer is not one that we sign in with: also where it does not prove itself as it must.
    fn step(&mut self, token: &[u8], now: FileTime, random: &mut dyn Random) -> Result<Step, AuthError>;
}

/// Succeeds for a token of at most `limit` bytes.
pub(crate) fn check_size(token: &[u8], limit: usize) -> Result<(), AuthError> {
    if token.len() <= limit {
        return Ok(());
    }
    let length = u64::try_from(token.len()).unwrap_or(u64::MAX);
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    Err(Error::new(ErrorKind::TooLong { length, limit }, "token", 0).into())
}
