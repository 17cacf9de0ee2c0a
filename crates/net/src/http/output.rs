//! The output of a connection: long parts are queued without copying, short ones are copied into one buffer after them.

use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// The most capacity that the buffer keeps between two messages.
const KEPT_CAPACITY: usize = 4 * 1024;

/// Parts that are shorter are copied, which is faster than sending them by themselves.
const COPIED: usize = 4 * 1024;

/// The most parts of one write.
pub(crate) const PARTS: usize = 16;

/// The bytes to send on a connection: first `parts`, then `bytes`.
#[derive(Debug, Default)]
pub(crate) struct OutputBuffer {
    parts: Vec<Bytes>,
    /// The end of the output: heads and short bodies are written here.
    pub(crate) bytes: Vec<u8>,
    /// How many of `bytes` have been sent; zero while there are parts.
    sent: usize,
}

impl OutputBuffer {
    /// Appends `bytes`, without copying them if they are long.
    pub(crate) fn push(&mut self, bytes: Bytes) {
        if bytes.len() < COPIED {
            self.bytes.extend_from_slice(&bytes);
            return;
        }
        if !self.bytes.is_empty() {
            let mut before = Bytes::from(std::mem::take(&mut self.bytes));
            before.advance(std::mem::take(&mut self.sent));
            self.parts.push(before);
        }
        self.parts.push(bytes);
    }

    /// How many bytes have to be sent.
    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum::<usize>() + self.bytes.len().saturating_sub(self.sent)
    }

    /// Whether all has been sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.bytes.len() <= self.sent
    }

    /// The output, if it is in one piece.
    pub(crate) fn single(&self) -> Option<&[u8]> {
        self.parts.is_empty().then(|| self.bytes.get(self.sent..).unwrap_or_default())
    }

    /// Fills `slices` with the beginning of the output, for one vectored write. Returns how many it filled.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; PARTS]) -> usize {
        let all = self.parts.iter().map(|part| &part[..]).chain([&self.bytes[..]]);
        for (slice, part) in slices.iter_mut().zip(all) {
            *slice = IoSlice::new(part);
        }
        PARTS.min(self.parts.len() + 1)
    }

    /// Removes the first `count` bytes, which have been sent.
    pub(crate) fn advance(&mut self, mut count: usize) {
        let mut whole = 0;
        for part in &mut self.parts {
            let taken = count.min(part.len());
            part.advance(taken);
            count -= taken;
            if !part.is_empty() {
                break;
            }
            whole += 1;
        }
        self.parts.drain(..whole);
        self.sent += count;
    }

    /// Releases memory after all has been sent.
    pub(crate) fn reset(&mut self) {
        self.bytes.clear();
        self.sent = 0;
        if self.bytes.capacity() > KEPT_CAPACITY {
            self.bytes = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(output: &OutputBuffer) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); PARTS];
        let count = output.slices(&mut slices);
        slices[..count].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn parts_and_bytes_are_sent_in_order_however_much_is_taken_at_a_time() {
        let long = Bytes::from(vec![b'x'; COPIED]);
        let mut output = OutputBuffer::default();
        output.bytes.extend_from_slice(b"head");
        assert_eq!(output.single(), Some(&b"head"[..]));
        output.advance(1);
        output.push(long.clone());
        output.push(Bytes::from_static(b"tail"));
        assert_eq!(output.single(), None);
        assert_eq!(all(&output), [b"ead", &long[..], b"tail"].concat());
        let mut sent = Vec::new();
        while !output.is_empty() {
            let step = output.len().min(1000);
            sent.extend_from_slice(match output.single() {
                Some(bytes) => &bytes[..step],
                None => &[],
            });
            if output.single().is_none() {
                sent.extend_from_slice(&all(&output)[..step]);
            }
            output.advance(step);
        }
        assert_eq!(sent, [b"ead", &long[..], b"tail"].concat());
        output.reset();
        assert_eq!(output.len(), 0);
    }
}
