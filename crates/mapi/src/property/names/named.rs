//! Known named properties, by property set.

use std::cmp::Ordering;

use wire::Guid;

use super::{lids, set, strings};
use crate::property::PropType;

/// What a named property is called within its set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameKey {
    /// A number, the property's long id (LID).
    Lid(u32),
    /// A text.
    Text(&'static str),
}

/// A named property as [MS-OXPROPS] has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NamedProperty {
    /// The set that it is in, one of [`set`].
    pub set: Guid,
    /// What it is called in the set.
    pub key: NameKey,
    /// Its name in the specification, such as `PidLidAppointmentStartWhole` or `PidNameKeywords`.
    pub name: &'static str,
    /// The type of its value.
    pub prop_type: PropType,
}

impl NamedProperty {
    /// The property with the number `lid` in `set`.
    pub fn by_lid(set: &Guid, lid: u32) -> Option<&'static Self> {
        let at = lids::TABLE.binary_search_by(|known| known.set.cmp(set).then(known.lid().cmp(&lid))).ok()?;
        lids::TABLE.get(at)
    }

    /// The property with the name `text` in `set`. The names of header fields may be in any case.
    pub fn by_text(set: &Guid, text: &str) -> Option<&'static Self> {
        let order = |known: &Self| known.set.cmp(set).then_with(|| cmp_ignoring_case(known.text(), text));
        let at = strings::TABLE.binary_search_by(order).ok()?;
        let found = strings::TABLE.get(at)?;
        (*set == set::PS_INTERNET_HEADERS || found.text() == text).then_some(found)
    }

    /// The property with this name in the specification. It looks at every name there is, so that it is for
    /// what people type.
    pub fn from_name(name: &str) -> Option<&'static Self> {
        Self::all().find(|known| known.name == name)
    }

    /// All of them, those with a number first.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        lids::TABLE.iter().chain(strings::TABLE)
    }

    const fn lid(&self) -> u32 {
        match self.key {
            NameKey::Lid(lid) => lid,
            NameKey::Text(_) => 0,
        }
    }

    const fn text(&self) -> &'static str {
        match self.key {
            NameKey::Text(text) => text,
            NameKey::Lid(_) => "",
        }
    }
}

fn cmp_ignoring_case(one: &str, other: &str) -> Ordering {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    one.bytes().map(lower).cmp(other.bytes().map(lower))
}
