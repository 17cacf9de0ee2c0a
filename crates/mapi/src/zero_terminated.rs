//! Strings that end with a zero: of bytes, and of UTF-16 code units.

use wire::{Error, Reader, Result, Utf16, Writer};

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
    if let Some(index) = text.iter().position(|byte| *byte == 0) {
        return Err(inner_zero(w, index, field));
    }
    w.bytes(text).u8(0);
    Ok(())
}

/// Writes `text` and a zero code unit.
pub(crate) fn write_unicode(w: &mut Writer, text: &Utf16, field: &'static str) -> Result<()> {
    if let Some(index) = text.zero() {
        return Err(inner_zero(w, index.saturating_mul(2), field));
    }
    w.bytes(text.as_le_bytes()).u16(0);
    Ok(())
}

/// The error for a text with a zero, which is `start` bytes after the beginning of the text.
#[cold]
fn inner_zero(w: &Writer, start: usize, field: &'static str) -> Error {
    Error::invalid(field, w.len().saturating_add(start), 0, "a text without zeros")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_error_for_a_text_with_a_zero_has_the_offset_of_the_zero() {
        let mut w = Writer::new();
        w.bytes(&[1; 3]);
        let expected = |offset| Err(Error::invalid("Name", offset, 0, "a text without zeros"));
        assert_eq!(write_string8(&mut w, b"ab\0c", "Name"), expected(5));
        assert_eq!(write_unicode(&mut w, &Utf16::from("ab\0c"), "Name"), expected(7));
    }
}
