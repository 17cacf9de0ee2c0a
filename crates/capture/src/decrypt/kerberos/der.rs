//! Structures of DER that Kerberos' messages contain.

use identity::der::{INTEGER, SEQUENCE, any_element, element};
use wire::{Reader, Result};

/// Reads a SEQUENCE, and calls `visit` for each of its fields with the number of the field's context tag and the
/// element within it.
pub(super) fn sequence<'a>(
    r: &mut Reader<'a>,
    mut visit: impl FnMut(u8, Reader<'a>) -> Result<()>,
) -> Result<()> {
    let mut fields = element(r, SEQUENCE, "SEQUENCE")?;
    while !fields.is_empty() {
        let (tag, contents) = any_element(&mut fields, "field")?;
        visit(tag & 0x1f, contents)?;
    }
    Ok(())
}

/// An INTEGER of at most eight bytes.
pub(super) fn integer(r: &mut Reader<'_>, field: &'static str) -> Result<i64> {
    let mut contents = element(r, INTEGER, field)?;
    let bytes = contents.rest();
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    if bytes.is_empty() || bytes.len() > 8 {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        return Err(r.invalid(field, length, "an integer of one to eight bytes"));
    }
    Ok(bytes.iter().fold(if negative { -1 } else { 0 }, |value, byte| value << 8 | i64::from(*byte)))
}
