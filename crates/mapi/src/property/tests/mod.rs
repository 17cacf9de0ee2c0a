//! Tests of properties, with the helpers that they share.

pub(crate) mod arbitrary;
mod bad_input;
mod by_columns;
mod display;
mod restriction;
mod row;
mod value;

use wire::{Reader, Result, Writer};

use super::*;

/// The bytes that `write` writes.
pub(crate) fn written(write: impl FnOnce(&mut Writer) -> Result<()>) -> Vec<u8> {
    let mut w = Writer::new();
    write(&mut w).unwrap();
    w.into_vec()
}

/// The value that `read` decodes from all of `bytes`.
pub(crate) fn whole<T>(bytes: &[u8], read: impl FnOnce(&mut Reader<'_>) -> Result<T>) -> Result<T> {
    let mut r = Reader::new(bytes);
    let value = read(&mut r)?;
    r.finish()?;
    Ok(value)
}

/// Decodes hexadecimal digits, ignoring white space.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}
