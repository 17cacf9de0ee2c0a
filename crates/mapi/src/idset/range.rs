//! Ranges of global counters.

use std::fmt;

use crate::data::GlobalCounter;

/// Counters from one to another, both included (`GLOBCNT` range, [MS-OXCFXICS] 2.2.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GlobRange {
    pub(super) low: u64,
    pub(super) high: u64,
}

impl GlobRange {
    /// The counters from `low` to `high`; `None` where `low` is the larger one.
    pub const fn new(low: GlobalCounter, high: GlobalCounter) -> Option<Self> {
        Self::of(low.value(), high.value())
    }

    /// One counter.
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

    /// How many counters there are: at least one.
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
