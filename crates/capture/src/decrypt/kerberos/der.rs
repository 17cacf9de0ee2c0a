//! A DER reader for Kerberos messages.

use wire::{Reader, Result};

/// Reads the next element. Returns its tag and its contents.
pub(super) fn element<'a>(r: &mut Reader<'a>, field: &'static str) -> Result<(u8, Reader<'a>)> {
    let tag = r.u8(field)?;
    let first = r.u8(field)?;
    let length = match first {
        0..=0x7f => u32::from(first),
        0x81..=0x84 => {
            let mut length = 0_u32;
            for _ in 0x80..first {
                length = length << 8 | u32::from(r.u8(field)?);
            }
            length
        }
        _ => return Err(r.invalid(field, first.into(), "a definite length of at most four bytes")),
    };
    let contents = r.sub(usize::try_from(length).unwrap_or(usize::MAX), field)?;
    Ok((tag, contents))
}

/// Reads the contents of the next element, which must have this tag.
pub(super) fn tagged<'a>(r: &mut Reader<'a>, tag: u8, field: &'static str) -> Result<Reader<'a>> {
    let (found, contents) = element(r, field)?;
    if found != tag {
        return Err(r.invalid(field, found.into(), "another tag"));
    }
    Ok(contents)
}

/// Reads a `SEQUENCE` within an element of this tag. Calls `visit` for each field, with the number of its context tag
/// and the element inside.
pub(super) fn sequence<'a>(
    r: &mut Reader<'a>,
    mut visit: impl FnMut(u8, Reader<'a>) -> Result<()>,
) -> Result<()> {
    let mut fields = tagged(r, SEQUENCE, "SEQUENCE")?;
    while !fields.is_empty() {
        let (tag, contents) = element(&mut fields, "field")?;
        visit(tag & 0x1f, contents)?;
    }
    Ok(())
}

/// An INTEGER of at most eight bytes.
pub(super) fn integer(r: &mut Reader<'_>, field: &'static str) -> Result<i64> {
    let mut contents = tagged(r, INTEGER, field)?;
    let bytes = contents.rest();
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    if bytes.is_empty() || bytes.len() > 8 {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        return Err(r.invalid(field, length, "an integer of one to eight bytes"));
    }
    Ok(bytes.iter().fold(if negative { -1 } else { 0 }, |value, byte| value << 8 | i64::from(*byte)))
}

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const GENERAL_STRING: u8 = 0x1b;
pub(super) const SEQUENCE: u8 = 0x30;
