//! Refusals: decisions not to execute an operation or not to deliver its response, independent of the envelope.

use std::borrow::Cow;
use std::fmt;

use mapi::mapihttp::ResponseCode;
use rpc::pdu::FaultStatus;

/// The kind of a [`Refusal`]. The session binding maps it to a fault ([`fault_status`](crate::fault_status)) or to an
/// `X-ResponseCode` ([`response_code`](crate::response_code)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalKind {
    /// The interface or endpoint has no such operation.
    UnknownOperation,
    /// The request cannot be decoded, or cannot be encoded after modules changed it.
    BadRequest,
    /// The request has more ROPs, restrictions or values than the proxy decodes.
    TooLarge,
    /// The request identifies no session of its caller, or one that has ended.
    NoSession,
    /// The request's cookies identify several sessions, or have values that the session was never given.
    BadCookies,
    /// The session was ended because a module's hook panicked.
    SessionBroken,
    /// An earlier request of the session was delayed and is still in progress.
    OutOfSequence,
    /// The caller lacks the permission, the cookies identify a session of another identity, or the security context
    /// has expired or was revoked.
    AccessDenied,
    /// A limit is reached: on sessions, memory, or deferred work.
    TooBusy,
    /// A module's deferred work exceeded its time limit.
    TimedOut,
    /// The upstream cannot be reached.
    Unavailable,
    /// The operation failed, and was certainly not executed.
    NotExecuted,
    /// The operation failed, and may have been executed.
    Failed,
}

/// The proxy's decision not to execute an operation, or not to deliver its response. The client receives it as an
/// error of its protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The kind, which determines the fault or the `X-ResponseCode` for the client.
    pub kind: RefusalKind,
    /// The reason, for the log. The client does not receive it.
    pub why: Cow<'static, str>,
}

impl Refusal {
    /// Creates a refusal of this `kind`, for the reason `why`.
    pub fn new(kind: RefusalKind, why: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, why: why.into() }
    }
}

/// The upstream's refusal of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamRefusal {
    /// A fault, in response to an RPC call.
    Fault(FaultStatus),
    /// An `X-ResponseCode` other than 0, in response to a request of MAPI over HTTP ([MS-OXCMAPIHTTP] 2.2.3.3.3).
    ResponseCode(ResponseCode),
}

impl UpstreamRefusal {
    /// Whether the upstream no longer has the session.
    pub(crate) fn is_session_gone(self) -> bool {
        matches!(
            self,
            Self::ResponseCode(ResponseCode::ContextNotFound)
                | Self::Fault(FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH)
        )
    }
}

impl fmt::Display for UpstreamRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(status) => write!(f, "the upstream's fault {status}"),
            Self::ResponseCode(code) => write!(f, "the upstream's X-ResponseCode {code}"),
        }
    }
}
