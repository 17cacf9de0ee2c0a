//! The two ends of an authentication handshake, for any mechanism: tokens in, tokens out.

use wire::{Error, ErrorKind, Now};

use crate::context::SecurityContext;
use crate::error::AuthError;
use crate::message_security::MessageSecurity;
use crate::random::Random;

/// The result of one step of a handshake.
#[derive(Debug)]
pub enum Step {
    /// Send this token to the peer, which responds with another.
    Continue(Vec<u8>),
    /// The handshake is complete.
    Done {
        /// The last token for the peer, if there is one.
        token: Option<Vec<u8>>,
        /// The security context of the authenticated user.
        context: SecurityContext,
        /// The protection of the messages that follow.
        security: Box<dyn MessageSecurity>,
    },
}

/// The server's end of a handshake.
///
/// A step does no I/O, but may take long to compute. An acceptor may move to another thread between two steps, so
/// that a step can be a job of the [`Pool`](crate::Pool).
pub trait Acceptor: Send {
    /// Processes the client's next token at the time `now`. The caller takes no step after an error or
    /// [`Step::Done`]; handshakes of several legs refuse one.
    ///
    /// # Errors
    /// If the client is not authenticated.
    fn step(&mut self, token: &[u8], now: Now, random: &mut dyn Random) -> Result<Step, AuthError>;
}

/// The client's end of a handshake.
pub trait Initiator: Send {
    /// Processes the server's next token, which is empty in the first step, at the time `now`. The caller takes no
    /// step after an error or [`Step::Done`]; handshakes of several legs refuse one.
    ///
    /// # Errors
    /// If the server's token is invalid, offers too little, or does not authenticate the server as required.
    fn step(&mut self, token: &[u8], now: Now, random: &mut dyn Random) -> Result<Step, AuthError>;
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
