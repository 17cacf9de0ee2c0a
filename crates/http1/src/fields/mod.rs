//! Header fields, with their bytes as received.

pub(crate) mod edit;
pub(crate) mod line;
pub(crate) mod syntax;

use bytes::Bytes;

use self::line::{Added, Line, NameLengths, Source, Span};
use self::syntax::tokens;

/// The header fields of a message.
///
/// A received field keeps its bytes: the spelling of its name, the white space around its value, its line
/// end. Editing a field changes no other.
#[derive(Debug, Default)]
pub struct Fields {
    /// The received head, to which the spans of received lines refer. Empty for a new head.
    pub(crate) head: Bytes,
    lines: Vec<Line>,
    /// The added fields and new values, which lines refer to by index.
    added: Vec<Added>,
    /// Whether the fields are the received ones, in their order.
    unmodified: bool,
    /// The lengths of the names of all fields, and of some that were removed.
    lengths: NameLengths,
}

/// The number of fields that are usually added to a copy.
const SPARE_LINES: usize = 8;

/// The size of an added field beside its value, in bytes: name, colon, space and line end, estimated.
const ADDED_FIELD_OVERHEAD: usize = 32;

impl Clone for Fields {
    /// Copies the fields with spare capacity, since a head is usually copied to be changed.
    fn clone(&self) -> Self {
        let Self { head, lines, added, unmodified, lengths } = self;
        let mut copy = Self {
            head: head.clone(),
            lines: Vec::with_capacity(lines.len() + SPARE_LINES),
            added: Vec::with_capacity(added.len() + SPARE_LINES),
            unmodified: *unmodified,
            lengths: *lengths,
        };
        copy.lines.extend_from_slice(lines);
        copy.added.extend_from_slice(added);
        copy
    }
}

/// A header field: its name as received, and its value without white space around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name.
    pub name: &'a str,
    /// The value: any bytes but control characters.
    pub value: &'a [u8],
}

impl<'a> Field<'a> {
    /// Names are always ASCII.
    fn of((name, value): (&'a [u8], &'a [u8])) -> Self {
        Self { name: std::str::from_utf8(name).unwrap_or_default(), value }
    }
}

impl Fields {
    /// Creates the fields of the received `head`, to which `lines` refer.
    pub(crate) fn from_received(head: Bytes, lines: Vec<Line>) -> Self {
        let lengths = NameLengths::of_received(&lines);
        Self { head, lines, added: Vec::new(), unmodified: true, lengths }
    }

    /// The number of fields.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// All fields in their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Field<'_>> {
        self.raw().map(Field::of)
    }

    /// The values of the fields called `name`, in their order. Names are compared without regard to case, as
    /// in every method here.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let source = self.source();
        let lines = if self.lengths.may_be_of(name) { &self.lines[..] } else { &[] };
        let called = lines.iter().filter(move |line| source.is_called(**line, name));
        called.map(move |line| source.value(*line))
    }

    /// The value of the first field called `name`.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.position(name).and_then(|at| self.lines.get(at)).map(|line| self.source().value(*line))
    }

    /// The value of the first field called `name`, if that value is UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.get(name)?).ok()
    }

    /// Whether there is a field called `name`.
    pub fn has(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// Whether a field called `name`, whose value is a list of tokens, has `token` in any case.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.all(name).flat_map(tokens).any(|found| found.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Whether the fields are the received ones, in their order.
    pub(crate) const fn is_unmodified(&self) -> bool {
        self.unmodified
    }

    /// Names and values.
    pub(crate) fn raw(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        let source = self.source();
        self.lines.iter().map(move |line| source.field(*line))
    }

    /// An upper bound for the size of a head with these fields, in bytes, if its start line is the received
    /// one.
    pub(crate) fn size_hint(&self) -> usize {
        let added = self.added.iter().map(|field| field.value.len().saturating_add(ADDED_FIELD_OVERHEAD));
        self.head.len().saturating_add(added.sum())
    }

    /// Appends all fields, each with its line end. Received lines that are adjacent are copied at once.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut run = Span::default();
        for line in &self.lines {
            match *line {
                Line::Received { name, end, .. } if name.from == run.to => run.to = end,
                Line::Received { name, end, .. } => {
                    out.extend_from_slice(run.of(&self.head));
                    run = Span { from: name.from, to: end };
                }
                Line::Added(_) => {
                    out.extend_from_slice(run.of(&self.head));
                    run = Span::default();
                    let (name, value) = self.source().field(*line);
                    for part in [name, b": ", value, b"\r\n"] {
                        out.extend_from_slice(part);
                    }
                }
            }
        }
        out.extend_from_slice(run.of(&self.head));
    }

    fn source(&self) -> Source<'_> {
        Source { head: &self.head, added: &self.added }
    }

    /// The index of the first field called `name`.
    fn position(&self, name: &str) -> Option<usize> {
        if !self.lengths.may_be_of(name) {
            return None;
        }
        let source = self.source();
        self.lines.iter().position(|line| source.is_called(*line, name))
    }
}
