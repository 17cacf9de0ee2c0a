//! Parses a configuration: the lines of its keys, unknown keys, and values of a wrong type. Collects all errors,
//! not only the first one.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::places::{Places, line_of};
use super::problems::{ConfigError, Found};
use super::syntax::{self, Lines};
use super::table::Config;
use super::{kinds, unknown};

/// A parsed configuration, with other values in place of invalid and missing ones, and its errors.
#[derive(Debug)]
pub(crate) struct Document {
    /// The positions of its keys.
    pub(crate) places: Places,
    /// The configuration; `None` if the text could not be parsed to its end.
    pub(crate) config: Option<Config>,
    /// The errors so far.
    pub(crate) problems: Vec<ConfigError>,
}

/// Parses the configuration `text` of the file `path`.
pub(crate) fn read(path: &Path, text: &str) -> Document {
    let (bare, mark) = match text.strip_prefix('\u{feff}') {
        Some(bare) => (bare, true),
        None => (text, false),
    };
    let (table, faults) = DeTable::parse_recoverable(bare);
    let places = Places::of(bare, table.get_ref());
    let mut found = Found::new(path, &places);
    if mark {
        found.unreadable(
            1,
            None,
            "begins with a byte order mark: save the file as UTF-8 without it".to_owned(),
        );
    }
    let lines = Lines::of(bare);
    let faults: Vec<(Range<usize>, &str)> =
        faults.iter().map(|fault| (fault.span().unwrap_or_default(), fault.message())).collect();
    let offsets: Vec<usize> = faults.iter().map(|(span, _)| span.start).collect();
    let unclosed = lines.unclosed(bare, table.get_ref(), &offsets);
    for list in &unclosed {
        found.unreadable(line_of(bare, list.start), Some(list.clone()), syntax::UNCLOSED.to_owned());
    }
    for (span, message) in &faults {
        // Text after a list without a closing bracket is parsed as part of the list.
        if unclosed.iter().all(|list| span.start < list.start) {
            let line = line_of(bare, span.start);
            found.unreadable(line, Some(span.clone()), lines.explain(line, message));
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

/// The table without positions.
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
                // A number that does not fit is larger than any valid one.
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
