//! The PING request of MAPI over HTTP, which changes nothing ([MS-OXCMAPIHTTP] 2.2.6).

use bytes::Bytes;
use http1::Fields;
use mapi::mapihttp::headers::{CONTENT_TYPE, X_REQUEST_ID, X_REQUEST_TYPE};

/// The identifier of requests of the proxy's own.
const REQUEST_ID: Bytes = Bytes::from_static(b"{00000000-0000-0000-0000-000000000000}:1");

/// Adds the fields that each request must have ([MS-OXCMAPIHTTP] 2.2.2.1), except for `Host`. `request_id` identifies
/// the request if it is given.
pub(crate) fn add_ping(fields: &mut Fields, request_id: Option<Bytes>) {
    fields.push("Content-Type", CONTENT_TYPE);
    fields.push(X_REQUEST_TYPE, "PING");
    fields.push(X_REQUEST_ID, request_id.unwrap_or(REQUEST_ID));
    fields.push("Content-Length", "0");
}
