//! The positions of the keys of a configuration, from the spans that the parser returns.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::excerpt::Excerpt;

/// The text of a configuration, and the position of each key in it.
#[derive(Debug, Default)]
pub(crate) struct Places {
    text: String,
    keys: BTreeMap<String, Place>,
}

/// The position of a key. That of a table is its header.
#[derive(Debug)]
struct Place {
    /// The line, from one.
    line: usize,
    /// The bytes of the value or, for a table, of its name.
    span: Range<usize>,
    /// The bytes of the name.
    name: Range<usize>,
}

impl Places {
    /// The positions of the keys in `table`, which was parsed from `text`.
    pub(super) fn of(text: &str, table: &DeTable<'_>) -> Self {
        let mut places = Self { text: text.to_owned(), keys: BTreeMap::new() };
        places.enter("", table);
        places
    }

    fn enter(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = dotted(prefix, name.get_ref());
            let (line, name) = (line_of(&self.text, name.span().start), name.span());
            let inner = match value.get_ref() {
                DeValue::Table(inner) => Some(inner),
                _ => None,
            };
            let span = if inner.is_some() { name.clone() } else { value.span() };
            self.keys.entry(key.clone()).or_insert(Place { line, span, name });
            if let Some(inner) = inner {
                self.enter(&key, inner);
            }
        }
    }

    /// The position of `key`, or else of its innermost table that the file has.
    fn place(&self, key: &str) -> Option<&Place> {
        let mut key = key;
        loop {
            if let Some(place) = self.keys.get(key) {
                return Some(place);
            }
            key = key.rsplit_once('.')?.0;
        }
    }

    /// The line of `key`, or else of its innermost table that the file has.
    pub(crate) fn line(&self, key: &str) -> Option<usize> {
        self.place(key).map(|place| place.line)
    }

    /// Whether the file has `key`.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// The line of `key` with its value marked, or the name of the table if `key` is one or is missing in it.
    pub(super) fn value(&self, key: &str) -> Option<Excerpt> {
        let place = self.place(key)?;
        Some(self.excerpt(place.line, place.span.clone()))
    }

    /// The line of `key` with its name marked.
    pub(super) fn name(&self, key: &str) -> Option<Excerpt> {
        let place = self.place(key)?;
        Some(self.excerpt(place.line, place.name.clone()))
    }

    /// The line `line` with the part of `span` that is in it marked.
    pub(super) fn excerpt(&self, line: usize, span: Range<usize>) -> Excerpt {
        Excerpt::of(&self.text, line, span)
    }
}

/// The key `name` of the table `prefix`.
pub(super) fn dotted(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// Whether the key or table `inner` is `outer` or is in it.
pub(super) fn is_within(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The line of the byte at `offset`, counted from one.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count().saturating_add(1)
}
