//! The ROPs of an operation. Modules can change, add and remove ROPs, and respond to them; the engine keeps handle
//! indexes, order and the maximum size of the response consistent.
//!
//! This file declares the modules, and exports names to other crates. Within this crate, names are imported from the
//! file that defines them.

mod batch;
pub(crate) mod exchange;
pub(crate) mod payload;
mod reading;
mod replies;
mod reply_pass;
pub(crate) mod run;
pub(crate) mod view;

/// The identifier of a ROP ([MS-OXCROPS] 2.2.2).
pub use mapi::rop::RopId;

pub use self::batch::{Entry, RopBatch};
pub use self::exchange::OperationRops;
pub use self::payload::{request_buffers, response_buffers};
pub use self::replies::BatchResponses;
pub use self::view::{RopDecision, RopResponseView, RopView};
