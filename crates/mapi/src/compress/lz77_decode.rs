//! Decompression of LZ77 with DIRECT2 encoding ([MS-OXCRPC] 3.1.4.1.1.2).

use wire::{Error, ErrorKind, Result};

use super::lz77::MIN_MATCH;

/// The number of bytes that a short copy always copies; the output has room for them.
const STEP: usize = 16;

/// Decompresses `input`, the output of [`compress`](super::compress()), to exactly `size` bytes ([MS-XCA] 2.4,
/// [MS-OXCRPC] 3.1.4.1.1.2.2).
///
/// The data end where `input` ends between two elements. The remaining flag bits are ignored, since encoders fill them
/// differently.
///
/// `size` bytes are allocated in advance: the caller must bound it, as the 16-bit field `SizeActual` does.
///
/// # Errors
/// Fails if `input` ends within an element, a match begins before the start of the output, a length is encoded in more
/// bytes than necessary, or the output does not have exactly `size` bytes.
pub fn decompress(input: &[u8], size: usize) -> Result<Vec<u8>> {
    let mut decoder = Decoder { input, at: 0, nibble: None, output: Output::new(size) };
    decoder.run()?;
    let length = decoder.output.len;
    if length != size {
        return Err(Error::invalid(
            "SizeActual",
            decoder.at,
            u64::try_from(length).unwrap_or(u64::MAX),
            "the size of the decompressed bytes",
        )
        .within("LZ77"));
    }
    Ok(decoder.output.into_vec())
}

struct Decoder<'a> {
    input: &'a [u8],
    at: usize,
    /// The upper half of a length byte that two matches share, until the second one consumes it.
    nibble: Option<u8>,
    output: Output,
}

impl Decoder<'_> {
    fn run(&mut self) -> Result<()> {
        while self.at < self.input.len() {
            let mut flags = u32::from_le_bytes(self.take("Flags")?);
            let mut left = 32_u32;
            while left > 0 && self.at < self.input.len() {
                let literals = flags.leading_zeros().min(left);
                if literals > 0 {
                    self.literals(usize::try_from(literals).unwrap_or(0))?;
                } else {
                    self.matched()?;
                }
                let done = literals.max(1);
                flags = flags.checked_shl(done).unwrap_or(0);
                left = left.saturating_sub(done);
            }
        }
        Ok(())
    }

    /// Copies `count` bytes, or fewer if the input ends: the flags after its end are ignored.
    fn literals(&mut self, count: usize) -> Result<()> {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let count = count.min(rest.len());
        if !self.output.append(rest, count) {
            return Err(self.overflow());
        }
        self.at = self.at.saturating_add(count);
        Ok(())
    }

    fn matched(&mut self) -> Result<()> {
        let start = self.at;
        let token = u16::from_le_bytes(self.take("Metadata")?);
        let distance = usize::from(token >> 3).saturating_add(1);
        let length = match token & 7 {
            7 => self.long_length()?,
            short => usize::from(short).saturating_add(MIN_MATCH),
        };
        if distance > self.output.len {
            return Err(Error::invalid(
                "Offset",
                start,
                u64::try_from(distance).unwrap_or(u64::MAX),
                "a match within the output so far",
            )
            .within("LZ77"));
        }
        if !self.output.repeat(distance, length) {
            return Err(self.overflow());
        }
        Ok(())
    }

    /// Reads a length of 10 or more: half a byte, which two matches share, then one byte, two bytes and four bytes,
    /// each only if the one before is too small for the length.
    #[inline]
    fn long_length(&mut self) -> Result<usize> {
        let half = if let Some(upper) = self.nibble.take() {
            upper
        } else {
            let [shared] = self.take("Length")?;
            self.nibble = Some(shared >> 4);
            shared & 0x0f
        };
        if half < 15 {
            return Ok(usize::from(half).saturating_add(7 + MIN_MATCH));
        }
        let [byte] = self.take("Length")?;
        if byte < 255 {
            return Ok(usize::from(byte).saturating_add(15 + 7 + MIN_MATCH));
        }
        let at = self.at;
        let length = match u16::from_le_bytes(self.take("Length")?) {
            0 => u32::from_le_bytes(self.take("Length")?),
            short => u32::from(short),
        };
        if length < 15 + 7 {
            let expected = "a length that is too large for a shorter encoding";
            return Err(Error::invalid("Length", at, u64::from(length), expected).within("LZ77"));
        }
        Ok(usize::try_from(length).unwrap_or(usize::MAX).saturating_add(MIN_MATCH))
    }

    #[inline]
    fn take<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N]> {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let Some(bytes) = rest.first_chunk::<N>() else {
            let kind = ErrorKind::Truncated { needed: N, available: rest.len() };
            return Err(Error::new(kind, field, self.at).within("LZ77"));
        };
        self.at = self.at.saturating_add(N);
        Ok(*bytes)
    }

    #[cold]
    fn overflow(&self) -> Error {
        let limit = u64::try_from(self.output.size).unwrap_or(u64::MAX);
        let kind = ErrorKind::TooLong { length: limit.saturating_add(1), limit };
        Error::new(kind, "SizeActual", self.at).within("LZ77")
    }
}

/// The decompressed bytes, with room for [`STEP`] more bytes after `size`, so that short copies need not be exact.
struct Output {
    bytes: Vec<u8>,
    len: usize,
    size: usize,
}

impl Output {
    fn new(size: usize) -> Self {
        Self { bytes: vec![0; size.saturating_add(2 * STEP)], len: 0, size }
    }

    /// Appends the first `count` bytes of `from`; returns false if they do not fit.
    #[inline]
    fn append(&mut self, from: &[u8], count: usize) -> bool {
        let end = self.len.saturating_add(count);
        if end > self.size {
            return false;
        }
        let to = self.bytes.get_mut(self.len..).unwrap_or_default();
        if count <= STEP
            && let (Some(from), Some(to)) = (from.first_chunk::<STEP>(), to.first_chunk_mut::<STEP>())
        {
            *to = *from;
        } else if let (Some(from), Some(to)) = (from.get(..count), to.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.len = end;
        true
    }

    /// Appends `length` bytes, each a copy of the byte `distance` before it; returns false if they do not fit.
    #[inline]
    fn repeat(&mut self, distance: usize, length: usize) -> bool {
        let end = self.len.saturating_add(length);
        if end > self.size {
            return false;
        }
        let start = self.len.saturating_sub(distance);
        if distance >= STEP && length <= STEP {
            self.step(start, self.len);
        } else if distance >= length {
            self.bytes.copy_within(start..start.saturating_add(length), self.len);
        } else {
            self.overlapping(start, end);
        }
        self.len = end;
        true
    }

    #[inline]
    fn step(&mut self, from: usize, to: usize) {
        let source = self.bytes.get(from..).and_then(|s| s.first_chunk::<STEP>()).copied();
        let target = self.bytes.get_mut(to..).and_then(|t| t.first_chunk_mut::<STEP>());
        if let (Some(source), Some(target)) = (source, target) {
            *target = source;
        }
    }

    /// Repeats the bytes from `start` up to `end`; each copy doubles the size of the next.
    fn overlapping(&mut self, start: usize, end: usize) {
        let mut at = self.len;
        while at < end {
            let count = at.saturating_sub(start).min(end.saturating_sub(at));
            self.bytes.copy_within(start..start.saturating_add(count), at);
            at = at.saturating_add(count.max(1));
        }
    }

    fn into_vec(mut self) -> Vec<u8> {
        self.bytes.truncate(self.len);
        self.bytes
    }
}
