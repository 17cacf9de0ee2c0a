//! Joins the parts of a body.

use bytes::{Bytes, BytesMut};

/// Joins the parts of a body. A body of a single part, the usual case, is not copied.
#[derive(Debug, Default)]
pub(crate) struct BodyAccumulator {
    first: Bytes,
    all: BytesMut,
}

impl BodyAccumulator {
    pub(crate) fn len(&self) -> usize {
        self.first.len() + self.all.len()
    }

    /// How many bytes were allocated to join parts. A body of one part shares the memory of the part.
    pub(crate) fn allocated(&self) -> usize {
        self.all.capacity()
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

    /// Takes the whole body.
    pub(crate) fn take(&mut self) -> Bytes {
        if self.all.is_empty() { std::mem::take(&mut self.first) } else { self.all.split().freeze() }
    }
}
