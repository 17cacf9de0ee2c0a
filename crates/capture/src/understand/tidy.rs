//! What is shown, made shorter: wrappers that say nothing are left out, rows are put with their columns, and named
//! properties get their names.

use std::borrow::Cow;
use std::collections::HashMap;

use mapi::show::Shown;

/// The names of a session's named properties, by their numbers.
pub(super) type Names = HashMap<u16, String>;

pub(super) fn tidy(shown: Shown, names: &Names) -> Shown {
    match shown {
        Shown::Named(number, name) => Shown::Named(number, Cow::Owned(named(bare(&name), names))),
        Shown::List(items) => list(items.into_iter().map(|item| tidy(item, names)).collect()),
        Shown::Fields(fields) => {
            let fields = fields.into_iter();
            let fields = fields.map(|(name, value)| (Cow::Owned(named(&name, names)), tidy(value, names)));
            let mut fields: Vec<(Cow<'static, str>, Shown)> = fields.collect();
            match fields.as_slice() {
                // A pointer, and what it points to.
                [(pointer, _), (value, _)] if pointer == "referent" && value == "value" => {
                    fields.pop().map_or(Shown::Nothing, |(_, value)| value)
                }
                _ => Shown::Fields(rows(fields)),
            }
        }
        other => other,
    }
}

/// `Flags(A | B)` as `A | B`.
fn bare(name: &str) -> &str {
    let inside = name.strip_suffix(')').and_then(|rest| rest.split_once('('));
    inside.map(|(_, inside)| inside).filter(|inside| !inside.contains('(')).unwrap_or(name)
}

/// `0x8001001f` with its name, where it is the tag of a named property that has one.
fn named(tag: &str, names: &Names) -> String {
    let number = tag.strip_prefix("0x").filter(|digits| digits.len() == 8);
    let number = number.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let name = number.and_then(|number| u16::try_from(number >> 16).ok()).and_then(|id| names.get(&id));
    name.map_or_else(|| tag.to_owned(), |name| format!("{name} ({tag})"))
}

/// A list of values with their tags as fields by name.
fn list(items: Vec<Shown>) -> Shown {
    let pair = |item: &Shown| match item {
        Shown::Fields(fields) => match fields.as_slice() {
            [(tag, name), (value, shown)] if tag == "tag" && value == "value" => {
                Some((text(name)?.into(), shown.clone()))
            }
            _ => None,
        },
        _ => None,
    };
    match items.iter().map(pair).collect::<Option<Vec<_>>>() {
        Some(fields) if !fields.is_empty() => Shown::Fields(fields),
        _ => Shown::List(items),
    }
}

/// Puts rows, which are lists of values, together with the columns beside them.
fn rows(mut fields: Vec<(Cow<'static, str>, Shown)>) -> Vec<(Cow<'static, str>, Shown)> {
    let columns = fields.iter().find_map(|(name, value)| match value {
        Shown::List(columns) if name == "columns" => columns.iter().map(text).collect::<Option<Vec<_>>>(),
        _ => None,
    });
    let Some(columns) = columns else { return fields };
    for (_, value) in fields.iter_mut().filter(|(name, _)| name == "rows") {
        let Shown::List(rows) = value else { continue };
        for row in rows {
            match row {
                Shown::List(values) if values.len() == columns.len() => {
                    let named = columns.iter().cloned().map(Cow::Owned).zip(std::mem::take(values));
                    *row = Shown::Fields(named.collect());
                }
                _ => {}
            }
        }
    }
    fields
}

fn text(shown: &Shown) -> Option<String> {
    match shown {
        Shown::Named(_, name) => Some(name.to_string()),
        Shown::Text(name) => Some(name.clone()),
        _ => None,
    }
}
