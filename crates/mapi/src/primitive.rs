//! Primitives of all structures: zero-terminated strings in 8 and 16 bits, and a check before writing.

use wire::{Reader, Result, Utf16, Writer};

/// The bytes up to a zero byte, which is read as well.
pub(crate) fn read_string8<'a>(r: &mut Reader<'a>, field: &'static str) -> Result<&'a [u8]> {
    let rest = r.peek();
    let length = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    let text = r.bytes(length, field)?;
    r.u8(field)?;
    Ok(text)
}

/// The code units up to a zero one, which is read as well.
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

/// An error when what is to be written at `w` is not `right`.
pub(crate) fn require(
    right: bool,
    w: &Writer,
    field: &'static str,
    found: impl Into<u64>,
    expected: &'static str,
) -> Result<()> {
    if right { Ok(()) } else { Err(w.invalid(field, found.into(), expected)) }
}

#[cold]
fn inner_zero(w: &Writer, place: usize, field: &'static str) -> wire::Error {
    w.invalid(field, u64::try_from(place).unwrap_or(u64::MAX), "a text without zeros within")
}
