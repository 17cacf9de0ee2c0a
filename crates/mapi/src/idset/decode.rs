//! Decodes a GLOBSET ([MS-OXCFXICS] 2.2.2.6).

use wire::{Error, Reader, Result};

use super::encode::{BITMASK, END, POP, RANGE};
use super::range::GlobRange;
use crate::data::GlobalCounter;

/// The first bytes that the counters to come have in common: what was pushed and not popped.
#[derive(Default)]
struct Stack {
    bytes: [u8; 6],
    /// Bytes of each push.
    pushes: Vec<usize>,
    length: usize,
}

impl Stack {
    /// The bytes in common, then as many of `low` as a counter still needs.
    fn counter(&self, low: &[u8]) -> u64 {
        let mut bytes = self.bytes;
        let rest = bytes.get_mut(self.length..).unwrap_or_default();
        rest.iter_mut().zip(low).for_each(|(place, byte)| *place = *byte);
        GlobalCounter(bytes).value()
    }

    /// False where more than a counter's six bytes come together.
    fn push(&mut self, bytes: &[u8]) -> bool {
        let end = self.length.saturating_add(bytes.len());
        let Some(place) = self.bytes.get_mut(self.length..end) else { return false };
        place.copy_from_slice(bytes);
        self.pushes.push(bytes.len());
        self.length = end;
        true
    }

    fn pop(&mut self) {
        self.length = self.length.saturating_sub(self.pushes.pop().unwrap_or_default());
    }
}

/// The ranges as the commands give them, up to the end command ([MS-OXCFXICS] 3.1.5.4.3.2). They are no more
/// than five for each three bytes.
pub(super) fn ranges(r: &mut Reader<'_>) -> Result<Vec<GlobRange>> {
    let mut ranges = Vec::new();
    let mut stack = Stack::default();
    loop {
        let at = r.offset();
        match r.u8("Command")? {
            END => return Ok(ranges),
            POP => stack.pop(),
            BITMASK => bitmask(r, &stack, &mut ranges)?,
            RANGE => ranges.push(range(r, &stack)?),
            size @ 1..=6 => {
                let bytes = r.bytes(usize::from(size), "CommonBytes")?;
                if !stack.push(bytes) {
                    return Err(Error::invalid("Command", at, u64::from(size), "six bytes pushed at most"));
                }
                if stack.length == stack.bytes.len() {
                    let counter = stack.counter(&[]);
                    ranges.extend(GlobRange::of(counter, counter));
                    stack.pop();
                }
            }
            other => {
                let expected = "push, pop, bitmask, range or end";
                return Err(Error::invalid("Command", at, u64::from(other), expected));
            }
        }
    }
}

fn range(r: &mut Reader<'_>, stack: &Stack) -> Result<GlobRange> {
    let size = stack.bytes.len().saturating_sub(stack.length);
    let low = stack.counter(r.bytes(size, "LowValue")?);
    let at = r.offset();
    let high = stack.counter(r.bytes(size, "HighValue")?);
    GlobRange::of(low, high).ok_or_else(|| Error::invalid("HighValue", at, high, "no less than LowValue"))
}

/// A counter, and a bit for each of the eight behind it.
fn bitmask(r: &mut Reader<'_>, stack: &Stack, ranges: &mut Vec<GlobRange>) -> Result<()> {
    if stack.length != 5 {
        let length = u64::try_from(stack.length).unwrap_or(u64::MAX);
        return Err(r.invalid("Command", length, "a bitmask behind five bytes"));
    }
    let start = r.u8("StartingValue")?;
    let bits = r.u8("Bitmask")?;
    let last = u32::from(start).saturating_add(8).saturating_sub(bits.leading_zeros());
    if bits != 0 && last > u32::from(u8::MAX) {
        return Err(r.invalid("Bitmask", u64::from(bits), "counters whose last byte is one byte"));
    }
    let first = stack.counter(&[start]);
    let mut open = Some(first);
    for bit in 0..=8 {
        let counter = first.saturating_add(1).saturating_add(bit);
        let is_set = bit < 8 && bits & (1 << bit) != 0;
        match open {
            Some(low) if !is_set => {
                ranges.extend(GlobRange::of(low, counter.saturating_sub(1)));
                open = None;
            }
            None if is_set => open = Some(counter),
            _ => {}
        }
    }
    Ok(())
}
