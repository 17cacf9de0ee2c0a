//! Display of nodes, texts, bytes and lists on one line.
//!
//! `{}` shortens those that are long, and adds their length; `{:#}` displays them as a whole.

use std::fmt;

use super::Node;

/// The maximum number of characters of a text that `{}` displays.
const MAX_TEXT: usize = 120;
/// The maximum number of bytes of a binary value that `{}` displays.
const MAX_BYTES: usize = 32;
/// The maximum number of items of a list that `{}` displays.
const MAX_ITEMS: usize = 8;

/// The number of `length` elements that are displayed, of which `{}` displays `limit`.
fn displayed(f: &fmt::Formatter<'_>, length: usize, limit: usize) -> usize {
    if f.alternate() { length } else { length.min(limit) }
}

/// Writes `bytes` in hexadecimal, and the number of bytes.
pub(crate) fn bytes(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let count = displayed(f, bytes.len(), MAX_BYTES);
    f.write_str("0x")?;
    bytes.iter().take(count).try_for_each(|byte| write!(f, "{byte:02x}"))?;
    if count < bytes.len() {
        f.write_str("…")?;
    }
    write!(f, " ({} {})", bytes.len(), if bytes.len() == 1 { "byte" } else { "bytes" })
}

/// Writes `text` in quotation marks, and the number of characters if not all are displayed.
pub(crate) fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    match text.char_indices().nth(MAX_TEXT).filter(|_| !f.alternate()) {
        None => write!(f, "{text:?}"),
        Some((end, _)) => {
            write!(f, "{:?}… ({} characters)", text.get(..end).unwrap_or(text), text.chars().count())
        }
    }
}

/// Writes `text` in quotation marks if it is valid UTF-8, which includes ASCII; otherwise its bytes.
pub(crate) fn string8(f: &mut fmt::Formatter<'_>, text: &[u8]) -> fmt::Result {
    match std::str::from_utf8(text) {
        Ok(text) => quoted(f, text),
        Err(_) => bytes(f, text),
    }
}

/// Writes `items` in brackets, and the number of items if not all are displayed.
pub(crate) fn several<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    write_item: impl FnMut(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    enclosed(f, ["[", "]"], items, write_item)
}

/// Writes `items` between the two `delimiters`, and the number of items if not all are displayed.
fn enclosed<T>(
    f: &mut fmt::Formatter<'_>,
    [open, close]: [&str; 2],
    items: &[T],
    mut write_item: impl FnMut(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    let count = displayed(f, items.len(), MAX_ITEMS);
    f.write_str(open)?;
    for (index, item) in items.iter().take(count).enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write_item(f, item)?;
    }
    if count < items.len() {
        write!(f, ", … {} in all", items.len())?;
    }
    f.write_str(close)
}

impl fmt::Display for Node {
    /// Texts are quoted, bytes have the prefix `0x`, and lists and fields are enclosed in brackets and braces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("none"),
            Self::Boolean(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Signed(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Named(_, name) => f.write_str(name),
            Self::Text(text) => quoted(f, text),
            Self::String8 { bytes, .. } => string8(f, bytes),
            Self::Condition(condition) => condition.fmt(f),
            Self::Bytes(value) => bytes(f, value),
            Self::List(items) => several(f, items, |f, item| item.fmt(f)),
            Self::Fields(fields) => enclosed(f, ["{", "}"], fields, |f, (name, value)| {
                write!(f, "{name}: ")?;
                value.fmt(f)
            }),
        }
    }
}
