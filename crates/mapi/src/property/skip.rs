//! Skips rows without decoding them: reads only what determines their length.

use std::ffi::CStr;

use wire::utf16_length;

use super::row::{FlaggedValue, PropertyRow};
use super::tag::{PropTag, PropType};

/// The length in bytes of `count` rows of `columns` at the start of `bytes`, in a ROP buffer. None where the rows may
/// be malformed, or contain values whose length only decoding gives. Rows that are skipped here can be decoded, and
/// encode as the same bytes.
pub(super) fn length_of_rows(bytes: &[u8], columns: &[PropTag], count: usize) -> Option<usize> {
    let rest = (0..count).try_fold(bytes, |rest, _| behind_row(rest, columns))?;
    bytes.len().checked_sub(rest.len())
}

fn behind_row<'a>(row: &'a [u8], columns: &[PropTag]) -> Option<&'a [u8]> {
    let (flag, rest) = row.split_first()?;
    match *flag {
        PropertyRow::STANDARD => {
            columns.iter().try_fold(rest, |rest, column| behind_value(rest, column.prop_type()))
        }
        PropertyRow::FLAGGED => {
            columns.iter().try_fold(rest, |rest, column| behind_flagged(rest, column.prop_type()))
        }
        _ => None,
    }
}

fn behind_flagged(place: &[u8], prop_type: PropType) -> Option<&[u8]> {
    if prop_type.of_value() == PropType::PtypUnspecified {
        return None;
    }
    let (flag, rest) = place.split_first()?;
    match *flag {
        FlaggedValue::VALUE => behind_value(rest, prop_type),
        FlaggedValue::ABSENT => Some(rest),
        FlaggedValue::ERROR => rest.get(4..),
        _ => None,
    }
}

/// What stands behind a value.
fn behind_value(value: &[u8], prop_type: PropType) -> Option<&[u8]> {
    let prop_type = prop_type.of_value();
    if let Some(width) = width(prop_type) {
        return value.get(width..);
    }
    match prop_type {
        PropType::PtypString => behind_unicode(value),
        PropType::PtypString8 => behind_string8(value),
        PropType::PtypBinary | PropType::PtypObject | PropType::PtypServerId => behind_bytes(value),
        PropType::PtypMultipleString => behind_many(value, behind_unicode),
        PropType::PtypMultipleString8 => behind_many(value, behind_string8),
        PropType::PtypMultipleBinary => behind_many(value, behind_bytes),
        _ => {
            let width = width_of_many(prop_type)?;
            let (count, rest) = count(value)?;
            rest.get(count.checked_mul(width)?..)
        }
    }
}

/// How many bytes each value of a type has that has always as many.
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

/// How many bytes each of several values has, where all have as many.
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

fn behind_unicode(text: &[u8]) -> Option<&[u8]> {
    text.get(utf16_length(text)?.checked_add(2)?..)
}

fn behind_string8(text: &[u8]) -> Option<&[u8]> {
    text.get(CStr::from_bytes_until_nul(text).ok()?.count_bytes().checked_add(1)?..)
}

fn behind_bytes(bytes: &[u8]) -> Option<&[u8]> {
    let (size, rest) = bytes.split_first_chunk()?;
    rest.get(usize::from(u16::from_le_bytes(*size))..)
}

fn behind_many(values: &[u8], behind: fn(&[u8]) -> Option<&[u8]>) -> Option<&[u8]> {
    let (count, rest) = count(values)?;
    (0..count).try_fold(rest, |rest, _| behind(rest))
}

fn count(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (count, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(u32::from_le_bytes(*count)).ok()?, rest))
}
