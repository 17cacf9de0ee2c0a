//! Header fields, with their bytes as received.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

/// The header fields of a message, each as it came.
#[derive(Debug, Default)]
pub struct Fields {
    /// What the spans of the fields that came point into: the whole head.
    pub(crate) head: Bytes,
    pub(crate) lines: Vec<Line>,
    /// Fields of ours, to which lines point.
    ours: Vec<Ours>,
    /// Whether the fields are those that came, in their order.
    untouched: bool,
}

/// So many fields are usually added to a copy.
const ROOM: usize = 8;

/// What a field of ours takes beside its value, in bytes: its name, a colon, a blank and the line's end.
const FIELD: usize = 32;

impl Clone for Fields {
    /// A copy with room for more: heads are copied to be changed.
    fn clone(&self) -> Self {
        let Self { head, lines, ours, untouched } = self;
        let mut copy = Self {
            head: head.clone(),
            lines: Vec::with_capacity(lines.len() + ROOM),
            ours: Vec::with_capacity(ours.len() + ROOM),
            untouched: *untouched,
        };
        copy.lines.extend_from_slice(lines);
        copy.ours.extend_from_slice(ours);
        copy
    }
}

/// A field, in few bytes: heads are looked through often, and most of them never change.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Line {
    /// Name, value, and the line's own end, in the head. A line begins with its name.
    Came { name: Span, value: Span, end: u32 },
    /// A field of ours, by its place among them.
    Ours(usize),
}

#[derive(Debug, Clone)]
struct Ours {
    name: Name,
    value: Bytes,
}

#[derive(Debug, Clone)]
enum Name {
    /// As it came with another value.
    Came(Span),
    Ours(Cow<'static, str>),
}

/// A place in a head, which is never longer than 32 bits count.
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

/// A header field: its name as it is spelled, and its value without the space around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name.
    pub name: &'a str,
    /// The value: any bytes but controls.
    pub value: &'a [u8],
}

/// A field of ours that can be added to any number of messages, and is checked only once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyField {
    name: &'static str,
    value: Bytes,
}

impl ReadyField {
    /// None where it is no field: the name is no token, or the value has a control in it, or space around it.
    pub fn new(name: &'static str, value: impl Into<Bytes>) -> Option<Self> {
        let value = value.into();
        (is_name(name) && is_value(&value)).then_some(Self { name, value })
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its value.
    pub fn value(&self) -> &[u8] {
        &self.value
    }
}

/// What becomes of a field.
#[derive(Debug, Clone)]
pub enum Fate {
    /// It stays as it is.
    Stays,
    /// It goes.
    Goes,
    /// It has this value instead, or goes where that cannot be one.
    Becomes(Bytes),
}

impl Fields {
    /// The fields of `head`, which `lines` say where they are.
    pub(crate) const fn came(head: Bytes, lines: Vec<Line>) -> Self {
        Self { head, lines, ours: Vec::new(), untouched: true }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// All fields in their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Field<'_>> {
        self.raw().map(Field::of)
    }

    /// The values of the fields called `name`, whose case does not matter, in their order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.lines.iter().filter(move |line| self.is_called(**line, name)).map(|line| self.value(*line))
    }

    /// The value of the first field called `name`.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.lines.iter().find(|line| self.is_called(**line, name)).map(|line| self.value(*line))
    }

    /// The value of the first field called `name`, where it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.get(name)?).ok()
    }

    /// Whether there is a field called `name`.
    pub fn has(&self, name: &str) -> bool {
        self.lines.iter().any(|line| self.is_called(*line, name))
    }

    /// Whether a field called `name`, which is a list, names `token` in any case.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.all(name).flat_map(tokens).any(|found| found.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Adds a field behind the last one. False, and nothing is added, where it is none: the name is no token,
    /// or the value has a control in it, or space around it.
    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) -> bool {
        let (name, value) = (name.into(), value.into());
        let fit = is_name(&name) && is_value(&value);
        if fit {
            let line = self.own(Name::Ours(name), value);
            self.lines.push(line);
        }
        fit
    }

    /// Adds `field` behind the last one.
    pub fn add(&mut self, field: &ReadyField) {
        let line = self.own(Name::Ours(Cow::Borrowed(field.name)), field.value.clone());
        self.lines.push(line);
    }

    /// Removes the fields called `name`; says whether there were any.
    pub fn remove(&mut self, name: &str) -> bool {
        self.drop_where(|_, head, ours, line| is_called(head, ours, line, name))
    }

    /// Goes once through all fields, and does with each what `fate` says of its name and value.
    pub fn rewrite(&mut self, mut fate: impl FnMut(&[u8], &[u8]) -> Fate) {
        let Self { head, lines, ours, untouched } = self;
        lines.retain_mut(|line| {
            let (name, value) = raw(head, ours, *line);
            let becomes = match fate(name, value) {
                Fate::Stays => return true,
                Fate::Goes => None,
                Fate::Becomes(other) if other == value => return true,
                Fate::Becomes(other) => Some(other).filter(|other| is_value(other)),
            };
            *untouched = false;
            let Some((name, value)) = spelled(ours, *line).zip(becomes) else { return false };
            *line = Line::Ours(ours.len());
            ours.push(Ours { name, value });
            true
        });
    }

    /// Removes the fields that `keep` does not keep; says whether there were any.
    pub fn retain(&mut self, mut keep: impl FnMut(Field<'_>) -> bool) -> bool {
        self.drop_where(|_, head, ours, line| !keep(Field::of(raw(head, ours, line))))
    }

    /// Removes the fields of which `goes` says so, by their places and lines; says whether there were any.
    fn drop_where(&mut self, mut goes: impl FnMut(usize, &[u8], &[Ours], Line) -> bool) -> bool {
        let Self { head, lines, ours, untouched } = self;
        let before = lines.len();
        let mut place = 0;
        lines.retain(|line| {
            let goes = goes(place, head, ours, *line);
            place += 1;
            !goes
        });
        let removed = lines.len() != before;
        *untouched &= !removed;
        removed
    }

    /// Gives the field called `name` another value, in its place and spelling; further fields of that name go.
    /// Where there is none, it is added last. False, and nothing is done, where `value` cannot be one.
    pub fn set(&mut self, name: &'static str, value: impl Into<Bytes>) -> bool {
        let value = value.into();
        let Some(at) = self.lines.iter().position(|line| self.is_called(*line, name)) else {
            return self.push(name, value);
        };
        if !self.replace(at, value) {
            return false;
        }
        self.drop_where(|place, head, ours, line| place != at && is_called(head, ours, line, name));
        true
    }

    /// Gives the field called `name` this number as its value, as [`Fields::set`] does.
    pub fn set_number(&mut self, name: &'static str, number: u64) {
        let mut found = self.all(name);
        let same = found.next().and_then(decimal) == Some(number) && found.next().is_none();
        drop(found);
        if !same {
            self.set(name, number.to_string());
        }
    }

    /// Gives field number `at` another value. False, and nothing is done, where there is no such field or the
    /// value cannot be one.
    pub fn replace(&mut self, at: usize, value: impl Into<Bytes>) -> bool {
        let value = value.into();
        let Some(line) = self.lines.get(at).copied() else { return false };
        if !is_value(&value) {
            return false;
        }
        if raw(&self.head, &self.ours, line).1 != &*value {
            let Some(name) = spelled(&self.ours, line) else { return false };
            let line = self.own(name, value);
            if let Some(place) = self.lines.get_mut(at) {
                *place = line;
            }
        }
        true
    }

    /// A field of ours, which then needs a place among the lines.
    fn own(&mut self, name: Name, value: Bytes) -> Line {
        self.untouched = false;
        self.ours.push(Ours { name, value });
        Line::Ours(self.ours.len() - 1)
    }

    /// Whether the fields are those that came, in their order.
    pub(crate) const fn is_untouched(&self) -> bool {
        self.untouched
    }

    fn is_called(&self, line: Line, name: &str) -> bool {
        is_called(&self.head, &self.ours, line, name)
    }

    fn value(&self, line: Line) -> &[u8] {
        raw(&self.head, &self.ours, line).1
    }

    /// Names and values.
    pub(crate) fn raw(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        self.lines.iter().map(|line| raw(&self.head, &self.ours, *line))
    }

    /// Writes all lines, each with its line end. Lines that stand together leave together.
    /// So many bytes a head with these fields takes at most, as far as its first line is not of ours.
    pub(crate) fn room(&self) -> usize {
        let ours = self.ours.iter().map(|field| field.value.len().saturating_add(FIELD));
        self.head.len().saturating_add(ours.sum())
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut run = Span::default();
        for line in &self.lines {
            match *line {
                Line::Came { name, end, .. } if name.from == run.to => run.to = end,
                Line::Came { name, end, .. } => {
                    out.extend_from_slice(run.of(&self.head));
                    run = Span { from: name.from, to: end };
                }
                Line::Ours(_) => {
                    out.extend_from_slice(run.of(&self.head));
                    run = Span::default();
                    let (name, value) = raw(&self.head, &self.ours, *line);
                    for part in [name, b": ", value, b"\r\n"] {
                        out.extend_from_slice(part);
                    }
                }
            }
        }
        out.extend_from_slice(run.of(&self.head));
    }
}

/// The name of a field as it is spelled, for another value.
fn spelled(ours: &[Ours], line: Line) -> Option<Name> {
    match line {
        Line::Came { name, .. } => Some(Name::Came(name)),
        Line::Ours(place) => ours.get(place).map(|ours| ours.name.clone()),
    }
}

fn raw<'a>(head: &'a [u8], ours: &'a [Ours], line: Line) -> (&'a [u8], &'a [u8]) {
    match line {
        Line::Came { name, value, .. } => (name.of(head), value.of(head)),
        Line::Ours(place) => match ours.get(place) {
            Some(Ours { name: Name::Came(name), value }) => (name.of(head), value),
            Some(Ours { name: Name::Ours(name), value }) => (name.as_bytes(), value),
            None => Default::default(),
        },
    }
}

impl<'a> Field<'a> {
    /// Names are always ASCII.
    fn of((name, value): (&'a [u8], &'a [u8])) -> Self {
        Self { name: std::str::from_utf8(name).unwrap_or_default(), value }
    }
}

/// Whether the field of `line` is called `name`. Most names already differ in their lengths.
#[inline]
fn is_called(head: &[u8], ours: &[Ours], line: Line, name: &str) -> bool {
    match line {
        Line::Came { name: span, .. } if usize::try_from(span.len()) != Ok(name.len()) => false,
        line => raw(head, ours, line).0.eq_ignore_ascii_case(name.as_bytes()),
    }
}

/// A number in digits and nothing else, as we would write it.
fn decimal(text: &[u8]) -> Option<u64> {
    let plain = text.iter().all(u8::is_ascii_digit) && (text.len() == 1 || text.first() != Some(&b'0'));
    std::str::from_utf8(text).ok().filter(|_| plain)?.parse().ok()
}

/// The elements of a comma-separated list, without the space around them and without empty ones.
pub fn tokens(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

/// Which bytes a token may have (RFC 9110 5.6.2).
const IN_TOKENS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x80_u8 {
        let fit = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        #[expect(
            clippy::as_conversions,
            clippy::indexing_slicing,
            reason = "a byte is within 256, at compile time"
        )]
        {
            table[byte as usize] = fit;
        }
        byte += 1;
    }
    table
};

/// Whether `name` is a token (RFC 9110 5.6.2).
pub(crate) fn is_name(name: &str) -> bool {
    let fit = |byte: u8| IN_TOKENS.get(usize::from(byte)) == Some(&true);
    !name.is_empty() && name.bytes().all(fit)
}

/// Whether `value` is a field's value (RFC 9110 5.5).
pub(crate) fn is_value(value: &[u8]) -> bool {
    let has_space_at = |end: Option<&u8>| end.is_some_and(u8::is_ascii_whitespace);
    // All bytes are looked at, so that many are at once.
    let control = |byte: &u8| *byte != b'\t' && (*byte < 0x20 || *byte == 0x7f);
    let controls = value.iter().fold(false, |found, byte| found | control(byte));
    !controls && !has_space_at(value.first()) && !has_space_at(value.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tokens_and_values_have_no_controls() {
        for byte in 0..=u8::MAX {
            let token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            if let Ok(name) = std::str::from_utf8(&[b'a', byte]) {
                assert_eq!(is_name(name), token, "{byte}");
            }
            let inside = byte == b'\t' || (byte >= 0x20 && byte != 0x7f);
            let at_an_end = inside && !byte.is_ascii_whitespace();
            assert_eq!(is_value(&[b'a', byte, b'a']), inside, "{byte}");
            assert_eq!([is_value(&[b'a', byte]), is_value(&[byte, b'a'])], [at_an_end; 2], "{byte}");
        }
        assert!(!is_name("") && !is_name("\u{e9}") && is_value(b""));
    }

    #[test]
    fn a_field_that_is_ready_is_added_as_it_is() {
        assert_eq!(ReadyField::new("A B", "c"), None);
        assert_eq!(ReadyField::new("A", "c\r\nB: d"), None);
        let ready = ReadyField::new("A", "c").unwrap();
        let mut fields = Fields::default();
        fields.add(&ready);
        fields.add(&ready);
        assert_eq!(fields.all("a").collect::<Vec<_>>(), [ready.value(); 2]);
        let mut out = Vec::new();
        fields.clone().write(&mut out);
        assert_eq!(out, b"A: c\r\nA: c\r\n");
    }
}
