//! Errors of handshakes and of message protection.

use thiserror::Error;

use crate::random::RandomError;

/// Why a handshake ended without a security context.
///
/// The peer receives the same answer for all of them; the reason is for our own log.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The token is not what its protocol allows.
    #[error("malformed token: {0}")]
    Malformed(#[from] wire::Error),
    /// The token came at a moment where another one was due.
    #[error("token out of order: expected {expected}")]
    OutOfOrder {
        /// What was due.
        expected: &'static str,
    },
    /// The account is unknown or disabled, or the password is wrong; the peer cannot tell which.
    #[error("logon failure")]
    Logon,
    /// The token's integrity code does not fit the messages that were exchanged.
    #[error("message integrity code does not match")]
    Mic,
    /// The policy wants an integrity code and there is none.
    #[error("message integrity code is absent")]
    MicAbsent,
    /// The policy wants a channel binding and there is none.
    #[error("channel binding is absent")]
    BindingAbsent,
    /// The client signed in to another channel than the one that the token came by.
    #[error("channel binding does not match")]
    BindingMismatch,
    /// The response's timestamp is too far from our clock.
    #[error("timestamp is {seconds} seconds away from ours")]
    Skew {
        /// The distance.
        seconds: u64,
    },
    /// The client meant another service.
    #[error("signed in for {0:?}, a host that is none of ours (clients.target_names)")]
    Target(String),
    /// The peer offers less than the policy wants.
    #[error("too weak: {0} is required")]
    Weak(&'static str),
    /// The client signed in anonymously, and anonymous authentication is disabled by policy.
    #[error("anonymous sign-in is not allowed")]
    Anonymous,
    /// An `NTLMv1` or LM response, which the policy does not take.
    #[error("NTLMv1 and LM responses are not allowed")]
    Legacy,
    /// The peer offers no mechanism that we have.
    #[error("no mechanism in common")]
    NoMechanism,
    /// The list of mechanisms was not protected where it had to be, or was changed on the way.
    #[error("mechanism list is not protected")]
    Downgrade,
    /// The peer refused.
    #[error("the peer refused")]
    Rejected,
    /// A name or blob of ours that does not fit into a message.
    #[error("cannot be written: {0}")]
    Unwritable(wire::Error),
    /// Credentials that pass through us and name no user.
    #[error("the credentials name no user: {0}")]
    Unnamed(&'static str),
    /// A scheme that the server does not offer.
    #[error("the server does not offer {0}")]
    NotOffered(&'static str),
    /// A token that is not written in base64 where HTTP has it so.
    #[error("the token is not base64")]
    NotBase64,
    /// Our credentials are none that the mechanism can sign in with.
    #[error("unsuited credentials: {0}")]
    Credentials(&'static str),
    /// There is no randomness to make challenges and keys from.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// Why a protected message was not taken or not made. The association that it belongs to is to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MessageError {
    /// This protection was not negotiated.
    #[error("{0} was not negotiated")]
    NotNegotiated(&'static str),
    /// The message is a replay, or others before it are missing.
    #[error("sequence number {found}, expected {expected}")]
    Sequence {
        /// The number due.
        expected: u32,
        /// The number that came.
        found: u32,
    },
    /// The signature does not fit the message.
    #[error("signature does not match")]
    Signature,
    /// An earlier message failed, since when nothing is taken any more.
    #[error("an earlier message failed")]
    Broken,
    /// Every sequence number was used.
    #[error("sequence numbers are used up")]
    Exhausted,
}
