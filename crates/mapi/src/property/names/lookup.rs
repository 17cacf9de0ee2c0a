//! Lookup of named properties by property set and key, and by name.

use std::cmp::Ordering;

use wire::Guid;

use super::named::NamedProperty;
use super::{lids, set, strings};

impl NamedProperty {
    /// The property with the number `lid` in the property set `set`.
    pub fn by_lid(set: &Guid, lid: u32) -> Option<&'static Self> {
        let at = lids::TABLE.binary_search_by(|known| known.set.cmp(set).then(known.lid().cmp(&lid))).ok()?;
        lids::TABLE.get(at)
    }

    /// The property with the name `text` in the property set `set`. Names of header fields are compared without regard
    /// to case.
    pub fn by_text(set: &Guid, text: &str) -> Option<&'static Self> {
        let order = |known: &Self| known.set.cmp(set).then_with(|| cmp_ignoring_case(known.text(), text));
        let at = strings::TABLE.binary_search_by(order).ok()?;
        let found = strings::TABLE.get(at)?;
        (*set == set::PS_INTERNET_HEADERS || found.text() == text).then_some(found)
    }

    /// The property with this name in [MS-OXPROPS]. This is a linear search, meant for user input.
    pub fn from_name(name: &str) -> Option<&'static Self> {
        Self::all().find(|known| known.name == name)
    }

    /// All known named properties; those that are identified by a number precede those that are identified by a text.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        lids::TABLE.iter().chain(strings::TABLE)
    }
}

fn cmp_ignoring_case(one: &str, other: &str) -> Ordering {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    one.bytes().map(lower).cmp(other.bytes().map(lower))
}
