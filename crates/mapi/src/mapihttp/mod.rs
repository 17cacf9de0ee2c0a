//! MAPI over HTTP ([MS-OXCMAPIHTTP]): headers and bodies of requests and responses, without the framing of HTTP.
//!
//! A request has a [`RequestType`], which a header contains, and a body: an [`emsmdb::Request`] or a [`nspi::Request`],
//! depending on the [`Endpoint`]. The body of a response begins with lines that report the progress of the server
//! ([`ResponseBody`]), which are followed by an [`emsmdb::Response`] or a [`nspi::Response`].
//!
//! Bodies are not NDR: their fields are little-endian and not padded.

mod auxiliary;
pub mod cookies;
pub mod emsmdb;
mod field;
mod format;
pub mod headers;
mod inspect;
pub mod nspi;
mod operation_response;
mod operations;
mod request_type;
mod response_body;

pub use self::auxiliary::AuxiliaryBuffer;
pub use self::field::{Maybe, SizedBytes, String8};
pub use self::format::MapiHttp;
pub use self::headers::ResponseCode;
pub use self::operation_response::{ErrorOnly, Failure, OperationResponse};
pub use self::request_type::{Endpoint, RequestType};
pub use self::response_body::{BodyEvent, MAX_PREFIX, MetaTag, ResponseBody, prefix};
