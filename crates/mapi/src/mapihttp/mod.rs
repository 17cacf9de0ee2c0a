//! MAPI over HTTP ([MS-OXCMAPIHTTP]): what is in requests and responses, not how HTTP frames them.
//!
//! A request has a [`RequestType`], given by a header, and a body: an [`emsmdb::Request`] or a
//! [`nspi::Request`], depending on the [`Endpoint`] that it is sent to. A response's body begins with lines
//! that say how far the server is ([`ResponseBody`]); behind them stands an [`emsmdb::Response`] or a
//! [`nspi::Response`].
//!
//! Bodies are not NDR: fields follow each other without padding, little-endian.

mod answer;
mod auxiliary;
pub mod cookies;
pub mod emsmdb;
mod field;
mod format;
pub mod headers;
mod inspect;
pub mod nspi;
mod operations;
mod request_type;
mod response_body;

pub use self::answer::{Answer, Bare, Failure};
pub use self::auxiliary::AuxiliaryBuffer;
pub use self::field::{Maybe, SizedBytes, String8};
pub use self::format::MapiHttp;
pub use self::headers::ResponseCode;
pub use self::request_type::{Endpoint, RequestType};
pub use self::response_body::{BodyEvent, MAX_PREFIX, MetaTag, ResponseBody, prefix};
