//! Why an operation does not pass, and how that reads in each envelope: a fault, or an `X-ResponseCode`.

use std::borrow::Cow;
use std::fmt;

use mapi::mapihttp::ResponseCode;
use rpc::pdu::FaultStatus;

/// The call could not be carried out, and it is not known whether a part of it was (`RPC_S_CALL_FAILED`,
/// [MS-ERREF] 2.2).
pub const CALL_FAILED: FaultStatus = FaultStatus(0x0000_06be);

/// The time for something is over (`ERROR_TIMEOUT`, [MS-ERREF] 2.2).
pub const TIMED_OUT: FaultStatus = FaultStatus(0x0000_05b4);

/// Why a module does not let an operation pass; the client gets it as an answer of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the fault that the client gets ([MS-RPCE] 2.2.2.5, C706 appendix N).
    pub status: FaultStatus,
    /// Why, for the operator; the client does not see it.
    pub why: Cow<'static, str>,
}

impl Refusal {
    /// A refusal with `status`, because of `why`.
    pub fn new(status: FaultStatus, why: impl Into<Cow<'static, str>>) -> Self {
        Self { status, why: why.into() }
    }
}

/// How the upstream itself refused an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamRefusal {
    /// By a fault, in answer to a remote call.
    Fault(FaultStatus),
    /// By an `X-ResponseCode`, in answer to a request of MAPI over HTTP ([MS-OXCMAPIHTTP] 2.2.3.3.3).
    ResponseCode(ResponseCode),
}

impl fmt::Display for UpstreamRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(_) => f.write_str("the upstream's fault"),
            Self::ResponseCode(code) => write!(f, "the upstream's X-ResponseCode {code}"),
        }
    }
}

/// The codes that have a fault which says the same, and that.
const FAULTS: [(ResponseCode, FaultStatus); 6] = [
    (ResponseCode::ContextNotFound, FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH),
    (ResponseCode::NoPrivilege, FaultStatus::ACCESS_DENIED),
    (ResponseCode::InvalidRequestBody, FaultStatus::RPC_X_BAD_STUB_DATA),
    (ResponseCode::InvalidRequestType, FaultStatus::NCA_S_OP_RNG_ERROR),
    (ResponseCode::InvalidContextCookie, FaultStatus(0x0000_0057)),
    // A remote procedure call is already in progress ([MS-ERREF] 2.2).
    (ResponseCode::InvalidSequence, FaultStatus(0x0000_06ff)),
];

/// What a client of MAPI over HTTP gets in place of a fault ([MS-OXCMAPIHTTP] 2.2.3.3.3).
pub fn response_code(status: FaultStatus) -> ResponseCode {
    let found = FAULTS.iter().find(|(_, known)| *known == status);
    found.map_or(ResponseCode::UnknownFailure, |(code, _)| *code)
}

/// The fault that says the same as `code`, by which [`response_code`] finds it again.
pub(crate) fn fault_status(code: ResponseCode) -> FaultStatus {
    let found = FAULTS.iter().find(|(known, _)| *known == code);
    found.map_or(CALL_FAILED, |(_, status)| *status)
}
