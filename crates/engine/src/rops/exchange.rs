//! The ROPs of one operation: the batch and its responses.

use super::batch::RopBatch;
use super::replies::BatchResponses;

/// The ROPs of an operation and their responses.
#[derive(Debug)]
pub struct OperationRops {
    pub(crate) batch: RopBatch,
    pub(crate) responses: Option<BatchResponses>,
}

impl OperationRops {
    /// The requests, each with its response once there is one.
    pub const fn batch(&self) -> &RopBatch {
        &self.batch
    }

    /// An upper bound on the memory of what was decoded, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.batch.bytes().saturating_add(self.responses.as_ref().map_or(0, BatchResponses::bytes))
    }

    /// The responses as a whole. `None` before they are received, and if the response contains no ROPs.
    pub const fn responses(&self) -> Option<&BatchResponses> {
        self.responses.as_ref()
    }
}
