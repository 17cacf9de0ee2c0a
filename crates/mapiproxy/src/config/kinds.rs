//! Checks the type and range of each value of a configuration, and replaces invalid and missing values so
//! that the rest can be checked.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::key::{Key, ModeSpec, Presence, Shape};
use super::places::dotted;
use super::problems::Found;
use super::table::{Config, Credentials, KEYS};

/// Reads the configuration in `table`. Each key is checked alone, in a configuration that is valid otherwise.
/// Invalid values, and missing ones that are required, are replaced by those of that configuration.
pub(super) fn read(mut table: Table, is_whole: bool, found: &mut Found<'_>) -> Option<Config> {
    let outer: BTreeSet<&str> = KEYS.iter().filter_map(|key| key.table.split('.').next()).collect();
    for outer in outer.into_iter().filter(|outer| !outer.is_empty()) {
        no_table(&mut table, outer, outer, found);
    }
    let (mode, is_known) = mode_of(&mut table, is_whole, found);
    let example = complete(&mode);
    for key in KEYS.iter() {
        let at = dotted(key.table, key.name);
        let Some(value) = get(&table, key).cloned() else { continue };
        let mut tried = example.clone();
        put(&mut tried, key, value.clone());
        if !key.shape.has_type(&value) {
            // What a mechanism declares has no type in the struct.
            found.wrong(&at, why(key, &value, ""));
            remove(&mut table, key);
        } else if let Err(error) = Value::Table(tried).try_into::<Config>() {
            found.wrong(&at, why(key, &value, error.message()));
            remove(&mut table, key);
        } else if let (Some(bounds), Value::Integer(number)) = (key.bounds, &value)
            && let Some(why) = bounds.violation(*number)
        {
            found.wrong(&at, why);
            remove(&mut table, key);
        }
    }
    put_required(&mut table, &mode, is_whole, is_known, found);
    put_defaults(&mut table, &mode);
    match Value::Table(table).try_into::<Config>() {
        Ok(config) => Some(config),
        // Even if a check above is missing, the configuration is not accepted.
        Err(error) => {
            if found.problems.is_empty() {
                found.wrong("configuration", error.message());
            }
            None
        }
    }
}

/// Reports required keys that are missing, and sets them to other values. `is_whole` is whether the text could be
/// parsed to its end, and `is_known` whether the mode is known.
fn put_required(table: &mut Table, mode: &ModeSpec, is_whole: bool, is_known: bool, found: &mut Found<'_>) {
    if is_whole && !table.contains_key("name") {
        found.missing(
            "name",
            "is missing: set it to the host name by which clients reach the proxy, for example proxy.lab.test",
        );
    }
    table.entry("name").or_insert_with(|| Value::String("proxy.invalid".to_owned()));
    for outer in ["listen", "clients", "upstream"] {
        table.entry(outer).or_insert_with(|| Value::Table(Table::new()));
    }
    let selectors = KEYS.iter().filter(|key| is_selector(key));
    selectors.for_each(|key| put(table, key, Value::String(mode.name.to_owned())));
    for key in mode.needed() {
        if get(table, key).is_some() {
            continue;
        }
        if is_known {
            let why = format!("is missing: it is required if mode is {:?}", mode.name);
            found.missing(&dotted(key.table, key.name), why);
        }
        let empty = if key.value.is_str() { Value::String(String::new()) } else { key.value.clone() };
        put(table, key, empty);
    }
}

/// A configuration of `mode` with a value for each key that has one in a complete configuration, or a
/// default.
fn complete(mode: &ModeSpec) -> Table {
    let mut table = Table::new();
    for key in KEYS.iter().filter(|key| matches!(key.presence, Presence::Sample | Presence::Default)) {
        if is_selector(key) {
            put(&mut table, key, Value::String(mode.name.to_owned()));
        } else if !is_foreign(key, mode) {
            put(&mut table, key, key.value.clone());
        }
    }
    table
}

/// Whether `key` belongs to another mode than `mode`.
fn is_foreign(key: &Key, mode: &ModeSpec) -> bool {
    key.table == Credentials::TABLE && !is_selector(key) && !mode.has(key.name)
}

/// Whether `key` selects the mode of `upstream.credentials`.
fn is_selector(key: &Key) -> bool {
    key.table == Credentials::TABLE && key.name == Credentials::SELECTOR
}

/// Sets each key that is missing to its default, unless the key belongs to another mode.
fn put_defaults(table: &mut Table, mode: &ModeSpec) {
    for key in KEYS.iter().filter(|key| key.presence == Presence::Default) {
        if get(table, key).is_none() && !is_foreign(key, mode) {
            put(table, key, key.value.clone());
        }
    }
}

/// Reports and removes `name` if it is not a table; its whole name is `key`.
fn no_table(table: &mut Table, name: &str, key: &str, found: &mut Found<'_>) {
    match table.get(name) {
        None | Some(Value::Table(_)) => return,
        Some(Value::Array(items)) if items.iter().all(Value::is_table) && !items.is_empty() => {
            found.wrong(key, format!("[[{key}]] is an array of tables; write [{key}]"));
        }
        Some(_) => {
            found
                .wrong(key, format!("is a table: write [{key}] on a line of its own, and its keys below it"));
        }
    }
    table.remove(name);
}

/// The mode of `upstream.credentials`, and whether it is known. If it is not, the first mode is assumed. Removes
/// the key that selects the mode, and the keys of other modes.
fn mode_of(table: &mut Table, is_whole: bool, found: &mut Found<'_>) -> (ModeSpec, bool) {
    let mut none = Table::new();
    let upstream = table.get_mut("upstream").and_then(Value::as_table_mut).unwrap_or(&mut none);
    no_table(upstream, "credentials", Credentials::TABLE, found);
    let modes = Credentials::modes();
    let name = |mode: &ModeSpec| format!("{:?}", mode.name);
    let names = or(&modes.iter().map(name).collect::<Vec<_>>());
    let key = dotted(Credentials::TABLE, Credentials::SELECTOR);
    let given = upstream.get("credentials").and_then(|given| given.get(Credentials::SELECTOR));
    let selected = match given {
        Some(Value::String(given)) => {
            let selected = modes.iter().find(|mode| mode.name == given);
            if selected.is_none() {
                found.wrong(&key, format!("{given:?} is not a valid value; expected {names}"));
            }
            selected
        }
        Some(other) => {
            found.wrong(&key, format!("expected {names}; found {other}, {}", kind(other)));
            None
        }
        None => {
            if is_whole {
                let each = modes.iter().map(|mode| format!("{:?}, {}", mode.name, mode.meaning));
                found.missing(
                    &key,
                    format!("is missing: set it to {}", each.collect::<Vec<_>>().join("; or ")),
                );
            }
            None
        }
    };
    let is_known = selected.is_some();
    let [first, ..] = &modes;
    let mode = selected.unwrap_or(first).clone();
    if let Some(credentials) = upstream.get_mut("credentials").and_then(Value::as_table_mut) {
        credentials.retain(|name, _| {
            let keeps = mode.has(name);
            if is_known && !keeps && name != Credentials::SELECTOR {
                let why = format!("is not used if mode is {:?}, {}; remove it", mode.name, mode.meaning);
                found.wrong(&dotted(Credentials::TABLE, name), why);
            }
            keeps
        });
    }
    (mode, is_known && is_whole)
}

/// Why `value` is invalid for `key`; `message` is the error of the deserializer.
fn why(key: &Key, value: &Value, message: &str) -> String {
    let Key { value: example, text, .. } = key;
    match (value, example) {
        (Value::String(found), Value::Integer(_)) => {
            format!(
                "expected an integer, for example {text}; found {found:?}, a string: write it without quotes and unit"
            )
        }
        (Value::String(found), Value::Boolean(_)) => {
            format!("expected true or false; found {found:?}, a string: write it without quotes")
        }
        (Value::String(found), Value::Array(_)) => {
            format!("expected a list; found {found:?}, a string: write [{found:?}]")
        }
        (value, example) if !example.same_type(value) => {
            format!("expected {}, for example {text}; found {value}, {}", kind(example), kind(value))
        }
        (Value::Integer(number), _) => match key.bounds.and_then(|bounds| bounds.violation(*number)) {
            Some(why) => why,
            None => format!("{number} is too large"),
        },
        (Value::Array(items), _) => match items.iter().find(|item| !item.is_str()) {
            Some(item) => {
                format!("expected a list of strings, for example {text}; found {item}, {}", kind(item))
            }
            None => not_one_of(&key.shape, items).unwrap_or_else(|| message.trim_end().to_owned()),
        },
        (value, _) => {
            let value = std::slice::from_ref(value);
            not_one_of(&key.shape, value).unwrap_or_else(|| message.trim_end().to_owned())
        }
    }
}

/// The error if one of `values` is not among the strings that a key of this shape can have.
fn not_one_of(shape: &Shape, values: &[Value]) -> Option<String> {
    match shape {
        Shape::List(item) => not_one_of(item, values),
        Shape::OneOf(names) => {
            let is_known = |value: &Value| value.as_str().is_some_and(|value| names.contains(&value));
            let wrong = values.iter().find(|value| !is_known(value))?;
            let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
            Some(format!("{wrong} is not a valid value; expected {}", or(&names)))
        }
        _ => None,
    }
}

/// `items`, separated by commas and, before the last one, "or".
fn or(items: &[String]) -> String {
    match items {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => items.concat(),
    }
}

/// The type of `value`.
const fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a string",
        Value::Integer(_) => "an integer",
        Value::Float(_) => "a number with a fraction",
        Value::Boolean(_) => "a boolean",
        Value::Datetime(_) => "a date or time",
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
