//! The ROPs of one operation: the batch, and the replies to it.

use super::batch::RopBatch;
use super::replies::BatchResponses;

/// The ROPs of an operation, and what they were answered.
#[derive(Debug)]
pub struct OperationRops {
    pub(crate) batch: RopBatch,
    pub(crate) responses: Option<BatchResponses>,
}

impl OperationRops {
    /// What is asked; each ROP with its answer, once there is one.
    pub const fn batch(&self) -> &RopBatch {
        &self.batch
    }

    /// The answer as a whole; none before it came, and where it holds no ROPs.
    pub const fn responses(&self) -> Option<&BatchResponses> {
        self.responses.as_ref()
    }
}
