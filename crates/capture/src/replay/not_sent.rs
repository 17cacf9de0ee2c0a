//! The reasons for which a replay does not send a recorded call.

/// The reason for which a replay does not send a recorded call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// The call is for an interface that is not one of Exchange's.
    #[error("interface is not one of Exchange's")]
    Interface,
    /// The recording begins within the connection, so that the interface of the call is not known.
    #[error("bind was not recorded, so that the interface is unknown")]
    NoBind,
    /// The request is HTTP, but not MAPI over HTTP.
    #[error("not a request of MAPI over HTTP")]
    NotMapi,
    /// The request has an `X-RequestType` that is not specified.
    #[error("unknown request type")]
    RequestType,
    /// The server responds only when there is a notification.
    #[error("waits for notifications")]
    Notifications,
    /// Without a response there is nothing to compare with.
    #[error("response is missing in the recording")]
    NoResponse,
    /// The server challenged the request: it is part of a handshake, and the replay authenticates separately.
    #[error("part of an authentication handshake")]
    Authentication,
    /// Bytes of the request are missing.
    #[error("part of the request is missing in the recording")]
    Incomplete,
    /// The call is within a session whose beginning was not replayed.
    #[error("request that opened its session was not replayed")]
    NoSession,
    /// The request is encrypted, and there is no key for it.
    #[error("request is encrypted")]
    Sealed,
    /// The request cannot be decoded.
    #[error("request cannot be decoded")]
    Malformed,
    /// The request, with the current handles and ids, cannot be encoded.
    #[error("request with current handles and ids cannot be encoded")]
    Unwritable,
    /// The call is a request of MAPI over HTTP, and the target accepts RPC calls.
    #[error("MAPI over HTTP, but the target is RPC")]
    TargetIsRpc,
    /// The call is an RPC call, and the target accepts MAPI over HTTP.
    #[error("RPC call, but the target is HTTP")]
    TargetIsHttp,
}
