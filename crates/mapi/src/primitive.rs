//! Primitives of structures: zero-terminated strings, and a check of values before they are written.

use wire::{Reader, Result, Utf16, Writer};

/// Reads bytes up to a zero byte, which is consumed.
pub(crate) fn read_string8<'a>(r: &mut Reader<'a>, field: &'static str) -> Result<&'a [u8]> {
    let rest = r.peek();
    let length = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    let text = r.bytes(length, field)?;
    r.u8(field)?;
    Ok(text)
}

/// Reads UTF-16 code units up to a zero, which is consumed.
pub(crate) fn read_unicode(r: &mut Reader<'_>, field: &'static str) -> Result<Utf16> {
    Utf16::read_terminated(r, field)
}

/// Writes `text` and a zero byte.
pub(crate) fn write_string8(w: &mut Writer, text: &[u8], field: &'static str) -> Result<()> {
    if let Some(place) = text.iter().position(|byte| *byte == 0) {
        return Err(inner_zero(w, place, field));
    }
    w.bytes(text).u8(0);
    Ok(())
}

/// Writes `text` and a zero code unit.
pub(crate) fn write_unicode(w: &mut Writer, text: &Utf16, field: &'static str) -> Result<()> {
    if let Some(place) = text.zero() {
        return Err(inner_zero(w, place, field));
    }
    w.bytes(text.as_le_bytes()).u16(0);
    Ok(())
}

/// Returns an error for the value `found` that is to be written, unless it `is_valid`.
pub(crate) fn require(
    is_valid: bool,
    w: &Writer,
    field: &'static str,
    found: impl Into<u64>,
    expected: &'static str,
) -> Result<()> {
    if is_valid { Ok(()) } else { Err(w.invalid(field, found.into(), expected)) }
}

#[cold]
fn inner_zero(w: &Writer, place: usize, field: &'static str) -> wire::Error {
    w.invalid(field, u64::try_from(place).unwrap_or(u64::MAX), "a text without zeros")
}
