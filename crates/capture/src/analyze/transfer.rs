//! Converts the buffers of a FastTransfer stream to trees, one after the other.

use std::borrow::Cow;

use mapi::fast_transfer::{Limits, Marker, Property, Token, Tokenizer, Value};
use mapi::inspect::{Node, string8_of, string16};
use mapi::property::{PropType, PropertyValue};
use wire::Error;

/// The maximum depth of nested parts in output.
const MAX_DEPTH: usize = 32;

/// The state of the stream of a FastTransfer context.
#[derive(Debug)]
pub(super) struct Transfer {
    tokenizer: Tokenizer,
    /// The open parts, the innermost last.
    open: Vec<Marker>,
    /// The incomplete value, which is transferred in pieces.
    large: Option<Large>,
    /// Whether the stream has an error.
    failed: bool,
    /// Whether the client sends the stream.
    pub(super) is_upload: bool,
}

/// A value that is transferred in pieces.
#[derive(Debug)]
struct Large {
    name: String,
    prop_type: PropType,
}

impl Large {
    /// Adds a piece to the value's bytes in this buffer.
    fn push(&self, stack: &mut [Part], piece: &[u8]) {
        let Some(part) = stack.last_mut() else { return };
        let continued = format!("{} (continued)", self.name);
        if let Some((name, Node::Bytes(bytes))) = part.fields.last_mut()
            && (*name == self.name || *name == continued)
        {
            bytes.extend_from_slice(piece);
        } else {
            part.fields.push((continued.into(), Node::Bytes(piece.to_vec())));
        }
    }
}

impl Large {
    /// Ends the value. If this buffer contains all of it, it is shown like any other value.
    fn finish(&self, stack: &mut [Part]) {
        let last = stack.last_mut().and_then(|part| part.fields.last_mut());
        if let Some((_, value)) = last.filter(|(name, _)| *name == self.name)
            && let Node::Bytes(bytes) = value
        {
            *value = in_bytes(self.prop_type, bytes);
        }
    }
}

impl Default for Transfer {
    fn default() -> Self {
        Self {
            tokenizer: Tokenizer::new(Limits::default()),
            open: Vec::new(),
            large: None,
            failed: false,
            is_upload: false,
        }
    }
}

/// A part that is being assembled.
struct Part {
    marker: Option<Marker>,
    /// Whether it began in an earlier buffer.
    continued: bool,
    fields: Vec<(Cow<'static, str>, Node)>,
}

impl Part {
    const fn new(marker: Option<Marker>, continued: bool) -> Self {
        Self { marker, continued, fields: Vec::new() }
    }

    fn finish(self, into: &mut Self) {
        let Some(marker) = self.marker else { return };
        let name = if self.continued { format!("{marker} (continued)") } else { marker.to_string() };
        into.fields.push((name.into(), Node::Fields(self.fields)));
    }
}

impl Transfer {
    /// Why the stream is not complete if it ends here; `None` if it can end here. Errors that `node` has reported are
    /// not repeated.
    pub(super) fn incomplete(&self) -> Option<Error> {
        self.tokenizer.finish().err().filter(|_| !self.failed)
    }

    /// Converts the next buffer of the stream to a tree of parts, by the names of markers and properties. Adds an error
    /// in the stream to `problems`, once.
    pub(super) fn node(&mut self, bytes: &[u8], problems: &mut Vec<String>) -> Node {
        let mut stack = vec![Part::new(None, false)];
        stack.extend(self.open.iter().map(|marker| Part::new(Some(*marker), true)));
        let Self { tokenizer, large, .. } = self;
        let fed = tokenizer.feed(bytes, |token| {
            take(&mut stack, large, &token);
            Ok(())
        });
        if let Err(error) = fed {
            if !std::mem::replace(&mut self.failed, true) {
                problems.push(error.to_string());
            }
            if let Some(part) = stack.last_mut() {
                part.fields.push(("error".into(), Node::Text(error.to_string())));
            }
        }
        self.open = stack.iter().filter_map(|part| part.marker).collect();
        while stack.len() > 1 {
            close(&mut stack);
        }
        Node::Fields(stack.pop().map(|part| part.fields).unwrap_or_default())
    }
}

fn close(stack: &mut Vec<Part>) {
    if let Some(part) = stack.pop_if(|part| part.marker.is_some())
        && let Some(into) = stack.last_mut()
    {
        part.finish(into);
    }
}

fn take(stack: &mut Vec<Part>, large: &mut Option<Large>, token: &Token<'_>) {
    match token {
        Token::Marker(marker) if marker.is_end() => {
            // Parts without an end marker end here too.
            while stack.last().and_then(|part| part.marker).is_some_and(|open| open.end().is_none()) {
                close(stack);
            }
            close(stack);
        }
        Token::Marker(marker) => {
            if stack.last().and_then(|part| part.marker).is_some_and(|open| open.end().is_none())
                && marker.end().is_none()
            {
                close(stack);
            }
            if stack.len() < MAX_DEPTH {
                stack.push(Part::new(Some(*marker), false));
            }
        }
        Token::Property(property) => put(stack, property.info.to_string(), value(property)),
        Token::Large { info, .. } => {
            *large = Some(Large { name: info.to_string(), prop_type: info.tag.prop_type() });
            put(stack, info.to_string(), Node::Bytes(Vec::new()));
        }
        Token::Piece { bytes, is_last } => {
            if let Some(one) = large.as_ref() {
                one.push(stack, bytes);
            }
            if let Some(one) = large.take_if(|_| *is_last) {
                one.finish(stack);
            }
        }
    }
}

fn put(stack: &mut [Part], name: String, value: Node) {
    if let Some(part) = stack.last_mut() {
        part.fields.push((name.into(), value));
    }
}

fn value(property: &Property<'_>) -> Node {
    if let Some(ids) = property.ids() {
        return Node::Text(ids);
    }
    match &property.value {
        Value::Multiple(_) => {
            let single = PropType(property.info.tag.prop_type().0 & !PropType::MULTIVALUE);
            Node::List(property.values().map(|value| one(single, &value)).collect())
        }
        value => one(property.info.tag.prop_type(), value),
    }
}

/// One value of a property.
fn one(prop_type: PropType, value: &Value<'_>) -> Node {
    match value {
        Value::Bytes(bytes) => in_bytes(prop_type, bytes),
        Value::Boolean(value) => Node::Boolean(*value != 0),
        Value::Integer16(value) => Node::Signed(i64::from(*value)),
        Value::Integer32(value) => Node::Signed(i64::from(*value)),
        Value::Integer64(value) => Node::Signed(*value),
        Value::Floating32(value) => Node::Float(f64::from(*value)),
        Value::Floating64(value) => Node::Float(*value),
        Value::Time(value) => Node::Text(PropertyValue::Time(*value).to_string()),
        other => Node::Text(other.to_string()),
    }
}

/// Converts bytes: a text, whose type may specify a code page ([MS-OXCFXICS] 2.2.4.1.1.1), or other bytes.
fn in_bytes(prop_type: PropType, bytes: &[u8]) -> Node {
    /// The bit of types whose other bits are a code page, and the code page of UTF-16.
    const CODE_PAGE: u16 = 0x8000;
    const UTF_16: u16 = 1200;
    let page = Some(prop_type.0 & !CODE_PAGE).filter(|_| prop_type.0 & CODE_PAGE != 0);
    match (prop_type, page) {
        (PropType::PtypString, _) | (_, Some(UTF_16)) => {
            let (units, _) = bytes.as_chunks::<2>();
            let end = units.iter().rposition(|unit| *unit != [0, 0]).map_or(0, |last| last.saturating_add(1));
            let text = if bytes.len().is_multiple_of(2) {
                units.get(..end).unwrap_or_default().as_flattened()
            } else {
                bytes
            };
            string16(text)
        }
        (PropType::PtypString8, _) | (_, Some(_)) => {
            string8_of(bytes.strip_suffix(b"\0").unwrap_or(bytes), page)
        }
        _ => Node::Bytes(bytes.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A tag, and what follows it in a stream.
    fn property(tag: u32, value: &[&[u8]]) -> Vec<u8> {
        [&tag.to_le_bytes()[..], &value.concat()].concat()
    }

    fn number(value: usize) -> [u8; 4] {
        u32::try_from(value).unwrap().to_le_bytes()
    }

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
    }

    /// Multiple values: a count, then each value ([MS-OXCFXICS] 2.2.4.1).
    #[test]
    fn multiple_values_are_shown_as_a_list() {
        let texts = ["red", "blue"].map(|text| [&number(2 * text.len() + 2)[..], &utf16(text)].concat());
        let bytes = [[&number(2)[..], &[0xab, 0xcd]].concat(), [&number(1)[..], &[0xef]].concat()];
        let buffer = [
            property(0x6805_1003, &[&number(2), &7_i32.to_le_bytes(), &(-7_i32).to_le_bytes()]),
            property(0x3A58_101F, &[&number(2), &texts[0], &texts[1]]),
            property(0x6845_1102, &[&number(2), &bytes[0], &bytes[1]]),
            property(0x3A58_101F, &[&number(0)]),
        ]
        .concat();
        let shown = Transfer::default().node(&buffer, &mut Vec::new());
        let Node::Fields(fields) = shown else { panic!("{shown:?}") };
        let values: Vec<_> = fields.iter().map(|(_, value)| crate::show::json_value(value)).collect();
        assert_eq!(values, [json!([7, -7]), json!(["red", "blue"]), json!(["abcd", "ef"]), json!([])]);
    }

    /// A value larger than a buffer is transferred in pieces.
    #[test]
    fn long_binary_values_are_shown_completely_in_hexadecimal() {
        let content: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let stream = property(0x3701_0102, &[&number(content.len()), &content]);
        let shown = |transfer: &mut Transfer, bytes: &[u8]| {
            let shown = transfer.node(bytes, &mut Vec::new());
            let Node::Fields(fields) = &shown else { panic!("{shown:?}") };
            let [(name, value)] = &fields[..] else { panic!("{shown:?}") };
            (name.to_string(), crate::show::json_value(value).as_str().unwrap().to_owned())
        };
        let hex = content.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        let whole = shown(&mut Transfer::default(), &stream);
        assert_eq!(whole, ("PidTagAttachDataBinary".to_owned(), hex.clone()));

        let mut transfer = Transfer::default();
        let (first, rest) = stream.split_at(40_000);
        let (first, rest) = (shown(&mut transfer, first), shown(&mut transfer, rest));
        assert_eq!((&*first.0, &*rest.0), ("PidTagAttachDataBinary", "PidTagAttachDataBinary (continued)"));
        assert!(first.1 + &rest.1 == hex);
    }
}
