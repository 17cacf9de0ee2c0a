//! Converts the text of a HAR file to UTF-8.

use std::io::{self, Read};

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// The number of bytes that are read at once.
pub(super) const STEP: usize = 16 * 1024;

/// A text in UTF-8 or UTF-16, with or without a byte order mark, as UTF-8 without one.
pub(super) struct Utf8<R> {
    inner: R,
    decoder: Decoder,
    raw: Vec<u8>,
    /// The part of `raw` that is not decoded yet.
    waiting: std::ops::Range<usize>,
    begun: bool,
    ended: bool,
    /// Whether the decoder has returned its last output.
    finished: bool,
}

impl<R: Read> Utf8<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            decoder: UTF_8.new_decoder(),
            raw: vec![0; STEP],
            waiting: 0..0,
            begun: false,
            ended: false,
            finished: false,
        }
    }
}

impl<R: Read> Read for Utf8<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // The decoder needs space for a whole character. The reader is used through a buffer.
        if out.is_empty() || self.finished {
            return Ok(0);
        }
        loop {
            if self.waiting.is_empty() && !self.ended {
                let mut count = self.inner.read(&mut self.raw)?;
                (self.waiting, self.ended) = (0..count, count == 0);
                if !std::mem::replace(&mut self.begun, true) {
                    if count == 1 {
                        count =
                            count.saturating_add(self.inner.read(self.raw.get_mut(1..).unwrap_or_default())?);
                        self.waiting = 0..count;
                    }
                    self.decoder = encoding(self.raw.get(..count).unwrap_or_default()).0.new_decoder();
                }
            }
            let raw = self.raw.get(self.waiting.clone()).unwrap_or_default();
            let (result, read, written, _) = self.decoder.decode_to_utf8(raw, out, self.ended);
            self.waiting.start = self.waiting.start.saturating_add(read);
            self.finished = self.ended && result == CoderResult::InputEmpty;
            if written > 0 || self.finished {
                return Ok(written);
            }
            if result == CoderResult::OutputFull {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "no space for a character"));
            }
        }
    }
}

/// The encoding of a text that begins with `start`, and the size of its byte order mark. JSON begins with
/// ASCII.
pub(super) fn encoding(start: &[u8]) -> (&'static Encoding, usize) {
    Encoding::for_bom(start).unwrap_or(match start {
        [0, low, ..] if *low != 0 => (UTF_16BE, 0),
        [low, 0, ..] if *low != 0 => (UTF_16LE, 0),
        _ => (UTF_8, 0),
    })
}
