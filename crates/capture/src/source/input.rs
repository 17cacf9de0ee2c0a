//! Buffered input from a capture file of unknown length.

use std::io::{self, Read};

use super::item::{Item, Problem};

/// The number of bytes that are read at once.
const STEP: usize = 64 * 1024;

/// A stream with a buffer of its next bytes.
#[derive(Debug)]
pub(super) struct Input<R> {
    inner: R,
    buffer: Vec<u8>,
    start: usize,
    place: u64,
    /// The size of the item that was handed out last, which is consumed before the next one is read.
    handed_out: usize,
}

impl<R: Read> Input<R> {
    pub(super) const fn new(inner: R) -> Self {
        Self { inner, buffer: Vec::new(), start: 0, place: 0, handed_out: 0 }
    }

    /// Fills the buffer with at least `count` bytes. Returns `false` if the stream ends before.
    pub(super) fn fill(&mut self, count: usize) -> io::Result<bool> {
        if self.data().len() >= count {
            return Ok(true);
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        while self.buffer.len() < count {
            let had = self.buffer.len();
            self.buffer.resize(count.max(had.saturating_add(STEP)), 0);
            let read = loop {
                match self.inner.read(self.buffer.get_mut(had..).unwrap_or_default()) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => break other,
                }
            };
            self.buffer.truncate(had.saturating_add(*read.as_ref().unwrap_or(&0)));
            if read? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl<R> Input<R> {
    /// The buffered bytes.
    pub(super) fn data(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// The first `count` buffered bytes.
    pub(super) fn head(&self, count: usize) -> &[u8] {
        self.data().get(..count).unwrap_or_default()
    }

    /// Consumes `count` bytes.
    pub(super) fn consume(&mut self, count: usize) {
        let count = count.min(self.data().len());
        self.start = self.start.saturating_add(count);
        self.place = self.place.saturating_add(u64::try_from(count).unwrap_or(0));
    }

    /// Marks the first `count` bytes as handed out: they are consumed before the next item is read.
    pub(super) const fn hand_out(&mut self, count: usize) {
        self.handed_out = count;
    }

    /// Consumes the bytes of the item that was handed out.
    pub(super) fn consume_handed_out(&mut self) {
        let count = std::mem::take(&mut self.handed_out);
        self.consume(count);
    }

    /// The offset of the buffered bytes in the stream.
    pub(super) const fn place(&self) -> u64 {
        self.place
    }

    /// The end of the file. Returns a problem if it ends within a part, whose kind is `what`.
    pub(super) fn ended(&mut self, what: &str) -> Option<Item<'static>> {
        let rest = self.data().len();
        if rest == 0 {
            return None;
        }
        let place = self.place();
        self.consume(rest);
        Some(Item::Problem(Problem::at(
            place,
            format!("the file ends within a {what}, {rest} bytes into it"),
        )))
    }
}
