//! The subset of DER (X.690) that SPNEGO and Kerberos need: definite, shortest lengths and low tag numbers.

use wire::{Error, ErrorKind, Reader, Result};

/// The tag of an INTEGER.
pub const INTEGER: u8 = 0x02;
/// The tag of a BIT STRING.
pub const BIT_STRING: u8 = 0x03;
/// The tag of an OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
/// The tag of a `GeneralString`.
pub const GENERAL_STRING: u8 = 0x1b;
/// The tag of a SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
pub(crate) const APPLICATION_0: u8 = 0x60;

/// The tag of a constructed, context-specific element.
pub(crate) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// The name of `tag` in errors.
const fn name_of(tag: u8) -> &'static str {
    match tag {
        INTEGER => "an INTEGER (0x2)",
        BIT_STRING => "a BIT STRING (0x3)",
        OCTET_STRING => "an OCTET STRING (0x4)",
        OID => "an OBJECT IDENTIFIER (0x6)",
        ENUMERATED => "an ENUMERATED (0xa)",
        GENERAL_STRING => "a GeneralString (0x1b)",
        SEQUENCE => "a SEQUENCE (0x30)",
        APPLICATION_0 => "[APPLICATION 0] (0x60)",
        0x61..=0x7f => "another [APPLICATION] tag (0x61 to 0x7f)",
        0xa0 => "[0] (0xa0)",
        0xa1 => "[1] (0xa1)",
        0xa2 => "[2] (0xa2)",
        0xa3 => "[3] (0xa3)",
        _ => "another context-specific tag (0xa4 to 0xbf)",
    }
}

/// The next element's tag, if there is an element.
pub(crate) fn peek(r: &Reader<'_>) -> Option<u8> {
    r.peek().first().copied()
}

/// The contents of the next element, which must have this tag. `field` is its name in errors.
///
/// # Errors
/// If it has another tag, or cannot be decoded.
pub fn element<'a>(r: &mut Reader<'a>, tag: u8, field: &'static str) -> Result<Reader<'a>> {
    let (found, contents) = any_element(r, field)?;
    if found != tag {
        return Err(r.invalid(field, found.into(), name_of(tag)));
    }
    Ok(contents)
}

/// The tag and the contents of the next element. `field` is its name in errors.
///
/// # Errors
/// If it is truncated, or its length is not in the shortest form or has more than four bytes.
pub fn any_element<'a>(r: &mut Reader<'a>, field: &'static str) -> Result<(u8, Reader<'a>)> {
    let tag = r.u8(field)?;
    let first = r.u8(field)?;
    let length = match first {
        0..=0x7f => usize::from(first),
        0x81..=0x84 => {
            let mut length = 0u32;
            for _ in 0x80..first {
                length = (length << 8) | u32::from(r.u8(field)?);
            }
            // In its shortest form, the length needs every one of these bytes.
            let shortest = match first {
                0x81 => 0x80,
                0x82 => 0x100,
                0x83 => 0x1_0000,
                _ => 0x100_0000,
            };
            if length < shortest {
                return Err(r.invalid(field, length.into(), "the shortest form of a length"));
            }
            usize::try_from(length).unwrap_or(usize::MAX)
        }
        _ => return Err(r.invalid(field, first.into(), "a definite length of at most four bytes")),
    };
    Ok((tag, r.sub(length, field)?))
}

/// The contents of the next element if it has this tag.
pub(crate) fn optional<'a>(r: &mut Reader<'a>, tag: u8, field: &'static str) -> Result<Option<Reader<'a>>> {
    if peek(r) == Some(tag) { element(r, tag, field).map(Some) } else { Ok(None) }
}

/// The contents of an element that is alone inside an optional one with a context tag.
pub(crate) fn tagged<'a>(
    r: &mut Reader<'a>,
    number: u8,
    tag: u8,
    field: &'static str,
) -> Result<Option<&'a [u8]>> {
    let Some(mut outer) = optional(r, context(number), field)? else { return Ok(None) };
    let inner = element(&mut outer, tag, field)?;
    outer.finish()?;
    Ok(Some(inner.peek()))
}

/// An element with this tag and these contents.
pub(crate) fn wrap(tag: u8, contents: &[u8]) -> Result<Vec<u8>> {
    let length = u32::try_from(contents.len()).map_err(|_| {
        let kind = ErrorKind::TooLong {
            length: u64::try_from(contents.len()).unwrap_or(u64::MAX),
            limit: u64::from(u32::MAX),
        };
        Error::new(kind, "length", 0)
    })?;
    let mut out = Vec::with_capacity(contents.len().saturating_add(6));
    out.push(tag);
    let [a, b, c, d] = length.to_be_bytes();
    match length {
        0..=0x7f => out.push(d),
        0x80..=0xff => out.extend([0x81, d]),
        0x100..=0xffff => out.extend([0x82, c, d]),
        0x1_0000..=0xff_ffff => out.extend([0x83, b, c, d]),
        _ => out.extend([0x84, a, b, c, d]),
    }
    out.extend_from_slice(contents);
    Ok(out)
}
