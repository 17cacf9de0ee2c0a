//! Which values of a configuration are of the right kind, and what stands in place of those that are not.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::key::{Key, Presence};
use super::places::dotted;
use super::problems::Found;
use super::table::{Config, KEYS};

/// The configuration in `table`, each key of which is checked alone in a configuration that is right otherwise.
/// What is wrong, or missing where it has to be there, is taken from that one.
pub(super) fn read(mut table: Table, is_whole: bool, found: &mut Found<'_>) -> Option<Config> {
    let example = complete();
    for key in KEYS.iter() {
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
        } else if let (Some(bounds), Value::Integer(number)) = (key.bounds, &value)
            && let Some(why) = bounds.why_not(key.name, *number)
        {
            found.wrong(&at, why);
            remove(&mut table, key);
        }
    }
    let outer: BTreeSet<&str> = KEYS.iter().filter_map(|key| key.table.split('.').next()).collect();
    for outer in outer.into_iter().filter(|outer| !outer.is_empty()) {
        no_table(&mut table, outer, outer, found);
    }
    if is_whole && !table.contains_key("name") {
        found.missing(
            "name",
            "is missing: give the host name by which clients reach the proxy, as proxy.lab.test",
        );
    }
    table.entry("name").or_insert_with(|| Value::String("proxy.invalid".to_owned()));
    for outer in ["listen", "clients", "upstream"] {
        table.entry(outer).or_insert_with(|| Value::Table(Table::new()));
    }
    let upstream = table.get_mut("upstream")?.as_table_mut()?;
    credentials(upstream, is_whole, found);
    put_defaults(&mut table);
    let read = Value::Table(table).try_into::<Config>();
    match read {
        Ok(config) => Some(config),
        // A check that is missing above must not make a configuration right.
        Err(error) => {
            if found.problems.is_empty() {
                found.wrong("configuration", error.message());
            }
            None
        }
    }
}

/// A configuration with a value for each key that has one in a complete configuration, or a default.
fn complete() -> Table {
    let mut table = Table::new();
    for key in KEYS.iter().filter(|key| matches!(key.presence, Presence::Given | Presence::Default)) {
        put(&mut table, key, key.value.clone());
    }
    table
}

/// Puts in the default of each key that is left out.
fn put_defaults(table: &mut Table) {
    for key in KEYS.iter().filter(|key| key.presence == Presence::Default) {
        if get(table, key).is_none() {
            put(table, key, key.value.clone());
        }
    }
}

const CREDENTIALS: &str = "upstream.credentials";

/// Reports and takes out `name`, a table called `key` as a whole, where it is something else.
fn no_table(table: &mut Table, name: &str, key: &str, found: &mut Found<'_>) {
    match table.get(name) {
        None | Some(Value::Table(_)) => return,
        Some(Value::Array(items)) if items.iter().all(Value::is_table) && !items.is_empty() => {
            found.wrong(key, format!("stands in double brackets, which begin a list: write [{key}]"));
        }
        Some(_) => {
            found.wrong(key, format!("is a table: write [{key}] in a line of its own, and its keys below"));
        }
    }
    table.remove(name);
}

/// Checks `upstream.credentials`, and puts examples in place of what is wrong or missing.
fn credentials(upstream: &mut Table, is_whole: bool, found: &mut Found<'_>) {
    no_table(upstream, "credentials", CREDENTIALS, found);
    let mut given = upstream.get("credentials").and_then(Value::as_table).cloned().unwrap_or_default();
    let key = |name: &str| dotted(CREDENTIALS, name);
    let is_relayed = match given.get("mode") {
        Some(Value::String(mode)) if mode == "specified" => false,
        Some(Value::String(mode)) if mode == "relayed" => true,
        Some(Value::String(mode)) => {
            found.wrong(&key("mode"), format!("is {mode:?}; give \"specified\" or \"relayed\""));
            false
        }
        Some(other) => {
            found.wrong(
                &key("mode"),
                format!("takes \"specified\" or \"relayed\"; found {}, {other}", kind(other)),
            );
            false
        }
        None => {
            if is_whole {
                let why = "is missing: give \"specified\", one account for all clients, or \"relayed\", each its own";
                found.missing(&key("mode"), why);
            }
            false
        }
    };
    if is_relayed {
        for name in given.keys().filter(|name| *name != "mode") {
            let why = "has no meaning where mode is \"relayed\": clients sign in as themselves; remove it";
            found.wrong(&key(name), why);
        }
        given.retain(|name, _| name == "mode");
    } else {
        // Which keys are needed is only known where the mode is.
        let is_known = is_whole && !found.is_wrong(&key("mode")) && given.contains_key("mode");
        for name in ["user", "domain", "password_file"] {
            match given.get(name) {
                Some(Value::String(_)) => continue,
                Some(other) => {
                    let example = KEYS.iter().find(|key| key.table == CREDENTIALS && key.name == name);
                    let example = example.map_or("\"\"", |key| key.text.as_str());
                    let why = format!("takes a text in quotes, as {example}; found {}, {other}", kind(other));
                    found.wrong(&key(name), why);
                }
                None if is_known => {
                    found.missing(&key(name), "is missing: it is needed where mode is \"specified\"");
                }
                None => {}
            }
            given.insert(name.to_owned(), Value::String(String::new()));
        }
        given.insert("mode".to_owned(), Value::String("specified".to_owned()));
    }
    upstream.insert("credentials".to_owned(), Value::Table(given));
}

/// Why `value` is not taken for `key`, which the reader says `message` of.
fn why(key: &Key, value: &Value, message: &str) -> String {
    let example = &key.value;
    let same = example.same_type(value);
    match (value, example) {
        (Value::String(text), Value::Integer(_)) => {
            format!(
                "takes a whole number, as {}; found a text in quotes, {text:?}; write it without quotes and unit",
                key.text
            )
        }
        (Value::String(text), Value::Boolean(_)) => {
            format!(
                "takes true or false, as {}; found a text in quotes, {text:?}; write it without quotes",
                key.text
            )
        }
        (Value::String(text), Value::Array(_)) => {
            format!("takes a list, as [{text:?}]; found a text in quotes, {text:?}")
        }
        (value, example) if !same => {
            let wanted = kind(example);
            format!("takes {wanted}, as {}; found {}, {value}", key.text, kind(value))
        }
        (Value::Integer(number), _) if *number < 0 => {
            format!("is {number}; give a number that is not negative")
        }
        (Value::Integer(0), _) => "is 0; give 1 or more".to_owned(),
        (Value::Integer(number), _) => {
            format!("is {number}, which is too large; the default is {}", key.text)
        }
        (Value::Array(items), _) if items.iter().any(|item| !item.is_str()) => {
            let wrong = items.iter().find(|item| !item.is_str()).map_or("another value", kind);
            format!("takes a list of texts, as {}; found {wrong} in it", key.text)
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
