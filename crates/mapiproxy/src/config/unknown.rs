//! Reports unknown keys, with the keys that are probably meant.

use toml::{Table, Value};

use super::keys::nearest;
use super::places::{Places, dotted, is_within};
use super::problems::Found;
use super::table::KEYS;

/// The table of the server's other directories.
const DIRECTORIES: &str = "virtual_directories";

/// A key that does not exist.
struct Unknown {
    /// Its table, dotted.
    prefix: String,
    /// Its table and its name, dotted.
    key: String,
    line: usize,
    is_table: bool,
    meant: Meant,
}

/// What is probably meant by a key that does not exist.
#[derive(PartialEq, Eq)]
enum Meant {
    /// The key or table of this name in the same table.
    Near(String),
    /// The table of this whole name.
    Table(String),
    /// The key of the same name in one of these tables.
    In(Vec<&'static str>),
    /// No known key is similar. These are the known names.
    OneOf(Vec<&'static str>),
}

/// Removes unknown keys from `table`, and reports them except for those in lines that `is_unreadable`.
pub(super) fn take_out(
    table: &mut Table,
    places: &Places,
    is_unreadable: impl Fn(usize) -> bool,
    found: &mut Found<'_>,
) {
    let mut unknown = Vec::new();
    search(table, "", places, &mut unknown);
    unknown.retain(|unknown| !is_unreadable(unknown.line));
    while let Some(first) = (!unknown.is_empty()).then(|| unknown.remove(0)) {
        // Keys whose table header is missing are reported once.
        let is_same = |other: &Unknown| {
            matches!(first.meant, Meant::In(_)) && other.prefix == first.prefix && other.meant == first.meant
        };
        let (same, rest): (Vec<_>, Vec<_>) = unknown.into_iter().partition(is_same);
        unknown = rest;
        report(&first, &same, found);
    }
}

fn report(first: &Unknown, same: &[Unknown], found: &mut Found<'_>) {
    let all = || std::iter::once(first).chain(same);
    let (noun, pronoun) = if same.is_empty() { ("key", "it belongs") } else { ("keys", "they belong") };
    let keys = all().map(|unknown| unknown.key.as_str()).collect::<Vec<_>>().join(", ");
    let (hint, meant) = match &first.meant {
        Meant::Near(name) => (format!("did you mean {name}?"), vec![dotted(&first.prefix, name)]),
        Meant::Table(table) if first.is_table => (format!("did you mean [{table}]?"), vec![table.clone()]),
        Meant::Table(table) => (
            format!("{table} is a table: write [{table}] on a line of its own, and its keys below it"),
            vec![table.clone()],
        ),
        Meant::In(tables) => {
            let name = |unknown: &Unknown| unknown.key.rsplit('.').next().unwrap_or_default().to_owned();
            let each = |unknown| tables.iter().map(move |table| dotted(table, &name(unknown)));
            (format!("{pronoun} {}", within(tables)), all().flat_map(each).collect())
        }
        Meant::OneOf(known) if first.prefix == DIRECTORIES => {
            (format!("the keys are {}; other directories cannot be forwarded", known.join(", ")), Vec::new())
        }
        Meant::OneOf(known) => (format!("the keys are {}", known.join(", ")), Vec::new()),
    };
    let may_hold_others = first.is_table && matches!(first.meant, Meant::OneOf(_));
    found.unknown((first.line, &first.key), format!("{noun} {keys}"), meant, may_hold_others, &hint);
}

/// The position in the file of keys of `tables`.
fn within(tables: &[&str]) -> String {
    let named = tables.iter().map(|table| match *table {
        "" => "at the top of the file, before the first table".to_owned(),
        table => format!("in the table [{table}]"),
    });
    named.collect::<Vec<_>>().join(" or ")
}

fn search(table: &mut Table, prefix: &str, places: &Places, unknown: &mut Vec<Unknown>) {
    table.retain(|name, value| {
        let key = dotted(prefix, name);
        let is_key = KEYS.iter().any(|key| key.table == prefix && key.name == name);
        let is_table = KEYS.iter().any(|known| is_within(known.table, &key));
        let is_options = prefix == "modules" && value.is_table();
        match value {
            Value::Table(inner) if is_table => search(inner, &key, places, unknown),
            _ if is_key || is_options || is_table => {}
            _ => {
                let (line, is_table) = (places.line(&key).unwrap_or(1), value.is_table());
                let meant = meant(prefix, name);
                unknown.push(Unknown { prefix: prefix.to_owned(), key, line, is_table, meant });
                return false;
            }
        }
        true
    });
    unknown.sort_by_key(|unknown| unknown.line);
}

/// The names of keys and tables in the table `prefix`.
fn known_in(prefix: &str) -> Vec<&'static str> {
    let mut known: Vec<&str> = KEYS.iter().filter(|key| key.table == prefix).map(|key| key.name).collect();
    let inner = KEYS.iter().filter(|key| prefix.is_empty() || is_within(key.table, prefix));
    let depth = if prefix.is_empty() { 0 } else { prefix.len().saturating_add(1) };
    known.extend(inner.filter_map(|key| key.table.get(depth..)?.split('.').next()).filter(|t| !t.is_empty()));
    known.dedup();
    known
}

fn meant(prefix: &str, name: &str) -> Meant {
    let known = known_in(prefix);
    if let Some(same) = known.iter().find(|known| known.eq_ignore_ascii_case(name)) {
        return Meant::Near((*same).to_owned());
    }
    let mut tables: Vec<&str> = KEYS.iter().filter(|key| key.name == name).map(|key| key.table).collect();
    tables.dedup();
    if !tables.is_empty() {
        return Meant::In(tables);
    }
    let is_called = |table: &&str| table.rsplit('.').next() == Some(name);
    if let Some(table) = KEYS.iter().map(|key| key.table).find(is_called) {
        return Meant::Table(table.to_owned());
    }
    if modules::by_name(name).is_some() {
        return Meant::Table(format!("modules.{name}"));
    }
    // An unknown directory is rarely a misspelt one, and the suggested one would be forwarded.
    match nearest(name, known.iter().copied()).filter(|_| prefix != DIRECTORIES) {
        Some(near) => Meant::Near(near.to_owned()),
        None => Meant::OneOf(known),
    }
}
