//! Sort orders of tables ([MS-OXCDATA] 2.13).

use std::fmt;

use wire::{Decode, Encode, Reader, Result, Writer};

use crate::property::PropTag;

wire::wire_enum! {
    /// The direction in which a column is sorted ([MS-OXCDATA] 2.13.1).
    pub struct Order(u8) {
        /// Ascending: the smallest value is first.
        Ascending = 0x00,
        /// Descending: the largest value is first.
        Descending = 0x01,
        /// Categories are sorted by the largest value of their rows.
        MaximumCategory = 0x04,
    }
}

/// One column of a sort key ([MS-OXCDATA] 2.13.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SortOrder {
    /// The property of the column.
    pub tag: PropTag,
    /// The direction of the order.
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

/// A sort key of one or several columns ([MS-OXCDATA] 2.13.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SortOrderSet {
    /// The number of columns, from the first one on, by which rows are grouped into categories.
    pub categorized_count: u16,
    /// The number of category levels that are initially expanded.
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
            let count = r.elements(u32::from(count), 5, u32::from(u16::MAX), "SortOrderCount")?;
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
