//! Compression by LZ77 with DIRECT2 encoding ([MS-OXCRPC] 3.1.4.1.1.2).

use super::lz77::{MAX_DISTANCE, MIN_MATCH};

/// The number of entries of the hash table; a power of two.
const HASH_SIZE: usize = 4096;

/// The maximum number of earlier positions with the same hash that are compared.
const MAX_TRIES: u32 = 4;

/// The length of a match, in bytes, from which on no longer match is searched for.
const GOOD_MATCH: usize = 48;

/// The maximum length of a match that is written: that of the two-byte field. [MS-OXCRPC] has no longer matches; those
/// of [MS-XCA] are only read.
const MAX_MATCH: usize = 0xffff + MIN_MATCH;

/// Compresses `input` with LZ77 in DIRECT2 encoding ([MS-XCA] 2.3, [MS-OXCRPC] 3.1.4.1.1.2).
///
/// The result may be longer than `input`, by four bytes for each started 32 and four more; the caller then sends
/// `input` uncompressed. The function is deterministic: equal inputs have equal outputs.
pub fn compress(input: &[u8]) -> Vec<u8> {
    let mut output = Output::new(input.len());
    let mut matcher = Matcher::new();
    let mut at = 0_usize;
    while at < input.len() {
        let (distance, length) = matcher.find(input, at);
        if length >= MIN_MATCH {
            output.matched(distance, length);
            matcher.skip(input, at.saturating_add(1), at.saturating_add(length));
            at = at.saturating_add(length);
        } else {
            output.literal(input.get(at).copied().unwrap_or(0));
            at = at.saturating_add(1);
        }
    }
    output.finish()
}

/// Finds earlier positions in the input that begin with the same bytes as the current one.
///
/// Positions are kept modulo 65,536. Stale entries are harmless: bytes are compared before a match is used, and
/// positions more than [`MAX_DISTANCE`] back are ignored.
struct Matcher {
    /// The latest position for each hash.
    head: Box<[u16; HASH_SIZE]>,
    /// For each position, modulo [`MAX_DISTANCE`], the previous one with the same hash.
    before: Box<[u16; MAX_DISTANCE]>,
}

impl Matcher {
    fn new() -> Self {
        Self { head: Box::new([0; HASH_SIZE]), before: Box::new([0; MAX_DISTANCE]) }
    }

    /// Returns distance and length of the longest match for the bytes at `at`; the length is zero if there is no match.
    /// Adds the position to the table.
    #[inline]
    fn find(&mut self, input: &[u8], at: usize) -> (usize, usize) {
        let Some(candidate) = self.insert(input, at) else { return (0, 0) };
        let here = low_word(at);
        let mut best = (0_usize, 0_usize);
        let mut candidate = candidate;
        let mut last = 0_usize;
        for _ in 0..MAX_TRIES {
            let distance = usize::from(here.wrapping_sub(candidate));
            // A chain leads backwards; if it does not, its entries were overwritten.
            if distance <= last || distance > MAX_DISTANCE || distance > at {
                break;
            }
            last = distance;
            let length = common(input, at.saturating_sub(distance), at, best.1);
            if length > best.1 {
                best = (distance, length);
                if length >= GOOD_MATCH {
                    break;
                }
            }
            candidate = self.before.get(usize::from(candidate) % MAX_DISTANCE).copied().unwrap_or(here);
        }
        best
    }

    /// Adds the positions from `from` to before `to`, which a match covers, to the table.
    #[inline]
    fn skip(&mut self, input: &[u8], from: usize, to: usize) {
        // Positions within a long run find no better matches than its start.
        let to = to.min(from.saturating_add(GOOD_MATCH));
        for at in from..to {
            self.insert(input, at);
        }
    }

    /// Adds `at` to the table and returns the latest earlier position with the same hash.
    #[inline]
    fn insert(&mut self, input: &[u8], at: usize) -> Option<u16> {
        let &[a, b, c] = input.get(at..)?.first_chunk::<3>()?;
        let key = u32::from_le_bytes([a, b, c, 0]).wrapping_mul(0x9e37_79b1) >> 20;
        let slot = self.head.get_mut(usize::try_from(key).unwrap_or(0) % HASH_SIZE)?;
        let here = low_word(at);
        let earlier = std::mem::replace(slot, here);
        *self.before.get_mut(usize::from(here) % MAX_DISTANCE)? = earlier;
        Some(earlier)
    }
}

/// Returns `at` modulo 65,536.
#[inline]
fn low_word(at: usize) -> u16 {
    let [low, high, ..] = at.to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// Returns the number of equal bytes from `there` and from `here`, which is after it; at most [`MAX_MATCH`]. Zero if
/// the number cannot be greater than `beat`.
#[inline]
fn common(input: &[u8], there: usize, here: usize, beat: usize) -> usize {
    let (Some(old), Some(new)) = (input.get(there..), input.get(here..)) else { return 0 };
    let new = new.get(..MAX_MATCH).unwrap_or(new);
    if beat > 0 && old.get(beat) != new.get(beat) {
        return 0;
    }
    let mut length = 0_usize;
    for (old, new) in old.as_chunks::<8>().0.iter().zip(new.as_chunks::<8>().0) {
        let differing = u64::from_le_bytes(*old) ^ u64::from_le_bytes(*new);
        if differing != 0 {
            let same = usize::try_from(differing.trailing_zeros() / 8).unwrap_or(0);
            return length.saturating_add(same);
        }
        length = length.saturating_add(8);
    }
    let rest = old.get(length..).unwrap_or_default().iter().zip(new.get(length..).unwrap_or_default());
    length.saturating_add(rest.take_while(|(old, new)| old == new).count())
}

/// The compressed bytes, and the positions of fields that are not complete.
struct Output {
    bytes: Vec<u8>,
    flags: u32,
    /// The number of flag bits that are still free.
    free: u32,
    flags_at: usize,
    /// The position of a length byte whose upper half the next long match uses.
    nibble_at: Option<usize>,
}

impl Output {
    fn new(input: usize) -> Self {
        let mut bytes = Vec::with_capacity(input.saturating_add(input / 8).saturating_add(8));
        bytes.extend_from_slice(&[0; 4]);
        Self { bytes, flags: 0, free: 32, flags_at: 0, nibble_at: None }
    }

    #[inline]
    fn literal(&mut self, byte: u8) {
        self.bytes.push(byte);
        self.flag(0);
    }

    #[inline]
    fn matched(&mut self, distance: usize, length: usize) {
        let length = length.saturating_sub(MIN_MATCH);
        let short = length.min(7);
        let token = (distance.saturating_sub(1) << 3) | short;
        self.bytes.extend_from_slice(&low_word(token).to_le_bytes());
        if short == 7 {
            self.long_length(length);
        }
        self.flag(1);
    }

    /// Writes the part of `length` that does not fit into three bits; `length` is relative to [`MIN_MATCH`].
    fn long_length(&mut self, length: usize) {
        let rest = length.saturating_sub(7);
        let half = u8::try_from(rest.min(15)).unwrap_or(15);
        if let Some(shared) = self.nibble_at.take() {
            if let Some(byte) = self.bytes.get_mut(shared) {
                *byte |= half << 4;
            }
        } else {
            self.nibble_at = Some(self.bytes.len());
            self.bytes.push(half);
        }
        if half == 15 {
            let byte = u8::try_from(rest.saturating_sub(15)).unwrap_or(255);
            self.bytes.push(byte);
            if byte == 255 {
                self.bytes.extend_from_slice(&low_word(length).to_le_bytes());
            }
        }
    }

    #[inline]
    fn flag(&mut self, bit: u32) {
        self.flags = (self.flags << 1) | bit;
        self.free = self.free.saturating_sub(1);
        if self.free == 0 {
            self.write_flags(self.flags);
            self.flags = 0;
            self.free = 32;
            self.flags_at = self.bytes.len();
            self.bytes.extend_from_slice(&[0; 4]);
        }
    }

    fn write_flags(&mut self, flags: u32) {
        let place = self.bytes.get_mut(self.flags_at..).and_then(|rest| rest.first_chunk_mut::<4>());
        if let Some(place) = place {
            *place = flags.to_le_bytes();
        }
    }

    /// Sets the remaining flag bits: readers recognize the end by a match after the end of the input.
    fn finish(mut self) -> Vec<u8> {
        let ones = u32::MAX.checked_shr(32_u32.saturating_sub(self.free)).unwrap_or(0);
        let flags = self.flags.checked_shl(self.free).unwrap_or(0) | ones;
        self.write_flags(flags);
        self.bytes
    }
}
