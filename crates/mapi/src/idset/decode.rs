//! Decodes a `GLOBSET` ([MS-OXCFXICS] 2.2.2.6).

use wire::{Error, Reader, Result};

use super::encode::{BITMASK, END, POP, RANGE};
use super::range::GlobRange;
use crate::data::GlobalCounter;

/// The bytes that the following counters have in common: those that were pushed and not popped.
#[derive(Default)]
struct Stack {
    bytes: [u8; 6],
    /// The number of bytes of each push.
    pushes: Vec<usize>,
    length: usize,
}

impl Stack {
    /// The counter that consists of the common bytes and of `low`.
    fn counter(&self, low: &[u8]) -> u64 {
        let mut bytes = self.bytes;
        let rest = bytes.get_mut(self.length..).unwrap_or_default();
        rest.iter_mut().zip(low).for_each(|(slot, byte)| *slot = *byte);
        GlobalCounter(bytes).value()
    }

    /// Pushes common bytes; returns false if they would exceed the six bytes of a counter.
    fn push(&mut self, bytes: &[u8]) -> bool {
        let end = self.length.saturating_add(bytes.len());
        let Some(slot) = self.bytes.get_mut(self.length..end) else { return false };
        slot.copy_from_slice(bytes);
        self.pushes.push(bytes.len());
        self.length = end;
        true
    }

    fn pop(&mut self) {
        self.length = self.length.saturating_sub(self.pushes.pop().unwrap_or_default());
    }
}

/// Executes the commands up to the end command and returns the ranges ([MS-OXCFXICS] 3.1.5.4.3.2). Three bytes result
/// in at most five ranges.
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
                    return Err(Error::invalid("Command", at, u64::from(size), "at most six pushed bytes"));
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
    GlobRange::of(low, high).ok_or_else(|| Error::invalid("HighValue", at, high, "not less than LowValue"))
}

/// Reads a counter, and a bit for each of the eight counters after it.
fn bitmask(r: &mut Reader<'_>, stack: &Stack, ranges: &mut Vec<GlobRange>) -> Result<()> {
    if stack.length != 5 {
        let length = u64::try_from(stack.length).unwrap_or(u64::MAX);
        return Err(r.invalid("Command", length, "five pushed bytes before a bitmask"));
    }
    let start = r.u8("StartingValue")?;
    let bits = r.u8("Bitmask")?;
    let last = u32::from(start).saturating_add(8).saturating_sub(bits.leading_zeros());
    if bits != 0 && last > u32::from(u8::MAX) {
        return Err(r.invalid("Bitmask", u64::from(bits), "counters that differ only in their last byte"));
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
