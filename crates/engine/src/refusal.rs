//! Why an operation does not pass, whatever envelope it came in.

use std::borrow::Cow;
use std::fmt;

use mapi::mapihttp::ResponseCode;
use rpc::pdu::FaultStatus;

/// What is wrong with an operation, or with what it needs. How a client gets it depends on the envelope: as a fault
/// ([`fault_status`](crate::fault_status)) or as an `X-ResponseCode` ([`response_code`](crate::response_code)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalKind {
    /// The interface or endpoint has no such operation.
    UnknownOperation,
    /// The request can't be read, or not be written after modules changed it.
    BadRequest,
    /// The request names no session of its caller's, or one that ended.
    NoSession,
    /// The request's cookies can't be those of one session.
    BadCookies,
    /// The session was ended since a module's hook panicked.
    SessionBroken,
    /// Another request of the session is in progress.
    OutOfSequence,
    /// The caller may not do this, or their security context may not be used any more.
    AccessDenied,
    /// A limit is reached: of sessions, of memory, of deferred work.
    TooBusy,
    /// A module's deferred work took longer than it may.
    TimedOut,
    /// The upstream can't be reached.
    Unavailable,
    /// The operation failed, and was certainly not executed.
    NotExecuted,
    /// The operation failed, and may have been executed.
    Failed,
}

/// Why an operation does not pass; the client gets it as an answer of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong; the client gets it as a fault or as an `X-ResponseCode`.
    pub kind: RefusalKind,
    /// Why, for the operator; the client does not see it.
    pub why: Cow<'static, str>,
}

impl Refusal {
    /// A refusal of this `kind`, because of `why`.
    pub fn new(kind: RefusalKind, why: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, why: why.into() }
    }
}

/// How the upstream itself refused an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamRefusal {
    /// By a fault, in answer to an RPC call.
    Fault(FaultStatus),
    /// By an `X-ResponseCode`, in answer to a request of MAPI over HTTP ([MS-OXCMAPIHTTP] 2.2.3.3.3).
    ResponseCode(ResponseCode),
}

impl UpstreamRefusal {
    /// Whether the upstream does not have the session any more.
    pub(crate) fn is_session_gone(self) -> bool {
        self == Self::ResponseCode(ResponseCode::ContextNotFound)
    }
}

impl fmt::Display for UpstreamRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(_) => f.write_str("the upstream's fault"),
            Self::ResponseCode(code) => write!(f, "the upstream's X-ResponseCode {code}"),
        }
    }
}
