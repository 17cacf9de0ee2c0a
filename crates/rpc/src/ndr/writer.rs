//! Writes NDR: alignment, pointer ids and byte order.

use std::collections::BTreeSet;

use wire::{Error, ErrorKind, Result, Writer};

use super::limits::MAX_DEPTH;

/// What the first new pointer is called, and how far the next one is away: as MIDL-made stubs do it.
const FIRST_REFERENT: u32 = 0x0002_0000;
const REFERENT_STEP: u32 = 4;

/// A stub that is being written, little-endian.
#[derive(Debug)]
pub struct NdrWriter {
    w: Writer,
    next_referent: u32,
    depth: u32,
    full: BTreeSet<u32>,
}

impl Default for NdrWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl NdrWriter {
    /// An empty stub.
    pub const fn new() -> Self {
        Self { w: Writer::new(), next_referent: FIRST_REFERENT, depth: 0, full: BTreeSet::new() }
    }

    /// The scalar writer underneath.
    pub const fn inner(&mut self) -> &mut Writer {
        &mut self.w
    }

    /// What was written.
    pub fn into_vec(self) -> Vec<u8> {
        self.w.into_vec()
    }

    /// Writes padding.
    #[inline]
    pub fn align(&mut self, to: usize) {
        self.w.align(to);
    }

    /// Writes an aligned 32-bit number: a count, an offset, a referent id.
    #[inline]
    pub fn u32(&mut self, value: u32) {
        self.w.align(4);
        self.w.u32(value);
    }

    /// Writes an aligned count.
    ///
    /// # Errors
    /// When it is over 4,294,967,295.
    pub fn count(&mut self, count: usize, field: &'static str) -> Result<()> {
        self.w.align(4);
        self.w.len32(count, field).map(|_| ())
    }

    /// An id for a pointer that was not read from anywhere.
    pub const fn new_referent(&mut self) -> u32 {
        let referent = self.next_referent;
        self.next_referent = referent.wrapping_add(REFERENT_STEP);
        referent
    }

    /// Runs `write` one pointer further down.
    ///
    /// # Errors
    /// When that is deeper than [`MAX_DEPTH`], and those of `write`.
    pub fn descend(
        &mut self,
        field: &'static str,
        write: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        if self.depth >= MAX_DEPTH {
            return Err(Error::new(ErrorKind::TooDeep { limit: MAX_DEPTH }, field, self.w.len()));
        }
        self.depth = self.depth.saturating_add(1);
        let result = write(self);
        self.depth = self.depth.saturating_sub(1);
        result
    }

    /// Whether `referent` stands for a full pointer's target for the first time.
    pub(super) fn first_written(&mut self, referent: u32) -> bool {
        self.full.insert(referent)
    }

    /// Whether a full pointer's target was announced as `referent`.
    pub(super) fn was_written(&self, referent: u32) -> bool {
        self.full.contains(&referent)
    }
}
