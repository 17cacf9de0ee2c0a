//! The text of a configuration: which keys stand in which line, which of them exist, and which values are of the
//! right kind. Everything that is wrong is found, not only the first.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::problems::{ConfigError, Found};
use super::syntax::{self, Lines, line_of};
use super::table::Config;
use super::{kinds, unknown};

/// In which line each key stands, from one. A table has the line of its header.
#[derive(Debug, Default)]
pub(crate) struct Places(BTreeMap<String, usize>);

impl Places {
    /// The line of `key`, or else of the innermost table of it that is there.
    pub(crate) fn line(&self, key: &str) -> Option<usize> {
        let mut key = key;
        loop {
            if let Some(line) = self.0.get(key) {
                return Some(*line);
            }
            key = key.rsplit_once('.')?.0;
        }
    }

    /// Whether `key` stands in the file.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    fn enter(&mut self, text: &str, prefix: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let dotted = dotted(prefix, name.get_ref());
            self.0.entry(dotted.clone()).or_insert_with(|| line_of(text, name.span().start));
            if let DeValue::Table(inner) = value.get_ref() {
                self.enter(text, &dotted, inner);
            }
        }
    }
}

/// The key `name` of the table `prefix`.
pub(super) fn dotted(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// A configuration as it was read: a value for what is wrong or missing, and all that is wrong so far.
#[derive(Debug)]
pub(crate) struct Document {
    /// Where the keys are.
    pub(crate) places: Places,
    /// The configuration; none where the text could not be read to its end.
    pub(crate) config: Option<Config>,
    /// What is wrong.
    pub(crate) problems: Vec<ConfigError>,
}

/// Reads the configuration `text`, which came from `path`.
pub(crate) fn read(path: &Path, text: &str) -> Document {
    let (bare, mark) = match text.strip_prefix('\u{feff}') {
        Some(bare) => (bare, true),
        None => (text, false),
    };
    let (table, faults) = DeTable::parse_recoverable(bare);
    let mut places = Places::default();
    places.enter(bare, "", table.get_ref());
    let mut found = Found::new(path, &places);
    if mark {
        found.unreadable(1, "begins with a byte order mark: save the file as UTF-8 without it".to_owned());
    }
    let lines = Lines::of(bare);
    let faults: Vec<(usize, &str)> =
        faults.iter().map(|fault| (fault.span().map_or(0, |span| span.start), fault.message())).collect();
    let offsets: Vec<usize> = faults.iter().map(|(offset, _)| *offset).collect();
    let unclosed = lines.unclosed(bare, table.get_ref(), &offsets);
    for list in &unclosed {
        found.unreadable(line_of(bare, list.start), syntax::UNCLOSED.to_owned());
    }
    for (offset, message) in &faults {
        // Behind a list without its end nothing is what it was meant to be.
        if unclosed.iter().all(|list| *offset < list.start) {
            let line = line_of(bare, *offset);
            found.unreadable(line, lines.explain(line, message));
        }
    }
    let broken: BTreeSet<usize> = found.unreadable_lines().collect();
    let is_unreadable = |line: usize| {
        broken.contains(&line) || lines.header(line).is_some_and(|header| broken.contains(&header))
    };
    let mut table = plain(table.get_ref());
    unknown::take_out(&mut table, &places, is_unreadable, &mut found);
    let is_whole = faults.is_empty();
    let config = kinds::read(table, is_whole, &mut found);
    let problems = found.problems;
    Document { places, config: config.filter(|_| is_whole), problems }
}

/// The table without its places.
fn plain(table: &DeTable<'_>) -> Table {
    let value = |value: &Spanned<DeValue<'_>>| Value::deserialize_from(value.get_ref());
    table.iter().filter_map(|(name, of)| Some((name.get_ref().to_string(), value(of)?))).collect()
}

trait FromDe: Sized {
    fn deserialize_from(value: &DeValue<'_>) -> Option<Self>;
}

impl FromDe for Value {
    fn deserialize_from(value: &DeValue<'_>) -> Option<Self> {
        Some(match value {
            DeValue::String(text) => Self::String(text.to_string()),
            DeValue::Integer(number) => {
                // One that does not fit is larger than any that is taken.
                let digits = number.as_str().replace('_', "");
                let read = i64::from_str_radix(&digits, number.radix());
                Self::Integer(read.unwrap_or(if digits.starts_with('-') { i64::MIN } else { i64::MAX }))
            }
            DeValue::Float(number) => Self::Float(number.as_str().parse().ok()?),
            DeValue::Boolean(yes) => Self::Boolean(*yes),
            DeValue::Datetime(time) => Self::Datetime(*time),
            DeValue::Array(items) => {
                Self::Array(items.iter().filter_map(|item| Self::deserialize_from(item.get_ref())).collect())
            }
            DeValue::Table(table) => Self::Table(plain(table)),
        })
    }
}
