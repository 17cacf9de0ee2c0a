//! Comparison of values, for sorting and for restrictions ([MS-OXCDATA] 2.12.5).

use std::cmp::Ordering;

use mapi::property::{PropertyValue, RelationalOperator};

use crate::directory::fold;

/// The order of two values of one type. Texts are compared without regard to case. `None` if the values cannot be
/// compared.
pub(crate) fn order(a: &PropertyValue, b: &PropertyValue) -> Option<Ordering> {
    use PropertyValue as V;
    Some(match (a, b) {
        (V::Unicode(a), V::Unicode(b)) => fold(&a.to_string_lossy()).cmp(&fold(&b.to_string_lossy())),
        (V::String8(a), V::String8(b)) | (V::Binary(a), V::Binary(b)) => a.cmp(b),
        (V::Integer16(a), V::Integer16(b)) => a.cmp(b),
        (V::Integer32(a), V::Integer32(b)) => a.cmp(b),
        (V::Integer64(a), V::Integer64(b)) | (V::Currency(a), V::Currency(b)) => a.cmp(b),
        (V::Floating32(a), V::Floating32(b)) => a.total_cmp(b),
        (V::Floating64(a), V::Floating64(b)) | (V::FloatingTime(a), V::FloatingTime(b)) => a.total_cmp(b),
        (V::Boolean(a), V::Boolean(b)) => a.cmp(b),
        (V::Time(a), V::Time(b)) => a.0.cmp(&b.0),
        (V::Guid(a), V::Guid(b)) => a.to_le().cmp(&b.to_le()),
        _ => return None,
    })
}

/// The order of two values in a sorted table: rows without the property are first.
pub(crate) fn sort_order(a: Option<&PropertyValue>, b: Option<&PropertyValue>) -> Ordering {
    match (a, b) {
        // Values of different types have the order of their types, so that the order is total.
        (Some(a), Some(b)) => order(a, b).unwrap_or_else(|| a.prop_type().0.cmp(&b.prop_type().0)),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

/// Whether two values in the order `order` satisfy `relop`.
pub(crate) const fn satisfies(relop: RelationalOperator, order: Ordering) -> bool {
    match relop {
        RelationalOperator::RELOP_LT => order.is_lt(),
        RelationalOperator::RELOP_LE => order.is_le(),
        RelationalOperator::RELOP_GT => order.is_gt(),
        RelationalOperator::RELOP_GE => order.is_ge(),
        RelationalOperator::RELOP_EQ => order.is_eq(),
        RelationalOperator::RELOP_NE => order.is_ne(),
        _ => false,
    }
}
