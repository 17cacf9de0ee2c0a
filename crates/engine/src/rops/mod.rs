//! The ROPs of an operation, one by one: decoded for whoever looks, changed, answered, taken out or added by
//! modules, with handle indexes, order and the room for the answer kept right.

mod batch;
mod payload;
mod replies;
mod run;
mod view;

pub use self::batch::{Entry, RopBatch};
pub use self::replies::RopAnswers;
pub(crate) use self::run::{Stay, request, response};
/// Which ROP it is.
pub use mapi::rop::RopId;

pub use self::view::{RopDecision, RopReplyView, RopView};

/// The ROPs of an operation, and what they were answered.
#[derive(Debug)]
pub struct RopExchange {
    pub(crate) batch: RopBatch,
    pub(crate) answers: Option<RopAnswers>,
}

impl RopExchange {
    /// What is asked; each ROP with its answer, once there is one.
    pub const fn batch(&self) -> &RopBatch {
        &self.batch
    }

    /// The answer as a whole; none before it came, and where it holds no ROPs.
    pub const fn answers(&self) -> Option<&RopAnswers> {
        self.answers.as_ref()
    }
}
