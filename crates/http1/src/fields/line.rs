//! The representation of fields: spans of the received head, and added fields.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

/// A compact reference to a field: heads are searched often, and most fields are never changed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Line {
    /// The spans of the name and the value in the head, and the end of the line. The line begins with the name.
    Received { name: Span, value: Span, end: u32 },
    /// A field that was added or has a new value: an index into the added fields.
    Added(usize),
}

/// A field that was added, or the new value of a received one.
#[derive(Debug, Clone)]
pub(super) struct Added {
    pub(super) name: Name,
    pub(super) value: Bytes,
}

/// The name of an added field.
#[derive(Debug, Clone)]
pub(super) enum Name {
    /// The name of the received field whose value was replaced.
    Received(Span),
    Added(Cow<'static, str>),
}

/// A range of bytes in a head. The limits keep the length of a head within 32 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: u32,
    pub(crate) to: u32,
}

impl Span {
    pub(crate) fn new(range: &Range<usize>) -> Option<Self> {
        Some(Self { from: u32::try_from(range.start).ok()?, to: u32::try_from(range.end).ok()? })
    }

    const fn len(self) -> u32 {
        self.to.saturating_sub(self.from)
    }

    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        let range = usize::try_from(self.from).ok().zip(usize::try_from(self.to).ok());
        range.and_then(|(from, to)| bytes.get(from..to)).unwrap_or_default()
    }
}

/// The lengths of names, modulo 64, one bit for each.
///
/// Most names that are looked up in a head are absent, and most of these have a length that no name in the head has:
/// one comparison replaces one for each field.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct NameLengths(u64);

impl NameLengths {
    /// The lengths of the names in received lines.
    pub(super) fn of_received(lines: &[Line]) -> Self {
        let add = |bits, line: &Line| match line {
            Line::Received { name, .. } => bits | 1 << (name.len() % u64::BITS),
            Line::Added(_) => bits,
        };
        Self(lines.iter().fold(0, add))
    }

    /// Adds the length of `name`.
    pub(super) const fn add(&mut self, name: &str) {
        self.0 |= Self::bit(name.len());
    }

    /// Whether `name` may be one of the names: whether one of them has its length.
    pub(super) const fn may_be_of(self, name: &str) -> bool {
        self.0 & Self::bit(name.len()) != 0
    }

    const fn bit(length: usize) -> u64 {
        1 << (length % 64)
    }
}

/// The storage to which lines refer: the received head and the added fields.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) head: &'a [u8],
    pub(super) added: &'a [Added],
}

impl<'a> Source<'a> {
    /// The name and the value of a line.
    #[inline]
    pub(super) fn field(self, line: Line) -> (&'a [u8], &'a [u8]) {
        match line {
            Line::Received { name, value, .. } => (name.of(self.head), value.of(self.head)),
            Line::Added(index) => match self.added.get(index) {
                Some(Added { name: Name::Received(name), value }) => (name.of(self.head), value),
                Some(Added { name: Name::Added(name), value }) => (name.as_bytes(), value),
                None => Default::default(),
            },
        }
    }

    pub(super) fn value(self, line: Line) -> &'a [u8] {
        self.field(line).1
    }

    /// Whether the field of `line` is called `name`. Most names already differ in their lengths.
    #[inline]
    pub(super) fn is_called(self, line: Line, name: &str) -> bool {
        let differs = match line {
            Line::Received { name: span, .. } => usize::try_from(span.len()) != Ok(name.len()),
            Line::Added(_) => false,
        };
        !differs && self.has_name(line, name.as_bytes())
    }

    fn has_name(self, line: Line, name: &[u8]) -> bool {
        let own = match line {
            Line::Received { name, .. } => name.of(self.head),
            added @ Line::Added(_) => self.field(added).0,
        };
        own.eq_ignore_ascii_case(name)
    }

    /// The name of a line in its spelling, for a new value.
    pub(super) fn spelled_name(self, line: Line) -> Option<Name> {
        match line {
            Line::Received { name, .. } => Some(Name::Received(name)),
            Line::Added(index) => self.added.get(index).map(|added| added.name.clone()),
        }
    }
}
