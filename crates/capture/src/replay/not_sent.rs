//! Why a recorded call is not made again.

/// Why a recorded call is not made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// The call is for an interface that is not one of Exchange's, or whose bind was not recorded.
    #[error("its interface is not one of Exchange's")]
    Interface,
    /// The request is HTTP, but not MAPI over HTTP.
    #[error("it is not a request of MAPI over HTTP")]
    NotMapi,
    /// The request has an `X-RequestType` that is not specified.
    #[error("its request type is not known")]
    RequestType,
    /// The call is answered only once there is a notification.
    #[error("it waits for notifications")]
    Notifications,
    /// Without an answer there is nothing to compare with.
    #[error("its answer was not recorded")]
    Unanswered,
    /// The server challenged the request: it is part of a handshake, which the replay makes on its own.
    #[error("it is part of a sign-in")]
    Authentication,
    /// Bytes of the request are missing.
    #[error("a part of it was not recorded")]
    Incomplete,
    /// The call is within a session whose beginning was not replayed.
    #[error("its session was not begun")]
    NoSession,
    /// The request is encrypted, and there is no key for it.
    #[error("it is sealed")]
    Sealed,
    /// The request can't be decoded.
    #[error("it can't be read")]
    Malformed,
    /// The request, with the current handles and ids, can't be encoded.
    #[error("it can't be written")]
    Unwritable,
    /// The call is a request of MAPI over HTTP, and the target takes remote procedure calls.
    #[error("it is MAPI over HTTP, and the target is not")]
    TargetIsRpc,
    /// The call is a remote procedure call, and the target takes MAPI over HTTP.
    #[error("it is a remote call, and the target is HTTP")]
    TargetIsHttp,
}
