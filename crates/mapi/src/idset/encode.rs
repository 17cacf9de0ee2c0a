//! Encodes a `GLOBSET` ([MS-OXCFXICS] 2.2.2.6).

use wire::Writer;

use super::range::GlobRange;

/// The command that ends the set.
pub(super) const END: u8 = 0x00;
/// The command that adds a counter and, by a bit mask, some of the eight counters after it.
pub(super) const BITMASK: u8 = 0x42;
/// The command that removes the bytes of the last push.
pub(super) const POP: u8 = 0x50;
/// The command that adds a range of counters.
pub(super) const RANGE: u8 = 0x52;

/// The size of a counter, in bytes.
const SIZE: usize = 6;

/// Writes `ranges`, which are sorted and not adjacent, in compact form ([MS-OXCFXICS] 3.1.5.4.3.1).
pub(super) fn ranges(ranges: &[GlobRange], w: &mut Writer) {
    put(ranges, 0, w);
    w.u8(END);
}

/// Writes `ranges`, whose first `common` bytes are equal and already pushed.
fn put(ranges: &[GlobRange], common: usize, w: &mut Writer) {
    let (Some(first), Some(last)) = (ranges.first(), ranges.last()) else { return };
    if first.low() == last.high() {
        push(first.low(), common, SIZE, w);
        return;
    }
    let (low, high) = (bytes(first.low()), bytes(last.high()));
    let shared = low.iter().zip(&high).take_while(|(low, high)| low == high).count();
    if shared > common {
        push(first.low(), common, shared, w);
        put(ranges, shared, w);
        w.u8(POP);
    } else if ranges.len() == 1 {
        w.u8(RANGE)
            .bytes(low.get(common..).unwrap_or_default())
            .bytes(high.get(common..).unwrap_or_default());
    } else if common == SIZE - 1 {
        last_bytes(ranges, w);
    } else {
        // Consecutive ranges that share one more byte are written together.
        let byte = |counter: u64| bytes(counter).get(common).copied();
        let together = |one: &GlobRange, next: &GlobRange| byte(one.low()) == byte(next.high());
        ranges.chunk_by(together).for_each(|chunk| put(chunk, common, w));
    }
}

/// Writes `ranges` whose counters differ only in the last byte.
fn last_bytes(ranges: &[GlobRange], w: &mut Writer) {
    let mut rest = ranges;
    while let Some(first) = rest.first() {
        let within = rest.partition_point(|range| range.high() <= first.low().saturating_add(8));
        let count = if within < 2 {
            put(rest.get(..1).unwrap_or_default(), SIZE - 1, w);
            1
        } else {
            let mut bits = 0u8;
            for range in rest.get(..within).unwrap_or_default() {
                for counter in range.low()..=range.high() {
                    let bit = counter.saturating_sub(first.low()).checked_sub(1);
                    bits |= bit.map_or(0, |bit| 1 << bit.min(7));
                }
            }
            let [.., start] = bytes(first.low());
            w.u8(BITMASK).u8(start).u8(bits);
            within
        };
        rest = rest.get(count..).unwrap_or_default();
    }
}

/// Pushes the bytes of `counter` from `start` to `end`.
fn push(counter: u64, start: usize, end: usize, w: &mut Writer) {
    let size = u8::try_from(end.saturating_sub(start)).unwrap_or(u8::MAX);
    w.u8(size).bytes(bytes(counter).get(start..end).unwrap_or_default());
}

const fn bytes(counter: u64) -> [u8; SIZE] {
    let [_, _, bytes @ ..] = counter.to_be_bytes();
    bytes
}
