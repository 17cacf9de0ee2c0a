//! ROPs: the remote operations of clients on a message store, and their responses ([MS-OXCROPS]).
//!
//! ROPs are encoded without their length, so that the end of one is only found by decoding it. [`RopRequests`] decodes
//! as many requests as it can, and keeps the remaining ones as bytes. To decode a response, information of its request
//! and of the object is necessary ([`ResponseContext`]).
//!
//! [`RequestBody`] and [`ResponseBody`] have a variant for each ROP. Each submodule contains the structures of a group
//! of ROPs.

mod body;
mod columns;
mod context;
mod empty;
mod field;
mod format;
mod inspect;
mod registry;
mod request;
mod requests;
mod response;
mod response_fields;
mod response_reader;
mod responses;
mod rop_id;

pub mod attachment;
pub mod fast_transfer;
pub mod folder;
pub mod logon;
pub mod logon_store;
pub mod message;
pub mod named_property;
pub mod notification;
pub mod permission;
pub mod property;
pub mod recipient;
pub mod response_only;
pub mod rule;
pub mod shared;
pub mod stream;
pub mod sync;
pub mod table;
pub mod transport;

pub use self::body::{RequestBody, ResponseBody};
pub use self::columns::{
    BatchColumns, ChangedColumns, ColumnChange, Columns, MAX_ADDED_COLUMNS, add_columns,
};
pub use self::context::{ExpectedReply, RequestContext, ResponseContext};
pub use self::empty::{Empty, NoReply};
pub use self::field::{
    AsciiZ, Bool, Bytes8, Bytes16, Bytes32, DestHandleIndex, InputHandleIndex, List8, List16, List32,
    OutputHandleIndex,
};
pub use self::format::Rop;
pub use self::request::{Logons, RopRequest};
pub use self::requests::{RequestReader, RopRequests};
pub use self::response::{RopReply, RopResponse};
pub use self::response_fields::ResponseFields;
pub use self::response_reader::{ReadResponse, ReplyHandler, ResponseReader};
pub use self::responses::{MatchedResponse, ResponseMatcher, RopResponses};
pub use self::rop_id::RopId;
pub use self::stream::SizeOrSentinel;
pub use crate::field::HandleRole;
