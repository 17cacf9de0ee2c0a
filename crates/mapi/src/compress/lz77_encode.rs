//! Compression by LZ77 DIRECT2 ([MS-OXCRPC]).

use super::lz77::{MAX_DISTANCE, MIN_MATCH};

/// Entries of the table from hash to latest place; a power of two.
const HASH_SIZE: usize = 4096;

/// How many earlier places with the same hash are tried for a longer match.
const MAX_TRIES: u32 = 4;

/// A match of this many bytes is taken without looking for a longer one.
const GOOD_MATCH: usize = 48;

/// The longest match that is written: what the two-byte length holds. [MS-OXCRPC] knows no longer ones; those
/// of [MS-XCA] are only read.
const MAX_MATCH: usize = 0xffff + MIN_MATCH;

/// Compresses `input` with LZ77 in DIRECT2 encoding ([MS-XCA] 2.3, [MS-OXCRPC] 3.1.4.1.1.2).
///
/// The result may be longer than `input`, by four bytes for each started 32 and four more: it is for the caller
/// to send `input` as it is then. What was made of `input` before is not kept: the same bytes in give the same
/// bytes out.
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

/// Finds earlier places that begin like the present one.
///
/// Places are kept modulo 65,536. A stale one is no danger: what it points to is compared before it is used,
/// and nothing farther back than [`MAX_DISTANCE`] is looked at.
struct Matcher {
    /// The latest place for each hash.
    head: Box<[u16; HASH_SIZE]>,
    /// For each place, modulo [`MAX_DISTANCE`], the one before with the same hash.
    before: Box<[u16; MAX_DISTANCE]>,
}

impl Matcher {
    fn new() -> Self {
        Self { head: Box::new([0; HASH_SIZE]), before: Box::new([0; MAX_DISTANCE]) }
    }

    /// The longest match for what stands at `at`, as distance and length; the length is zero if there is no
    /// match. The place is added to the table.
    #[inline]
    fn find(&mut self, input: &[u8], at: usize) -> (usize, usize) {
        let Some(candidate) = self.insert(input, at) else { return (0, 0) };
        let here = low_word(at);
        let mut best = (0_usize, 0_usize);
        let mut candidate = candidate;
        let mut last = 0_usize;
        for _ in 0..MAX_TRIES {
            let distance = usize::from(here.wrapping_sub(candidate));
            // A chain only leads backwards; where it does not, its entries were overwritten.
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

    /// Remembers the places from `from` to before `to`, which a match covers.
    #[inline]
    fn skip(&mut self, input: &[u8], from: usize, to: usize) {
        // The inside of a long run finds nothing that its start does not.
        let to = to.min(from.saturating_add(GOOD_MATCH));
        for at in from..to {
            self.insert(input, at);
        }
    }

    /// Remembers `at` and returns the latest place before it with the same hash.
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

/// `at` modulo 65,536.
#[inline]
fn low_word(at: usize) -> u16 {
    let [low, high, ..] = at.to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// How many bytes from `there` are the same as those from `here`, which is behind it; at most [`MAX_MATCH`].
/// Zero where it cannot be more than `beat`.
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

/// The compressed bytes with the places of what is still to be filled in.
struct Output {
    bytes: Vec<u8>,
    flags: u32,
    /// Flag bits that are still free.
    free: u32,
    flags_at: usize,
    /// Where the last length byte that two matches share stands, while its upper half is free.
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

    /// The part of `length`, which is without [`MIN_MATCH`], that the three bits do not hold.
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

    /// Sets all flag bits that are left: a match where no input follows is how a reader knows the end.
    fn finish(mut self) -> Vec<u8> {
        let ones = u32::MAX.checked_shr(32_u32.saturating_sub(self.free)).unwrap_or(0);
        let flags = self.flags.checked_shl(self.free).unwrap_or(0) | ones;
        self.write_flags(flags);
        self.bytes
    }
}
