//! The text of a configuration: which keys stand in which line, which of them exist, and which values are of the
//! right kind. Everything that is wrong is found, not only the first.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::keys::{KEYS, Key, nearest, reference};
use super::parts::Config;
use super::problems::{ConfigError, Found};

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

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count().saturating_add(1)
}

fn dotted(prefix: &str, name: &str) -> String {
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
    let mut problems = Vec::new();
    if text.starts_with('\u{feff}') {
        let why = "begins with a byte order mark: save the file as UTF-8 without it".to_owned();
        problems.push(ConfigError::Syntax { path: path.to_owned(), line: 1, why });
    }
    let (table, faults) = DeTable::parse_recoverable(text.trim_start_matches('\u{feff}'));
    let mut places = Places::default();
    places.enter(text, "", table.get_ref());
    for fault in &faults {
        let line = fault.span().map_or(1, |span| line_of(text, span.start));
        let why = syntax(text.lines().nth(line.saturating_sub(1)).unwrap_or_default(), fault.message());
        let is_same =
            |known: &ConfigError| matches!(known, ConfigError::Syntax { line: l, .. } if *l == line);
        if !problems.iter().any(is_same) {
            problems.push(ConfigError::Syntax { path: path.to_owned(), line, why });
        }
    }
    let mut table = plain(table.get_ref());
    unknown_keys(path, &places, "", &mut table, &mut problems);
    let is_whole = faults.is_empty();
    let mut found = Found::new(path, &places);
    found.problems = problems;
    let config = kinds(table, is_whole, &mut found);
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

/// What is wrong with `line`, which the parser says `message` of.
fn syntax(line: &str, message: &str) -> String {
    let line = line.trim();
    let Some((name, value)) = line.split_once('=') else { return format!("{line:?}: {message}") };
    let (name, value) = (name.trim(), value.split('#').next().unwrap_or_default().trim());
    let alone: Result<Table, _> = format!("x = {value}").parse();
    if alone.is_err() && !value.is_empty() && !value.starts_with(['"', '\'', '[', '{']) {
        return format!("{name}: text stands in quotes: write {name} = {value:?}");
    }
    if value.is_empty() {
        return format!("{name}: has no value behind the equals sign");
    }
    format!("{name}: {message}")
}

/// Finds and takes out the keys that do not exist.
fn unknown_keys(
    path: &Path,
    places: &Places,
    prefix: &str,
    table: &mut Table,
    problems: &mut Vec<ConfigError>,
) {
    table.retain(|name, value| {
        let dotted = dotted(prefix, name);
        let is_key = KEYS.iter().any(|key| key.table == prefix && key.name == name);
        let is_table = KEYS.iter().any(|key| is_within(key.table, &dotted));
        let is_options = prefix == "modules" && value.is_table();
        match value {
            Value::Table(inner) if is_table => unknown_keys(path, places, &dotted, inner, problems),
            _ if is_key || is_options || is_table => {}
            _ => {
                let line = places.line(&dotted).unwrap_or(1);
                let (meant, hint) = hint(prefix, name);
                problems.push(ConfigError::Unknown { path: path.to_owned(), line, key: dotted, meant, hint });
                return false;
            }
        }
        true
    });
}

/// Whether `table` is `outer` or a table in it.
fn is_within(table: &str, outer: &str) -> bool {
    table.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The key that is probably meant by `name`, and which keys there are instead.
fn hint(prefix: &str, name: &str) -> (Option<String>, String) {
    let mut known: Vec<&str> = KEYS.iter().filter(|key| key.table == prefix).map(|key| key.name).collect();
    let inner = KEYS.iter().filter(|key| prefix.is_empty() || is_within(key.table, prefix));
    let depth = if prefix.is_empty() { 0 } else { prefix.len().saturating_add(1) };
    known.extend(inner.filter_map(|key| key.table.get(depth..)?.split('.').next()).filter(|t| !t.is_empty()));
    known.dedup();
    match nearest(name, known.iter().copied()) {
        Some(near) => (Some(dotted(prefix, near)), format!("; did you mean {near}?")),
        None => (None, format!("; there are {}", known.join(", "))),
    }
}

/// The configuration in `table`, each key of which is checked alone in a configuration that is right otherwise.
/// What is wrong, or missing where it has to be there, is taken from that one.
fn kinds(mut table: Table, is_whole: bool, found: &mut Found<'_>) -> Option<Config> {
    let example: Table = toml::from_str(&reference()).ok()?;
    for key in KEYS {
        let at = dotted(key.table, key.name);
        let Some(value) = get(&table, key).cloned() else { continue };
        if key.table == CREDENTIALS {
            continue;
        }
        let mut tried = example.clone();
        put(&mut tried, key, value.clone());
        if let Err(error) = Value::Table(tried).try_into::<Config>() {
            found.wrong(&at, why(key, &value, error.message()));
            remove(&mut table, key);
        }
    }
    for outer in ["listen", "clients", "upstream", "virtual_directories", "modules", "capture", "deferred"] {
        if table.get(outer).is_some_and(|value| !value.is_table()) {
            found.wrong(
                outer,
                format!("is a table: write [{outer}] in a line of its own, and its keys below"),
            );
            table.remove(outer);
        }
    }
    if is_whole && !table.contains_key("name") && !found.is_wrong("name") {
        found.wrong("name", "is missing: give the host name by which clients reach the proxy");
    }
    table.entry("name").or_insert_with(|| Value::String("proxy.invalid".to_owned()));
    for outer in ["listen", "clients", "upstream"] {
        table.entry(outer).or_insert_with(|| Value::Table(Table::new()));
    }
    let upstream = table.get_mut("upstream")?.as_table_mut()?;
    credentials(upstream, is_whole, found);
    let read = Value::Table(table).try_into::<Config>();
    match read {
        Ok(config) => Some(config),
        // A check that is missing above must not make a configuration right.
        Err(error) => {
            found.wrong("configuration", error.message());
            None
        }
    }
}

const CREDENTIALS: &str = "upstream.credentials";

/// Checks `upstream.credentials`, and replaces it by an example where it is wrong.
fn credentials(upstream: &mut Table, is_whole: bool, found: &mut Found<'_>) {
    let given = upstream.get("credentials").and_then(Value::as_table).cloned().unwrap_or_default();
    let before = found.problems.len();
    let key = |name: &str| dotted(CREDENTIALS, name);
    match given.get("mode") {
        Some(Value::String(mode)) if mode == "specified" => {
            for name in ["user", "domain", "password_file"] {
                match given.get(name) {
                    Some(Value::String(_)) => {}
                    Some(other) => found.wrong(&key(name), format!("takes a text; found {}", kind(other))),
                    None if is_whole => {
                        found.wrong(&key(name), "is missing: it is needed where mode is \"specified\"");
                    }
                    None => {}
                }
            }
        }
        Some(Value::String(mode)) if mode == "relayed" => {
            for name in given.keys().filter(|name| *name != "mode") {
                let why =
                    "has no meaning where mode is \"relayed\": clients sign in as themselves; remove it";
                found.wrong(&key(name), why);
            }
        }
        Some(Value::String(mode)) => {
            found.wrong(&key("mode"), format!("is {mode:?}; give \"specified\" or \"relayed\""));
        }
        Some(other) => found.wrong(&key("mode"), format!("takes a text; found {}", kind(other))),
        None if is_whole => {
            found.wrong(&key("mode"), "is missing: give \"specified\" or \"relayed\"");
        }
        None => {}
    }
    if found.problems.len() > before || given.is_empty() {
        let file = Value::String("password".to_owned());
        let text = |text: &str| Value::String(text.to_owned());
        let example =
            [("mode", text("specified")), ("user", text("u")), ("domain", text("")), ("password_file", file)];
        let example: Table = example.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        upstream.insert("credentials".to_owned(), Value::Table(example));
    }
}

/// Why `value` is not taken for `key`, which the reader says `message` of.
fn why(key: &Key, value: &Value, message: &str) -> String {
    let example: Option<Value> =
        format!("x = {}", key.value).parse().ok().and_then(|mut t: Table| t.remove("x"));
    let same = example.as_ref().is_some_and(|example| example.same_type(value));
    match value {
        _ if !same => {
            let wanted = example.as_ref().map_or("a value", kind);
            format!("takes {wanted}, as {}; found {}, {value}", key.value, kind(value))
        }
        Value::Integer(number) if *number < 0 => format!("is {number}; give a number that is not negative"),
        Value::Integer(0) => "is 0; give 1 or more".to_owned(),
        Value::Integer(number) => format!("is {number}, which is too large; the default is {}", key.value),
        Value::Array(items) if items.iter().any(|item| !item.is_str()) => {
            let wrong = items.iter().find(|item| !item.is_str()).map_or("another value", kind);
            format!("takes a list of texts, as {}; found {wrong} in it", key.value)
        }
        _ => {
            let message = message.trim_end().replace("unknown variant", "unknown value");
            if message.starts_with(&value.to_string()) { message } else { format!("{value}: {message}") }
        }
    }
}

/// What a value is, in words.
const fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text in quotes",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number with a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a time",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}

fn get<'a>(table: &'a Table, key: &Key) -> Option<&'a Value> {
    let labels = key.table.split('.').filter(|label| !label.is_empty());
    labels.into_iter().try_fold(table, |table, label| table.get(label)?.as_table())?.get(key.name)
}

fn put(table: &mut Table, key: &Key, value: Value) {
    let mut table = table;
    for label in key.table.split('.').filter(|label| !label.is_empty()) {
        let inner = table.entry(label).or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(inner) = inner else { return };
        table = inner;
    }
    table.insert(key.name.to_owned(), value);
}

fn remove(table: &mut Table, key: &Key) {
    let mut table = table;
    for label in key.table.split('.').filter(|label| !label.is_empty()) {
        let Some(Value::Table(inner)) = table.get_mut(label) else { return };
        table = inner;
    }
    table.remove(key.name);
}
