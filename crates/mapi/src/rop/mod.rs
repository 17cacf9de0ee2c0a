//! ROPs: what a client asks of a mailbox store, and what it is answered ([MS-OXCROPS]).
//!
//! A ROP carries no length of its own: where one ends is known only to who can decode it. [`RopRequests`]
//! decodes as many as it can, and keeps what follows as bytes. A response is decoded with what its request and
//! its object say ([`ResponseContext`]).
//!
//! [`RequestBody`] and [`ResponseBody`] have a variant for each ROP. The families are in files of their own.

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
pub use self::columns::{BatchColumns, ChangedColumns, ColumnChange, Columns, add_columns};
pub use self::context::{ExpectedAnswer, RequestContext, ResponseContext};
pub use self::empty::{Empty, Unanswered};
pub use self::field::{
    AsciiZ, Bool, Bytes8, Bytes16, Bytes32, DestHandleIndex, InputHandleIndex, List8, List16, List32,
    OutputHandleIndex,
};
pub use self::format::Rop;
pub use self::request::{Logons, RopRequest};
pub use self::requests::{RequestReader, RopRequests};
pub use self::response::{RopReply, RopResponse};
pub use self::response_fields::ResponseFields;
pub use self::response_reader::{AnsweredBatch, ReadResponse, ResponseReader};
pub use self::responses::{Answer, Answers, RopResponses};
pub use self::rop_id::RopId;
pub use self::stream::SizeOrSentinel;
pub use crate::field::HandleRole;
