//! Determines the operation of a request, and makes the head of a request that a module sends ahead of it.

use engine::OperationKey;
use http1::RequestHead;
use identity::Random;
use mapi::mapihttp::headers::{GuidCounter, X_REQUEST_ID, X_REQUEST_TYPE};
use mapi::mapihttp::{Endpoint, RequestType, ResponseCode};
use wire::Guid;

use crate::upstream_error::UpstreamError;

/// Why a request is not an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAnOperation {
    #[error("unknown endpoint")]
    Endpoint,
    #[error("the method is not POST")]
    Method,
    #[error("X-RequestType is missing")]
    TypeMissing,
    #[error("more than one X-RequestType")]
    SeveralTypes,
    #[error("unknown X-RequestType")]
    Type,
}

impl NotAnOperation {
    /// The `X-ResponseCode` for the client ([MS-OXCMAPIHTTP] 2.2.3.3.3).
    pub(crate) const fn code(self) -> ResponseCode {
        match self {
            Self::Endpoint => ResponseCode::InvalidPath,
            Self::Method => ResponseCode::InvalidVerb,
            Self::TypeMissing => ResponseCode::MissingHeader,
            Self::SeveralTypes => ResponseCode::InvalidHeader,
            Self::Type => ResponseCode::InvalidRequestType,
        }
    }
}

/// Determines the operation of a request by its endpoint and `X-RequestType`.
pub(crate) fn operation_key(head: &RequestHead) -> Result<OperationKey, NotAnOperation> {
    let endpoint = Endpoint::of_path(head.path()).ok_or(NotAnOperation::Endpoint)?;
    if head.method() != "POST" {
        return Err(NotAnOperation::Method);
    }
    let mut types = head.fields.all(X_REQUEST_TYPE);
    let name = match (types.next(), types.next()) {
        (None, _) => return Err(NotAnOperation::TypeMissing),
        (Some(_), Some(_)) => return Err(NotAnOperation::SeveralTypes),
        (Some(name), None) => name,
    };
    let request_type = std::str::from_utf8(name).ok().and_then(RequestType::parse);
    let request_type = request_type.filter(|request_type| endpoint.operation(*request_type).is_some());
    Ok(OperationKey::Http(endpoint, request_type.ok_or(NotAnOperation::Type)?))
}

/// The `X-RequestType` of a request that is not an operation, shortened for the log.
pub(crate) fn claimed_type(head: &RequestHead) -> &str {
    const MOST: usize = 64;
    let claimed = head.fields.text(X_REQUEST_TYPE).unwrap_or("unknown");
    if claimed.len() > MOST { "unknown" } else { claimed }
}

/// The values of a request's `Cookie` headers.
pub(crate) fn cookies(head: &RequestHead) -> Vec<&[u8]> {
    head.fields.all("cookie").collect()
}

/// A request that a module sends ahead of the client's own.
#[derive(Debug)]
pub(crate) struct SentAhead {
    request_type: RequestType,
    id: Guid,
}

impl SentAhead {
    /// The operation `key`, with a request id from `random`.
    pub(crate) fn new(key: OperationKey, random: &mut dyn Random) -> Result<Self, UpstreamError> {
        let OperationKey::Http(_, request_type) = key else {
            let why = "a module sends an RPC call ahead of a MAPI over HTTP request";
            return Err(UpstreamError::protocol(why));
        };
        let mut id = [0; 16];
        random.fill(&mut id).map_err(UpstreamError::protocol)?;
        Ok(Self { request_type, id: Guid::from_le(id) })
    }

    /// Turns `head`, the head of the client's request, into the head of this request.
    pub(crate) fn apply_to(&self, head: &mut RequestHead) {
        head.fields.set(X_REQUEST_TYPE, self.request_type.name());
        head.fields.set(X_REQUEST_ID, GuidCounter { guid: self.id, counter: 1 }.to_string());
    }
}
