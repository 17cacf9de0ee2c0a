//! Parses the XML of requests and responses: finds the elements that contain only text, and their offsets.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::error::{Error, MAX_DEPTH, MAX_ELEMENTS, MAX_SIZE};

/// An element that contains only text. Names have no namespace prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    /// The element's name.
    pub(super) name: String,
    /// The innermost scope that contains the element: its index in [`Document::scopes`].
    pub(super) scope: Option<usize>,
    /// The byte range of the element's content in the document.
    pub(super) span: Range<usize>,
    /// The element's text, unescaped.
    pub(super) text: String,
}

/// An element whose leaves belong together, such as the settings of a protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    /// The element's name.
    pub(super) name: String,
    /// What identifies the element among its siblings, such as the protocol's name: the value of its key attribute, or
    /// the text of the first leaf directly in it that has the key's name.
    pub(super) key: Option<String>,
    /// The name of the first element in it.
    pub(super) first: Option<String>,
    /// The number of elements that contain it.
    depth: usize,
}

/// The leaves and scopes of a document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Document {
    /// The leaves, in the order in which they end.
    pub(super) leaves: Vec<Leaf>,
    /// The scopes, in the order in which they begin.
    pub(super) scopes: Vec<Scope>,
}

impl Document {
    /// Returns the texts of all leaves with this name, in any letter case.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let found = self.leaves.iter().filter(move |leaf| leaf.name.eq_ignore_ascii_case(name));
        found.map(|leaf| leaf.text.trim())
    }
}

/// An element whose end has not been read yet.
struct Open {
    name: String,
    scope: Option<usize>,
    /// The offset at which its content begins.
    start: usize,
    /// The text read so far; `None` if the element contains anything but text.
    text: Option<String>,
}

struct Walk<'n> {
    scopes_named: &'n [&'n str],
    key: &'n str,
    open: Vec<Open>,
    /// The number of elements that were read.
    count: usize,
    document: Document,
}

/// Parses a document. Elements whose names are among `scopes`, in any letter case, are scopes; an attribute or a leaf
/// named `key` identifies each.
pub(super) fn read(body: &[u8], scopes: &[&str], key: &str) -> Result<Document, Error> {
    if body.len() > MAX_SIZE {
        return Err(Error::TooLarge(body.len()));
    }
    let (text, skipped) = match std::str::from_utf8(body) {
        Ok(text) => text.strip_prefix('\u{feff}').map_or((text, 0), |rest| (rest, '\u{feff}'.len_utf8())),
        Err(error) => return Err(Error::malformed(error.valid_up_to(), "not UTF-8")),
    };
    let mut reader = Reader::from_str(text);
    let mut walk =
        Walk { scopes_named: scopes, key, open: Vec::new(), count: 0, document: Document::default() };
    loop {
        let before = offset(&reader, skipped);
        let event = reader.read_event().map_err(|error| {
            let offset = usize::try_from(reader.error_position()).unwrap_or(usize::MAX);
            Error::malformed(offset.saturating_add(skipped), error.to_string())
        })?;
        let after = offset(&reader, skipped);
        match event {
            Event::Start(start) => walk.open(&start, after)?,
            Event::Empty(start) => {
                walk.open(&start, after)?;
                walk.close(after);
            }
            Event::End(_) => walk.close(before),
            Event::Text(text) => walk.text(&text, before)?,
            Event::CData(data) => walk.text(&data, before)?,
            Event::GeneralRef(reference) => {
                let text =
                    resolve(&reference).ok_or_else(|| Error::malformed(before, "an unknown entity"))?;
                walk.text(text.encode_utf8(&mut [0; 4]), before)?;
            }
            Event::DocType(_) => return Err(Error::DocumentType),
            Event::Comment(_) | Event::PI(_) => walk.mark_mixed(),
            Event::Decl(_) => {}
            Event::Eof => break,
        }
    }
    match walk.open.last() {
        Some(open) => Err(Error::malformed(body.len(), format!("{} is not closed", open.name))),
        None => Ok(walk.document),
    }
}

fn offset(reader: &Reader<&[u8]>, skipped: usize) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).saturating_add(skipped)
}

/// The character that a reference represents: one of the predefined entities, or a character code.
fn resolve(reference: &BytesRef<'_>) -> Option<char> {
    if reference.is_char_ref() {
        return reference.resolve_char_ref().ok().flatten();
    }
    match &**reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

impl Walk<'_> {
    fn open(&mut self, start: &BytesStart<'_>, after: usize) -> Result<(), Error> {
        let depth = self.open.len();
        if depth >= MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        self.count = self.count.saturating_add(1);
        if self.count > MAX_ELEMENTS {
            return Err(Error::TooMany);
        }
        let name = start.local_name().as_ref().to_owned();
        let mut scope = self.open.last().and_then(|open| open.scope);
        if let Some(outer) = self.directly_in(scope) {
            outer.first.get_or_insert_with(|| name.clone());
        }
        if self.scopes_named.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            let found = start
                .attributes()
                .with_checks(false)
                .flatten()
                .find(|known| known.key.local_name().as_ref().eq_ignore_ascii_case(self.key));
            let key = found.map(|found| found.value.trim().to_owned());
            scope = Some(self.document.scopes.len());
            self.document.scopes.push(Scope { name: name.clone(), key, first: None, depth });
        }
        self.mark_mixed();
        self.open.push(Open { name, scope, start: after, text: Some(String::new()) });
        Ok(())
    }

    /// Returns the scope if it is the innermost open element.
    fn directly_in(&mut self, scope: Option<usize>) -> Option<&mut Scope> {
        let depth = self.open.len();
        let scope = self.document.scopes.get_mut(scope?)?;
        (scope.depth.saturating_add(1) == depth).then_some(scope)
    }

    /// Records that the innermost open element contains something other than text.
    fn mark_mixed(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.text = None;
        }
    }

    fn text(&mut self, text: &str, before: usize) -> Result<(), Error> {
        match self.open.last_mut() {
            Some(open) => {
                if let Some(so_far) = &mut open.text {
                    so_far.push_str(text);
                }
                Ok(())
            }
            None if text.trim().is_empty() => Ok(()),
            None => Err(Error::malformed(before, "a text outside of all elements")),
        }
    }

    fn close(&mut self, end: usize) {
        let Some(open) = self.open.pop() else { return };
        let Some(text) = open.text else { return };
        if open.name.eq_ignore_ascii_case(self.key)
            && let Some(scope) = self.directly_in(open.scope)
        {
            scope.key.get_or_insert_with(|| text.trim().to_owned());
        }
        let span = open.start..end;
        self.document.leaves.push(Leaf { name: open.name, scope: open.scope, span, text });
    }
}

/// Escapes `text` for the content of an element.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            other => out.push(other),
        }
    }
    out
}
