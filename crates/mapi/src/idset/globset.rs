//! Sets of global counters, stored as ranges.

use std::fmt;

use wire::{Decode, Encode, Reader, Result, Writer};

use super::range::GlobRange;
use super::{decode, encode};

/// A set of counters of one replica (`GLOBSET`, [MS-OXCFXICS] 2.2.2.6).
#[derive(Debug, Clone, Default)]
pub struct Globset {
    /// Sorted and not adjacent.
    ranges: Vec<GlobRange>,
    /// The bytes from which the set was decoded, unless it was changed since.
    raw: Option<Box<[u8]>>,
}

/// Two sets are equal if they contain the same counters, whatever their encoding.
impl PartialEq for Globset {
    fn eq(&self, other: &Self) -> bool {
        self.ranges == other.ranges
    }
}

impl Eq for Globset {}

impl Globset {
    /// Whether the set contains `counter`.
    pub fn contains(&self, counter: u64) -> bool {
        let at = self.ranges.partition_point(|range| range.high < counter);
        self.ranges.get(at).is_some_and(|range| range.low <= counter)
    }

    /// The ranges of the set, sorted and not adjacent.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = GlobRange> {
        self.ranges.iter().copied()
    }

    /// The number of counters in the set.
    pub fn len(&self) -> u64 {
        self.ranges.iter().fold(0, |sum, range| sum.saturating_add(range.len()))
    }

    /// Whether the set is empty.
    pub const fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Adds the counters of `range`.
    pub fn insert(&mut self, range: GlobRange) {
        let (start, end) = self.touching(range);
        let old = self.ranges.get(start..end).unwrap_or_default();
        let (first, last) = (old.first().unwrap_or(&range), old.last().unwrap_or(&range));
        let all = GlobRange { low: range.low.min(first.low), high: range.high.max(last.high) };
        if old == [all] {
            return;
        }
        self.ranges.splice(start..end, [all]);
        self.raw = None;
    }

    /// Removes the counters of `range`.
    pub fn remove(&mut self, range: GlobRange) {
        let start = self.ranges.partition_point(|known| known.high < range.low);
        let end = self.ranges.partition_point(|known| known.low <= range.high);
        let Some(old) = self.ranges.get(start..end).filter(|old| !old.is_empty()) else { return };
        let before = old.first().and_then(|first| GlobRange::of(first.low, range.low.checked_sub(1)?));
        let after = old.last().and_then(|last| GlobRange::of(range.high.checked_add(1)?, last.high));
        self.ranges.splice(start..end, before.into_iter().chain(after));
        self.raw = None;
    }

    /// Adds the counters of `other`.
    pub fn union(&mut self, other: &Self) {
        let mut all = self.ranges.clone();
        all.extend(&other.ranges);
        let all = merged(all);
        if all != self.ranges {
            self.ranges = all;
            self.raw = None;
        }
    }

    /// The counters of the set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let (mut ranges, mut removed) = (Vec::new(), other.ranges.iter().peekable());
        for range in &self.ranges {
            let mut low = range.low;
            while removed.next_if(|removed| removed.high < low).is_some() {}
            while let Some(next) = removed.peek().filter(|next| next.low <= range.high) {
                ranges.extend(next.low.checked_sub(1).and_then(|high| GlobRange::of(low, high)));
                low = next.high.saturating_add(1);
                if low > range.high {
                    break;
                }
                removed.next();
            }
            ranges.extend(GlobRange::of(low, range.high));
        }
        Self { ranges, raw: None }
    }

    /// The counters that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.difference(&self.difference(other))
    }

    /// The indexes of the ranges that overlap `range` or are adjacent to it.
    fn touching(&self, range: GlobRange) -> (usize, usize) {
        let start = self.ranges.partition_point(|known| known.high.saturating_add(1) < range.low);
        let end = self.ranges.partition_point(|known| known.low <= range.high.saturating_add(1));
        (start, end)
    }
}

/// Sorts the ranges and merges those that overlap or are adjacent.
fn merged(mut ranges: Vec<GlobRange>) -> Vec<GlobRange> {
    if !ranges.is_sorted_by_key(|range| range.low) {
        ranges.sort_unstable_by_key(|range| range.low);
    }
    ranges.dedup_by(|next, last| {
        let touches = next.low <= last.high.saturating_add(1);
        if touches {
            last.high = last.high.max(next.high);
        }
        touches
    });
    ranges
}

impl FromIterator<GlobRange> for Globset {
    fn from_iter<I: IntoIterator<Item = GlobRange>>(ranges: I) -> Self {
        Self { ranges: merged(ranges.into_iter().collect()), raw: None }
    }
}

impl<'a> Decode<'a> for Globset {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let before = r.clone();
        let ranges = decode::ranges(r).map_err(|error| error.within("GLOBSET"))?;
        let raw = before.clone().bytes(r.offset().saturating_sub(before.offset()), "GLOBSET")?;
        Ok(Self { ranges: merged(ranges), raw: Some(raw.into()) })
    }
}

impl Encode for Globset {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        match &self.raw {
            Some(raw) => drop(w.bytes(raw)),
            None => encode::ranges(&self.ranges, w),
        }
        Ok(())
    }
}

impl fmt::Display for Globset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, range) in self.ranges.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            range.fmt(f)?;
        }
        f.write_str("}")
    }
}
