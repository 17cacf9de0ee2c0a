//! Explains lines that are not TOML. Unlike the parser's errors, the explanations use the keys of the
//! configuration and common mistakes.

use std::ops::Range;

use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::key::Key;
use super::places::line_of;
use super::table::KEYS;

/// The most characters of a line that are quoted.
const QUOTED: usize = 80;

/// Quotation marks that TOML does not have, such as those of word processors.
const TYPOGRAPHIC: [char; 13] = ['“', '”', '„', '‟', '«', '»', '‘', '’', '‚', '‹', '›', '`', '´'];

/// The lines of a configuration.
#[derive(Debug)]
pub(super) struct Lines<'a>(Vec<&'a str>);

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self(text.split('\n').map(trimmed).collect())
    }

    /// The line `number`, counted from one.
    fn line(&self, number: usize) -> &'a str {
        number.checked_sub(1).and_then(|index| self.0.get(index)).copied().unwrap_or_default()
    }

    /// The number of the last table header up to the line `number`.
    pub(super) fn header(&self, number: usize) -> Option<usize> {
        (1..=number).rev().find(|number| table_of(self.line(*number)).is_some())
    }

    /// The table that the line `number` belongs to; empty above the first header.
    fn table(&self, number: usize) -> &'a str {
        self.header(number).and_then(|header| table_of(self.line(header))).unwrap_or_default()
    }

    /// The first line before `number` that begins the same table, or sets the same key of it.
    fn earlier(&self, number: usize, is_same: impl Fn(&str) -> bool) -> Option<usize> {
        let table = self.table(number);
        (1..number).find(|earlier| is_same(self.line(*earlier)) && self.table(*earlier) == table)
    }

    /// Whether the line `number` begins a table or sets a key, which no line within a list does.
    fn is_statement(&self, number: usize) -> bool {
        let line = self.line(number);
        let named = line.split_once('=').map(|(name, _)| name.trim());
        named.is_some_and(|name| !name.is_empty() && name.chars().all(is_bare))
            || table_of(line).is_some_and(|name| !name.is_empty() && name.chars().all(is_bare))
    }

    /// What is wrong with the line `number`; `message` is the parser's error.
    pub(super) fn explain(&self, number: usize, message: &str) -> String {
        let line = self.line(number);
        if line.contains('\r') {
            return "lines end with CR only: save the file with LF or CR LF line endings".to_owned();
        }
        if line.starts_with(';') || line.starts_with("//") {
            return format!("{:?}: comments begin with #", clipped(line));
        }
        if line.starts_with('[') {
            return format!("{:?}: {}", clipped(line), self.in_header(number, message));
        }
        match line.split_once('=') {
            Some((name, value)) => self.in_assignment(number, trimmed(name), trimmed(value), message),
            None => format!("{:?}: {}", clipped(line), self.in_words(number, message)),
        }
    }

    fn in_header(&self, number: usize, message: &str) -> String {
        let line = self.line(number);
        let Some(name) = table_of(line) else { return message.to_owned() };
        if !line.contains(']') {
            return format!("the closing bracket is missing: write [{}]", clipped(name));
        }
        let is_same = |other: &str| !other.starts_with("[[") && table_of(other) == Some(name);
        match (1..number).find(|earlier| is_same(self.line(*earlier))) {
            Some(first) => {
                format!("duplicate table, first defined in line {first}: move its keys there")
            }
            None => message.to_owned(),
        }
    }

    /// A line without an equals sign.
    fn in_words(&self, number: usize, message: &str) -> String {
        let line = self.line(number);
        let end = line.find(|c: char| !is_bare(c)).unwrap_or(line.len());
        let (name, rest) = line.split_at(end);
        let value = rest.trim_start_matches([':', ' ', '\t']);
        if name.is_empty() {
            return message.to_owned();
        }
        if value.is_empty() {
            let example = key(self.table(number), name).map_or("VALUE", |key| key.text.as_str());
            return format!("the value is missing: write {} = {example}", clipped(name));
        }
        let value = clipped(value);
        format!("the equals sign is missing: write {} = {value}", clipped(name))
    }

    fn in_assignment(&self, number: usize, name: &str, value: &str, message: &str) -> String {
        let table = self.table(number);
        let name = clipped(name);
        let at = if table.is_empty() { name.clone() } else { format!("{table}.{name}") };
        if name.starts_with('{') {
            return format!("{at}: write each key on a line of its own, without braces");
        }
        if let Some(odd) = name.chars().find(|c| !is_bare(*c) && !matches!(c, '"' | '\'' | ' ' | '\t')) {
            let plain: String = name.chars().filter(|c| is_bare(*c)).collect();
            let code = u32::from(odd);
            return format!("{at}: the character U+{code:04X} is not allowed in a key; retype it as {plain}");
        }
        let is_same = |line: &str| line.split_once('=').is_some_and(|(other, _)| other.trim() == name);
        if let Some(first) = self.earlier(number, is_same) {
            return format!("{at}: duplicate key, first set in line {first}; remove one of them");
        }
        let value = if value.starts_with(['"', '\'']) {
            value
        } else {
            value.split('#').next().unwrap_or_default().trim()
        };
        format!("{at}: {}", in_value(key(table, &name), &name, &clipped(value), message))
    }

    /// The lists of `table` without a closing bracket, whose items the parser took to be the following lines:
    /// the span of each in `text`. `faults` are the offsets of the parser's errors.
    pub(super) fn unclosed(&self, text: &str, table: &DeTable<'_>, faults: &[usize]) -> Vec<Range<usize>> {
        let mut lists = Vec::new();
        lists_in(table, &mut lists);
        lists.retain(|list| {
            let within = |fault: &&usize| list.contains(fault) || list.end == **fault;
            let begins = line_of(text, list.start);
            let lines = faults.iter().filter(within).map(|fault| line_of(text, *fault));
            lines.into_iter().any(|line| line > begins && self.is_statement(line))
        });
        lists
    }
}

/// The explanation of a list without its closing bracket.
pub(super) const UNCLOSED: &str =
    "the list that begins in this line has no closing bracket: add ] after its last item";

fn lists_in(table: &DeTable<'_>, lists: &mut Vec<Range<usize>>) {
    for value in table.values() {
        match value.get_ref() {
            DeValue::Array(_) => lists.push(value.span()),
            DeValue::Table(inner) => lists_in(inner, lists),
            _ => {}
        }
    }
}

/// `text` without the blanks of TOML around it. A no-break space is not one of them.
fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r'])
}

/// The table that the line `line` begins, if it is a header.
fn table_of(line: &str) -> Option<&str> {
    let name = line.strip_prefix('[')?.split(['#', ']']).next()?;
    Some(name.trim_start_matches('[').trim())
}

/// Whether `c` is allowed in keys without quotes.
const fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}

fn key(table: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.table == table && key.name == name)
}

fn clipped(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// What is wrong with `value`, the text after the equals sign of the key `name`.
fn in_value(key: Option<&Key>, name: &str, value: &str, message: &str) -> String {
    if value.is_empty() {
        return "the value is missing".to_owned();
    }
    if value.starts_with(TYPOGRAPHIC) || value.ends_with(TYPOGRAPHIC) {
        let inner = value.trim_matches(TYPOGRAPHIC).trim_matches(['"', '\'']);
        return format!("quotation marks other than \" and ' are not allowed: write {name} = \"{inner}\"");
    }
    if let Some(quote @ ('"' | '\'')) = value.chars().next() {
        let inner = value.trim_matches(quote);
        if value.matches(quote).count() < 2 {
            return format!("the closing quotation mark is missing: write {name} = {quote}{inner}{quote}");
        }
        if quote == '"' && inner.contains('\\') && !inner.contains('\'') {
            return format!("\\ is an escape character in double quotes: write {name} = '{inner}'");
        }
        return message.to_owned();
    }
    if value.starts_with(['[', '{']) {
        let is_open = value.starts_with('[') && !value.contains(']');
        return if is_open { UNCLOSED.to_owned() } else { message.to_owned() };
    }
    if value_of(value).is_some() {
        return message.to_owned();
    }
    let example = key.map_or("", |key| key.text.as_str());
    match key.map(|key| &key.value) {
        Some(Value::Integer(_)) => {
            format!("expected an integer without a unit, for example {example}; found {value}")
        }
        Some(Value::Boolean(_)) => format!("expected true or false, in lower case; found {value}"),
        Some(Value::Array(_)) => format!("expected a list; found {value}: write [{value:?}]"),
        _ => format!("strings must be quoted: write {name} = {value:?}"),
    }
}

/// The value that `text` is in TOML.
fn value_of(text: &str) -> Option<Value> {
    format!("x = {text}").parse().ok().and_then(|mut table: Table| table.remove("x"))
}
