//! Named properties as [MS-OXPROPS] has them.

use wire::Guid;

use crate::property::tag::PropType;

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
    /// The set that it is in, one of [`set`](super::set).
    pub set: Guid,
    /// What it is called in the set.
    pub key: NameKey,
    /// Its name in the specification, such as `PidLidAppointmentStartWhole` or `PidNameKeywords`.
    pub name: &'static str,
    /// The type of its value.
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
