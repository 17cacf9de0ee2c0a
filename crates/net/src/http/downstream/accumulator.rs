//! Joins the parts of a body.

use bytes::{Bytes, BytesMut};

/// What comes in parts and is to be one. Most of it comes in one part, which is then not copied.
#[derive(Debug, Default)]
pub(crate) struct BodyAccumulator {
    first: Bytes,
    all: BytesMut,
}

impl BodyAccumulator {
    pub(crate) fn len(&self) -> usize {
        self.first.len() + self.all.len()
    }

    pub(crate) fn push(&mut self, part: Bytes) {
        if self.len() == 0 {
            self.first = part;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.all.extend_from_slice(&part);
    }

    /// All of it; nothing is left.
    pub(crate) fn take(&mut self) -> Bytes {
        if self.all.is_empty() { std::mem::take(&mut self.first) } else { self.all.split().freeze() }
    }
}
