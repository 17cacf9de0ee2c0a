//! Finds the strings of a JSON response and their offsets, without building a tree.

use std::fmt::Write as _;
use std::ops::Range;

use super::error::{Error, MAX_DEPTH, MAX_SIZE};
use super::naming::{NameUse, Naming, rewrite_url};
use super::rewrite::{Edits, Replaced, Rewritten};

/// A string that is the value of a key.
struct Value {
    key: String,
    /// The byte range of the string in the document, without the quotes.
    span: Range<usize>,
    text: String,
}

/// Replaces the upstream's origin by the proxy's in a JSON response such as `{"Protocol":"Ews","Url":"https://…"}`: in
/// the value of each `Url` key. A response that refers the client to another Autodiscover service (`AutodiscoverV1`) is
/// rewritten in the same way.
///
/// # Errors
/// Fails if `body` is not JSON, or exceeds a limit.
pub fn rewrite_json<'a>(body: &'a [u8], naming: &mut dyn Naming) -> Result<Rewritten<'a>, Error> {
    let mut edits = Edits::new(body);
    for value in values(body)? {
        if !value.key.eq_ignore_ascii_case("Url") {
            continue;
        }
        if let Some(after) = rewrite_url(&value.text, NameUse::Service, naming) {
            let encoded = escape(&after);
            edits.replace(value.span, &encoded, Replaced { name: value.key, before: value.text, after });
        }
    }
    Ok(edits.finish())
}

/// Finds all strings that are values of keys. Other values are skipped and not validated, since they are not changed.
fn values(body: &[u8]) -> Result<Vec<Value>, Error> {
    if body.len() > MAX_SIZE {
        return Err(Error::TooLarge(body.len()));
    }
    let text = std::str::from_utf8(body).map_err(|e| Error::malformed(e.valid_up_to(), "not UTF-8"))?;
    let mut found = Vec::new();
    let mut keys: Vec<Option<String>> = Vec::new();
    let mut last: Option<(Range<usize>, String)> = None;
    let mut offset = 0_usize;
    while let Some(byte) = body.get(offset).copied() {
        match byte {
            b'"' => {
                let (end, string) = string(text, offset.saturating_add(1))?;
                last = Some((offset.saturating_add(1)..end, string));
                offset = end;
            }
            b':' => {
                let (_, key) =
                    last.take().ok_or_else(|| Error::malformed(offset, "no key before a colon"))?;
                let open =
                    keys.last_mut().ok_or_else(|| Error::malformed(offset, "a key outside of an object"))?;
                *open = Some(key);
            }
            b'{' | b'[' if keys.len() >= MAX_DEPTH => return Err(Error::TooDeep),
            b'{' | b'[' => keys.push(None),
            b',' | b'}' | b']' => {
                let key =
                    keys.last_mut().ok_or_else(|| Error::malformed(offset, "no object or array is open"))?;
                if let (Some(key), Some((span, text))) = (key.take(), last.take()) {
                    found.push(Value { key, span, text });
                }
                if byte != b',' {
                    keys.pop();
                }
            }
            _ => {}
        }
        offset = offset.saturating_add(1);
    }
    if keys.is_empty() { Ok(found) } else { Err(Error::malformed(offset, "ends too early")) }
}

/// Decodes the string that begins at `start`, after its opening quote; returns the offset of the closing quote and the
/// text.
fn string(text: &str, start: usize) -> Result<(usize, String), Error> {
    let mut out = String::new();
    let mut characters = text.get(start..).unwrap_or_default().char_indices();
    let ends = || Error::malformed(text.len(), "a string is not closed");
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((start.saturating_add(at), out)),
            '\\' => {
                let (_, escaped) = characters.next().ok_or_else(ends)?;
                match escaped {
                    'b' => out.push('\u{8}'),
                    'f' => out.push('\u{c}'),
                    'n' => out.push('\n'),
                    'r' => out.push('\r'),
                    't' => out.push('\t'),
                    'u' => {
                        let digits: String = characters.by_ref().take(4).map(|(_, digit)| digit).collect();
                        if digits.len() != 4 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                            return Err(ends());
                        }
                        let code = u32::from_str_radix(&digits, 16).map_err(|_| ends())?;
                        // Surrogate pairs do not occur in URLs, and only URLs are used.
                        out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    other => out.push(other),
                }
            }
            other => out.push(other),
        }
    }
    Err(ends())
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\u{0}'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            other => out.push(other),
        }
    }
    out
}
