//! The ROPs of an operation, one by one: decoded on demand, changed, answered, taken out or added by
//! modules, with handle indexes, order and the room for the answer kept right.
//!
//! This file declares the modules, and exports names to other crates. Within this one, names are imported from the
//! file that has them.

mod batch;
pub(crate) mod exchange;
mod payload;
mod reading;
mod replies;
mod reply_pass;
pub(crate) mod run;
pub(crate) mod view;

/// Which ROP it is.
pub use mapi::rop::RopId;

pub use self::batch::{Entry, RopBatch};
pub use self::exchange::OperationRops;
pub use self::payload::{request_buffers, response_buffers};
pub use self::replies::BatchResponses;
pub use self::view::{RopDecision, RopResponseView, RopView};
