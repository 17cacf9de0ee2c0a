//! Named properties of [MS-OXPROPS].

use wire::Guid;

use crate::property::tag::PropType;

/// The key of a named property within its property set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameKey {
    /// A number, the property long ID (LID).
    Lid(u32),
    /// A text, the property name.
    Text(&'static str),
}

/// A named property of [MS-OXPROPS].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NamedProperty {
    /// The property set, one of [`set`](super::set).
    pub set: Guid,
    /// The key within the property set.
    pub key: NameKey,
    /// Its name in the specification, such as `PidLidAppointmentStartWhole` or `PidNameKeywords`.
    pub name: &'static str,
    /// The type of the property's value.
    pub prop_type: PropType,
}

impl NamedProperty {
    pub(super) const fn lid(&self) -> u32 {
        match self.key {
            NameKey::Lid(lid) => lid,
            NameKey::Text(_) => 0,
        }
    }

    pub(super) const fn text(&self) -> &'static str {
        match self.key {
            NameKey::Text(text) => text,
            NameKey::Lid(_) => "",
        }
    }
}
