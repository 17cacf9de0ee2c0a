//! Bounds the work of decoding: how many elements are decoded, however few bytes they were received in.

use std::cell::Cell;

/// A limit on what readers decode, in units. An element of a list is one unit.
///
/// A message of few bytes may decode to many elements, since counts and nesting cost a byte or two, or none if it was
/// compressed. Readers that share a budget ([`Reader::within`](crate::Reader::within)) fail once it is used up. It
/// stays [exceeded](Self::is_exceeded), also if the code that reads treats the error as one of malformed bytes.
#[derive(Debug)]
pub struct Budget {
    limit: u32,
    left: Cell<u32>,
    is_exceeded: Cell<bool>,
}

impl Budget {
    /// A budget of `limit` units.
    pub const fn new(limit: u32) -> Self {
        Self { limit, left: Cell::new(limit), is_exceeded: Cell::new(false) }
    }

    /// The number of units.
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// The units that were spent.
    pub const fn spent(&self) -> u32 {
        self.limit.saturating_sub(self.left.get())
    }

    /// Whether more was to be decoded than the limit permits.
    pub const fn is_exceeded(&self) -> bool {
        self.is_exceeded.get()
    }

    /// Spends `units`. Returns `false` if fewer are left; then the budget is exceeded, and none are left.
    pub fn spend(&self, units: usize) -> bool {
        let left = u32::try_from(units).ok().and_then(|units| self.left.get().checked_sub(units));
        self.left.set(left.unwrap_or(0));
        if left.is_none() {
            self.is_exceeded.set(true);
        }
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_stays_exceeded() {
        let budget = Budget::new(3);
        assert!(budget.spend(3) && !budget.is_exceeded());
        assert_eq!(budget.spent(), 3);
        assert!(!budget.spend(usize::MAX) && !budget.spend(1));
        assert!(budget.spend(0) && budget.is_exceeded());
    }
}
