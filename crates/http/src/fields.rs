use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

/// The header fields of a message, each as it came.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// What the spans of the fields that came point into: the whole head.
    pub(crate) head: Bytes,
    pub(crate) lines: Vec<Line>,
    /// Whether the fields are those that came, in their order.
    pub(crate) untouched: bool,
}

/// A field: as it came, or of ours.
#[derive(Debug, Clone)]
pub(crate) enum Line {
    /// Name, value, and the line's own end, in the head. A line begins with its name.
    Came { name: Span, value: Span, end: u32 },
    /// A field of ours.
    Ours { name: Cow<'static, str>, value: Bytes },
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

impl Fields {
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
        self.lines.iter().map(|line| self.field(line))
    }

    /// The values of the fields called `name`, whose case does not matter, in their order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }

    /// The value of the first field called `name`.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }

    /// The value of the first field called `name`, where it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.get(name)?).ok()
    }

    /// Whether there is a field called `name`.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether a field called `name`, which is a list, names `token` in any case.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.all(name).flat_map(tokens).any(|found| found.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Adds a field behind the last one. False, and nothing is added, where it is none: the name is no token, or
    /// the value has a control in it, or space around it.
    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) -> bool {
        let (name, value) = (name.into(), value.into());
        let fit = is_name(&name) && is_value(&value);
        if fit {
            self.untouched = false;
            self.lines.push(Line::Ours { name, value });
        }
        fit
    }

    /// Removes the fields called `name`; says whether there were any.
    pub fn remove(&mut self, name: &str) -> bool {
        self.retain(|field| !field.name.eq_ignore_ascii_case(name))
    }

    /// Removes the fields that `keep` does not keep; says whether there were any.
    pub fn retain(&mut self, mut keep: impl FnMut(Field<'_>) -> bool) -> bool {
        let Self { head, lines, untouched } = self;
        let before = lines.len();
        lines.retain(|line| keep(field(head, line)));
        let removed = lines.len() != before;
        *untouched &= !removed;
        removed
    }

    /// Gives the field called `name` another value, in its place and spelling; further fields of that name go.
    /// Where there is none, it is added last. False, and nothing is done, where `value` can't be one.
    pub fn set(&mut self, name: &'static str, value: impl Into<Bytes>) -> bool {
        let value = value.into();
        let Some(at) = self.iter().position(|field| field.name.eq_ignore_ascii_case(name)) else {
            return self.push(name, value);
        };
        if !self.replace(at, value) {
            return false;
        }
        let mut place = 0;
        self.retain(|field| {
            let first_or_other = place == at || !field.name.eq_ignore_ascii_case(name);
            place += 1;
            first_or_other
        });
        true
    }

    /// Gives field number `at` another value. False, and nothing is done, where there is no such field or the
    /// value can't be one.
    pub fn replace(&mut self, at: usize, value: impl Into<Bytes>) -> bool {
        let value = value.into();
        if !is_value(&value) {
            return false;
        }
        let Self { head, lines, untouched } = self;
        let Some(line) = lines.get_mut(at) else { return false };
        let current = field(head, line);
        if current.value != &*value {
            let name = current.name.to_owned().into();
            *line = Line::Ours { name, value };
            *untouched = false;
        }
        true
    }

    fn field<'a>(&'a self, line: &'a Line) -> Field<'a> {
        field(&self.head, line)
    }

    /// Writes all lines, each with its line end.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        for line in &self.lines {
            match line {
                Line::Came { name, end, .. } => {
                    out.extend_from_slice(Span { from: name.from, to: *end }.of(&self.head));
                }
                Line::Ours { name, value } => {
                    out.extend_from_slice(name.as_bytes());
                    out.extend_from_slice(b": ");
                    out.extend_from_slice(value);
                    out.extend_from_slice(b"\r\n");
                }
            }
        }
    }
}

fn field<'a>(head: &'a [u8], line: &'a Line) -> Field<'a> {
    match line {
        Line::Came { name, value, .. } => {
            Field { name: std::str::from_utf8(name.of(head)).unwrap_or_default(), value: value.of(head) }
        }
        Line::Ours { name, value } => Field { name, value },
    }
}

/// The elements of a comma-separated list, without the space around them and without empty ones.
pub fn tokens(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

/// Whether `name` is a token (RFC 9110 5.6.2).
pub(crate) fn is_name(name: &str) -> bool {
    let fit = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(fit)
}

/// Whether `value` is a field's value (RFC 9110 5.5).
pub(crate) fn is_value(value: &[u8]) -> bool {
    value.trim_ascii() == value && value.iter().all(|byte| *byte == b'\t' || (*byte >= 0x20 && *byte != 0x7f))
}
