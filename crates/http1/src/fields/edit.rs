//! Adds, replaces and removes header fields.

use std::borrow::Cow;

use bytes::Bytes;

use super::line::{Added, Line, Name, Source};
use super::syntax::{is_name, is_value, number_without_leading_zeros};
use super::{Field, Fields};

/// A field whose name and value are checked once, and that can then be added to any number of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyField {
    name: &'static str,
    value: Bytes,
}

impl ReadyField {
    /// Creates a field. Returns `None` if `name` is not a token, or `value` contains a control character or begins or
    /// ends with white space.
    pub fn new(name: &'static str, value: impl Into<Bytes>) -> Option<Self> {
        let value = value.into();
        (is_name(name) && is_value(&value)).then_some(Self { name, value })
    }

    /// The name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The value.
    pub fn value(&self) -> &[u8] {
        &self.value
    }
}

/// The action of [`Fields::rewrite`] on a field.
#[derive(Debug, Clone)]
pub enum FieldAction {
    /// Keeps the field unchanged.
    Keep,
    /// Removes the field.
    Remove,
    /// Replaces the value. Removes the field if this is not a valid value.
    Replace(Bytes),
}

impl Fields {
    /// Adds a field after the last one. Returns false, and adds nothing, if `name` is not a token, or `value`
    /// contains a control character or begins or ends with white space.
    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) -> bool {
        let (name, value) = (name.into(), value.into());
        let is_valid = is_name(&name) && is_value(&value);
        if is_valid {
            let line = self.add_line(Name::Added(name), value);
            self.lines.push(line);
        }
        is_valid
    }

    /// Adds `field` after the last one.
    pub fn add(&mut self, field: &ReadyField) {
        let line = self.add_line(Name::Added(Cow::Borrowed(field.name)), field.value.clone());
        self.lines.push(line);
    }

    /// Removes the fields called `name`. Returns whether there were any.
    pub fn remove(&mut self, name: &str) -> bool {
        self.lengths.may_be_of(name) && self.remove_if(|_, source, line| source.is_called(line, name))
    }

    /// Removes the fields for which `keep` returns false. Returns whether there were any.
    pub fn retain(&mut self, mut keep: impl FnMut(Field<'_>) -> bool) -> bool {
        self.remove_if(|_, source, line| !keep(Field::of(source.field(line))))
    }

    /// Calls `action` with the name and value of each field, and applies the action that it returns.
    pub fn rewrite(&mut self, mut action: impl FnMut(&[u8], &[u8]) -> FieldAction) {
        let Self { head, lines, added, unmodified, .. } = self;
        lines.retain_mut(|line| {
            let source = Source { head, added };
            let (name, value) = source.field(*line);
            let new_value = match action(name, value) {
                FieldAction::Keep => return true,
                FieldAction::Remove => None,
                FieldAction::Replace(new) if new == value => return true,
                FieldAction::Replace(new) => Some(new).filter(|new| is_value(new)),
            };
            *unmodified = false;
            let Some((name, value)) = source.spelled_name(*line).zip(new_value) else { return false };
            *line = Line::Added(added.len());
            added.push(Added { name, value });
            true
        });
    }

    /// Replaces the value of the field called `name`, keeping its position and the spelling of its name, and removes
    /// further fields of that name. Adds the field after the last one if it is missing. Returns false, and changes
    /// nothing, if `value` is not a valid value.
    pub fn set(&mut self, name: &'static str, value: impl Into<Bytes>) -> bool {
        let value = value.into();
        let Some(at) = self.position(name) else { return self.push(name, value) };
        if !self.replace(at, value) {
            return false;
        }
        self.remove_if(|index, source, line| index != at && source.is_called(line, name));
        true
    }

    /// Sets the field called `name` to a number in decimal digits, as [`Fields::set`] does. A single field
    /// that has this number already is left unchanged.
    pub fn set_number(&mut self, name: &'static str, number: u64) {
        let mut found = self.all(name);
        let is_set =
            found.next().and_then(number_without_leading_zeros) == Some(number) && found.next().is_none();
        drop(found);
        if !is_set {
            self.set(name, number.to_string());
        }
    }

    /// Replaces the value of the field at index `at`. Returns false, and changes nothing, if there is no such
    /// field or `value` is not a valid value.
    pub fn replace(&mut self, at: usize, value: impl Into<Bytes>) -> bool {
        let value = value.into();
        let Some(line) = self.lines.get(at).copied() else { return false };
        if !is_value(&value) {
            return false;
        }
        if self.source().value(line) != &*value {
            let Some(name) = self.source().spelled_name(line) else { return false };
            let line = self.add_line(name, value);
            if let Some(place) = self.lines.get_mut(at) {
                *place = line;
            }
        }
        true
    }

    /// Stores an added field, and returns the line that refers to it, which the caller adds to the lines.
    fn add_line(&mut self, name: Name, value: Bytes) -> Line {
        self.unmodified = false;
        if let Name::Added(name) = &name {
            self.lengths.add(name);
        }
        self.added.push(Added { name, value });
        Line::Added(self.added.len() - 1)
    }

    /// Removes the fields for whose index and line `condition` returns true. Returns whether there were any.
    fn remove_if(&mut self, mut condition: impl FnMut(usize, Source<'_>, Line) -> bool) -> bool {
        let Self { head, lines, added, unmodified, .. } = self;
        let source = Source { head, added };
        let before = lines.len();
        let mut index = 0;
        lines.retain(|line| {
            let is_removed = condition(index, source, *line);
            index += 1;
            !is_removed
        });
        let removed = lines.len() != before;
        *unmodified &= !removed;
        removed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ready_field_is_checked_once_and_added_to_many_messages() {
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
