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
    /// An HTTP response with this status, which is not 200, and without such a code.
    HttpStatus(u16),
    /// A response with the status 200 that is not one of MAPI over HTTP.
    Invalid(InvalidResponse),
}

/// Why a response with the HTTP status 200 is not one of MAPI over HTTP ([MS-OXCMAPIHTTP] 2.2.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResponse {
    /// Its `Content-Type` is another one.
    #[error(
        "the upstream's response is not of MAPI over HTTP but of another content type, such as a web page"
    )]
    ContentType,
    /// It is compressed, although the proxy's request permits no encoding.
    #[error("the upstream's response has a Content-Encoding, which was not requested")]
    ContentEncoding,
    /// Its `X-ResponseCode` is not a number.
    #[error("the upstream's X-ResponseCode is not a number")]
    ResponseCode,
    /// Its body does not have the lines that precede the payload.
    #[error("the upstream's response has no line DONE, or is malformed before it")]
    Body,
}

impl UpstreamRefusal {
    /// The `X-ResponseCode` for a client of MAPI over HTTP that cannot receive the upstream's response itself.
    pub const fn response_code(self) -> ResponseCode {
        match self {
            Self::ResponseCode(code) => code,
            Self::Fault(_) | Self::HttpStatus(_) | Self::Invalid(InvalidResponse::ContentType) => {
                ResponseCode::UnknownFailure
            }
            Self::Invalid(_) => ResponseCode::InvalidResponse,
        }
    }

    /// The status of the HTTP response if that is not one of MAPI over HTTP: the server, or something before it,
    /// failed.
    pub const fn http_status(self) -> Option<u16> {
        match self {
            Self::HttpStatus(status) => Some(status),
            Self::Invalid(_) => Some(200),
            Self::Fault(_) | Self::ResponseCode(_) => None,
        }
    }

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
            Self::HttpStatus(status) => {
                write!(f, "the upstream's HTTP status {status} without X-ResponseCode")
            }
            Self::Invalid(why) => why.fmt(f),
        }
    }
}
