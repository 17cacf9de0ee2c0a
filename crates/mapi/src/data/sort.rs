//! Sort orders of tables ([MS-OXCDATA] 2.13).

use std::fmt;

use wire::{Decode, Encode, Reader, Result, Writer};

use crate::property::PropTag;

wire::wire_enum! {
    /// Which way a column is sorted ([MS-OXCDATA] 2.13.1).
    pub struct Order(u8) {
        /// Smallest first.
        Ascending = 0x00,
        /// Largest first.
        Descending = 0x01,
        /// A group's largest value counts for all of it.
        MaximumCategory = 0x04,
    }
}

/// One column of a sort key ([MS-OXCDATA] 2.13.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SortOrder {
    /// The column.
    pub tag: PropTag,
    /// Which way.
    pub order: Order,
}

impl fmt::Display for SortOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.tag, self.order)
    }
}

impl<'a> Decode<'a> for SortOrder {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        Ok(Self { tag: PropTag(r.u32("PropertyTag")?), order: Order(r.u8("Order")?) })
    }
}

impl Encode for SortOrder {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.tag.0).u8(self.order.0);
        Ok(())
    }
}

/// A sort key of several columns ([MS-OXCDATA] 2.13.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SortOrderSet {
    /// How many of the columns, from the first on, rows are grouped by.
    pub categorized_count: u16,
    /// How many of the groups' levels are open to begin with.
    pub expanded_count: u16,
    /// The columns, the most significant first.
    pub sort_orders: Vec<SortOrder>,
}

impl<'a> Decode<'a> for SortOrderSet {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let mut read = || {
            let count = r.u16("SortOrderCount")?;
            let categorized_count = r.u16("CategorizedCount")?;
            let expanded_count = r.u16("ExpandedCount")?;
            let count = r.count(u32::from(count), 5, u32::from(u16::MAX), "SortOrderCount")?;
            let mut sort_orders = Vec::with_capacity(count);
            for _ in 0..count {
                sort_orders.push(SortOrder::decode(r)?);
            }
            Ok(Self { categorized_count, expanded_count, sort_orders })
        };
        read().map_err(|error: wire::Error| error.within("SortOrderSet"))
    }
}

impl Encode for SortOrderSet {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.len16(self.sort_orders.len(), "SortOrderCount").map_err(|error| error.within("SortOrderSet"))?;
        w.u16(self.categorized_count).u16(self.expanded_count);
        self.sort_orders.iter().try_for_each(|order| order.encode(w))
    }
}
