//! Finds the end of rows without decoding them: reads only what determines their length.

use std::ffi::CStr;

use wire::utf16_length;

use super::row::{FlaggedValue, PropertyRow};
use super::tag::{PropTag, PropType};

/// Returns the size in bytes of `count` rows of `columns` at the start of `bytes`, in a ROP buffer. Returns `None` if
/// the rows may be malformed, or contain values whose size only decoding determines. Otherwise, the rows can be
/// decoded, and encode as the same bytes.
pub(super) fn length_of_rows(bytes: &[u8], columns: &[PropTag], count: usize) -> Option<usize> {
    if count == 0 {
        return Some(0);
    }
    let plan = SkipPlan::of(columns);
    let rest = (0..count).try_fold(bytes, |rest, _| skip_row(rest, columns, &plan))?;
    bytes.len().checked_sub(rest.len())
}

fn skip_row<'a>(row: &'a [u8], columns: &[PropTag], plan: &SkipPlan<'_>) -> Option<&'a [u8]> {
    let (flag, rest) = row.split_first()?;
    match *flag {
        PropertyRow::STANDARD => plan.skip(rest),
        PropertyRow::FLAGGED => {
            columns.iter().try_fold(rest, |rest, column| skip_flagged(rest, column.prop_type()))
        }
        _ => None,
    }
}

/// How standard rows of the same columns are skipped: the sizes of consecutive values of fixed size are added once for
/// all rows.
struct SkipPlan<'a> {
    /// The first steps, each up to the end of a value of variable size.
    steps: [Step; SkipPlan::MAX],
    count: usize,
    /// The total size of the values after the last step, in bytes.
    width: usize,
    /// The columns after these.
    columns: &'a [PropTag],
}

#[derive(Clone, Copy)]
struct Step {
    /// The total size of the values of fixed size before the value, in bytes.
    width: usize,
    /// The type of the value of variable size.
    prop_type: PropType,
}

impl<'a> SkipPlan<'a> {
    /// The maximum number of steps. Few tables have so many columns of variable size.
    const MAX: usize = 16;

    fn of(columns: &'a [PropTag]) -> Self {
        let step = Step { width: 0, prop_type: PropType::PtypUnspecified };
        let mut found = Self { steps: [step; Self::MAX], count: 0, width: 0, columns };
        while let Some((column, columns)) = found.columns.split_first() {
            if let Some(width) = width(column.prop_type().of_value()) {
                found.width = found.width.saturating_add(width);
            } else if let Some(step) = found.steps.get_mut(found.count) {
                *step = Step { width: found.width, prop_type: column.prop_type() };
                found.width = 0;
                found.count = found.count.saturating_add(1);
            } else {
                break;
            }
            found.columns = columns;
        }
        found
    }

    /// Returns the bytes after the values of a standard row.
    fn skip<'b>(&self, values: &'b [u8]) -> Option<&'b [u8]> {
        let steps = self.steps.get(..self.count)?;
        let rest = steps.iter().try_fold(values, |rest, step| {
            let value = rest.get(step.width..)?;
            match step.prop_type {
                PropType::PtypString => skip_unicode(value),
                other => skip_value(value, other),
            }
        })?;
        self.columns
            .iter()
            .try_fold(rest.get(self.width..)?, |rest, column| skip_value(rest, column.prop_type()))
    }
}

fn skip_flagged(value: &[u8], prop_type: PropType) -> Option<&[u8]> {
    if prop_type.of_value() == PropType::PtypUnspecified {
        return None;
    }
    let (flag, rest) = value.split_first()?;
    match *flag {
        FlaggedValue::VALUE => skip_value(rest, prop_type),
        FlaggedValue::ABSENT => Some(rest),
        FlaggedValue::ERROR => rest.get(4..),
        _ => None,
    }
}

/// Returns the bytes after a value.
fn skip_value(value: &[u8], prop_type: PropType) -> Option<&[u8]> {
    let prop_type = prop_type.of_value();
    if let Some(width) = width(prop_type) {
        return value.get(width..);
    }
    match prop_type {
        PropType::PtypString => skip_unicode(value),
        PropType::PtypString8 => skip_string8(value),
        PropType::PtypBinary | PropType::PtypObject | PropType::PtypServerId => skip_bytes(value),
        PropType::PtypMultipleString => skip_many(value, skip_unicode),
        PropType::PtypMultipleString8 => skip_many(value, skip_string8),
        PropType::PtypMultipleBinary => skip_many(value, skip_bytes),
        _ => {
            let width = width_of_many(prop_type)?;
            let (count, rest) = count(value)?;
            rest.get(count.checked_mul(width)?..)
        }
    }
}

/// The size of a value of this type in bytes, if it is fixed.
const fn width(prop_type: PropType) -> Option<usize> {
    match prop_type {
        PropType::PtypBoolean => Some(1),
        PropType::PtypInteger16 => Some(2),
        PropType::PtypInteger32 | PropType::PtypFloating32 | PropType::PtypErrorCode => Some(4),
        PropType::PtypInteger64
        | PropType::PtypFloating64
        | PropType::PtypCurrency
        | PropType::PtypFloatingTime
        | PropType::PtypTime => Some(8),
        PropType::PtypGuid => Some(16),
        _ => None,
    }
}

/// The size of each value of this multivalued type in bytes, if it is fixed.
const fn width_of_many(prop_type: PropType) -> Option<usize> {
    match prop_type {
        PropType::PtypMultipleInteger16 => Some(2),
        PropType::PtypMultipleInteger32 | PropType::PtypMultipleFloating32 => Some(4),
        PropType::PtypMultipleInteger64
        | PropType::PtypMultipleFloating64
        | PropType::PtypMultipleCurrency
        | PropType::PtypMultipleFloatingTime
        | PropType::PtypMultipleTime => Some(8),
        PropType::PtypMultipleGuid => Some(16),
        _ => None,
    }
}

#[inline]
fn skip_unicode(text: &[u8]) -> Option<&[u8]> {
    text.get(utf16_length(text)?.checked_add(2)?..)
}

fn skip_string8(text: &[u8]) -> Option<&[u8]> {
    text.get(CStr::from_bytes_until_nul(text).ok()?.count_bytes().checked_add(1)?..)
}

fn skip_bytes(bytes: &[u8]) -> Option<&[u8]> {
    let (size, rest) = bytes.split_first_chunk()?;
    rest.get(usize::from(u16::from_le_bytes(*size))..)
}

fn skip_many(values: &[u8], skip: fn(&[u8]) -> Option<&[u8]>) -> Option<&[u8]> {
    let (count, rest) = count(values)?;
    (0..count).try_fold(rest, |rest, _| skip(rest))
}

fn count(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (count, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(u32::from_le_bytes(*count)).ok()?, rest))
}
