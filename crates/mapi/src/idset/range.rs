//! Ranges of global counters.

use std::fmt;

use crate::data::GlobalCounter;

/// An inclusive range of counters (`GLOBCNT` range, [MS-OXCFXICS] 2.2.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GlobRange {
    pub(super) low: u64,
    pub(super) high: u64,
}

impl GlobRange {
    /// Creates the range from `low` to `high`, inclusive; returns `None` if `low` is greater.
    pub const fn new(low: GlobalCounter, high: GlobalCounter) -> Option<Self> {
        Self::of(low.value(), high.value())
    }

    /// Creates the range of one counter.
    pub const fn single(counter: GlobalCounter) -> Self {
        Self { low: counter.value(), high: counter.value() }
    }

    /// The first counter.
    pub const fn low(self) -> u64 {
        self.low
    }

    /// The last counter.
    pub const fn high(self) -> u64 {
        self.high
    }

    /// The number of counters, at least one.
    #[expect(clippy::len_without_is_empty, reason = "no range is empty")]
    pub const fn len(self) -> u64 {
        self.high.saturating_sub(self.low).saturating_add(1)
    }

    pub(super) const fn of(low: u64, high: u64) -> Option<Self> {
        if low > high || high > GlobalCounter::MAX { None } else { Some(Self { low, high }) }
    }
}

impl fmt::Display for GlobRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.low == self.high {
            write!(f, "{:x}", self.low)
        } else {
            write!(f, "{:x}-{:x}", self.low, self.high)
        }
    }
}
