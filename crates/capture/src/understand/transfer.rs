//! `FastTransfer` buffers as trees, one buffer after the other of the same stream.

use std::borrow::Cow;

use mapi::fast_transfer::{Limits, Marker, Property, Token, Tokenizer};
use mapi::property::PropertyValue;
use mapi::show::Shown;

/// How deep parts are shown within one another.
const MAX_DEPTH: usize = 32;

/// Where in its stream a `FastTransfer` context stands.
#[derive(Debug)]
pub(super) struct Transfer {
    tokenizer: Tokenizer,
    /// The parts that are open, the innermost last.
    open: Vec<Marker>,
}

impl Default for Transfer {
    fn default() -> Self {
        Self { tokenizer: Tokenizer::new(Limits::default()), open: Vec::new() }
    }
}

/// A part that is being put together.
struct Part {
    marker: Option<Marker>,
    /// Whether it began in an earlier buffer.
    continued: bool,
    fields: Vec<(Cow<'static, str>, Shown)>,
}

impl Part {
    const fn new(marker: Option<Marker>, continued: bool) -> Self {
        Self { marker, continued, fields: Vec::new() }
    }

    fn finish(self, into: &mut Self) {
        let Some(marker) = self.marker else { return };
        let name = if self.continued { format!("{marker} (continued)") } else { marker.to_string() };
        into.fields.push((name.into(), Shown::Fields(self.fields)));
    }
}

impl Transfer {
    /// The next buffer of the stream, as a tree: parts by the names of their markers, properties by theirs.
    pub(super) fn show(&mut self, bytes: &[u8]) -> Shown {
        let mut stack = vec![Part::new(None, false)];
        stack.extend(self.open.iter().map(|marker| Part::new(Some(*marker), true)));
        let fed = self.tokenizer.feed(bytes, |token| {
            take(&mut stack, &token);
            Ok(())
        });
        if let Err(error) = fed
            && let Some(part) = stack.last_mut()
        {
            part.fields.push(("error".into(), Shown::Text(error.to_string())));
        }
        self.open = stack.iter().filter_map(|part| part.marker).collect();
        while stack.len() > 1 {
            close(&mut stack);
        }
        Shown::Fields(stack.pop().map(|part| part.fields).unwrap_or_default())
    }
}

fn close(stack: &mut Vec<Part>) {
    if let Some(part) = stack.pop_if(|part| part.marker.is_some())
        && let Some(into) = stack.last_mut()
    {
        part.finish(into);
    }
}

fn take(stack: &mut Vec<Part>, token: &Token<'_>) {
    match token {
        Token::Marker(marker) if marker.is_end() => {
            // Parts that no marker ends are over as well.
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
        Token::Large { info, length } => put(stack, info.to_string(), Shown::Text(format!("{length} bytes"))),
        Token::Piece { .. } => {}
    }
}

fn put(stack: &mut [Part], name: String, value: Shown) {
    if let Some(part) = stack.last_mut() {
        part.fields.push((name.into(), value));
    }
}

fn value(property: &Property<'_>) -> Shown {
    use mapi::fast_transfer::Value;
    match (&property.value, property.text()) {
        (_, Some(text)) => Shown::Text(text),
        (Value::Bytes(bytes), None) => Shown::Bytes(bytes.to_vec()),
        (Value::Boolean(value), None) => Shown::Boolean(*value != 0),
        (Value::Integer16(value), None) => Shown::Signed(i64::from(*value)),
        (Value::Integer32(value), None) => Shown::Signed(i64::from(*value)),
        (Value::Multiple(_), None) => {
            let text = property.to_string();
            Shown::Text(text.split_once(" = ").map_or(text.clone(), |(_, values)| values.to_owned()))
        }
        (Value::Integer64(value), None) => Shown::Signed(*value),
        (Value::Time(value), None) => Shown::Text(PropertyValue::Time(*value).to_string()),
        (value, None) => Shown::Text(value.to_string()),
    }
}
