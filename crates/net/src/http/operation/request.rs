//! Which operation a request asks for, and the head of what is asked of the server ahead of it.

use engine::OperationKey;
use http1::RequestHead;
use identity::{OsRandom, Random as _};
use mapi::mapihttp::headers::{Counted, X_REQUEST_ID, X_REQUEST_TYPE};
use mapi::mapihttp::{Endpoint, RequestType, ResponseCode};
use wire::Guid;

use crate::upstream_error::UpstreamError;

/// Which operation a request asks for; otherwise what is wrong with it ([MS-OXCMAPIHTTP] 2.2.3.3.3).
pub(crate) fn operation_key(head: &RequestHead) -> Result<OperationKey, (ResponseCode, &'static str)> {
    let endpoint = Endpoint::of_path(head.path()).ok_or((ResponseCode::InvalidPath, "no such endpoint"))?;
    if head.method() != "POST" {
        return Err((ResponseCode::InvalidVerb, "a method other than POST"));
    }
    let mut types = head.fields.all(X_REQUEST_TYPE);
    let name = match (types.next(), types.next()) {
        (None, _) => return Err((ResponseCode::MissingHeader, "no X-RequestType")),
        (Some(_), Some(_)) => return Err((ResponseCode::InvalidHeader, "more than one X-RequestType")),
        (Some(name), None) => name,
    };
    let request_type = std::str::from_utf8(name).ok().and_then(RequestType::parse);
    let request_type = request_type.filter(|request_type| endpoint.operation(*request_type).is_some());
    let request_type = request_type.ok_or((ResponseCode::InvalidRequestType, "no such request type"))?;
    Ok(OperationKey::Http(endpoint, request_type))
}

/// What a request names as its type, where that is no operation.
pub(crate) fn claimed_type(head: &RequestHead) -> &str {
    const MOST: usize = 64;
    let claimed = head.fields.text(X_REQUEST_TYPE).unwrap_or("unknown");
    if claimed.len() > MOST { "unknown" } else { claimed }
}

/// The values of a request's `Cookie` headers.
pub(crate) fn cookies(head: &RequestHead) -> Vec<&[u8]> {
    head.fields.all("cookie").collect()
}

/// Makes `head`, the client's, that of the operation `ahead`, which a module asks of the server first.
pub(crate) fn ask_ahead(head: &mut RequestHead, ahead: OperationKey) -> Result<(), UpstreamError> {
    let OperationKey::Http(_, request_type) = ahead else {
        let why = "a remote call is asked ahead by HTTP";
        return Err(UpstreamError::Protocol(why.to_owned()));
    };
    let mut guid = [0; 16];
    OsRandom.fill(&mut guid).map_err(|error| UpstreamError::Protocol(error.to_string()))?;
    head.fields.set(X_REQUEST_TYPE, request_type.name());
    head.fields.set(X_REQUEST_ID, Counted { guid: Guid::from_le(guid), counter: 1 }.to_string());
    Ok(())
}
