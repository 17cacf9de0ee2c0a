//! What is shown, made shorter: wrappers that say nothing are left out, and named properties get their names.

use std::borrow::Cow;
use std::collections::HashMap;

use mapi::show::Shown;

/// The names of a session's named properties, by their numbers.
pub(super) type Names = HashMap<u16, String>;

pub(super) fn tidy(shown: Shown, names: &Names) -> Shown {
    match shown {
        Shown::Named(number, name) => Shown::Named(number, Cow::Owned(named(bare(&name), names))),
        Shown::List(items) => Shown::List(items.into_iter().map(|item| tidy(item, names)).collect()),
        Shown::Fields(fields) => {
            let fields = fields.into_iter();
            let fields = fields.map(|(name, value)| (Cow::Owned(named(&name, names)), tidy(value, names)));
            Shown::Fields(fields.collect())
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
