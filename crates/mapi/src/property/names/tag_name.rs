//! Conversion of property tags to and from names.

use std::fmt;

use super::known::Known;
use super::table::{FIRST_NAMED, MULTIVALUE_INSTANCE, TABLES, as_unicode, known};
use crate::property::tag::{PropTag, PropType};

impl PropTag {
    /// The property's name in [MS-OXPROPS] in an address book. In a mailbox, ids from 0x8000 on are named properties
    /// and have other names: see [`PropTag::store_name`].
    pub fn name(self) -> Option<&'static str> {
        known(self).map(|known| known.name)
    }

    /// The property's name in [MS-OXPROPS] in a mailbox, or `None` for ids from 0x8000 on.
    pub fn store_name(self) -> Option<&'static str> {
        if self.is_named() { None } else { self.name() }
    }

    /// Whether the id is that of a named property in a mailbox, 0x8000 or greater.
    pub const fn is_named(self) -> bool {
        self.id() >= FIRST_NAMED
    }

    /// The tag with this name: `PidTagSubject` and `PidTagSubject_W` have the type of the specification,
    /// `PidTagSubject_A` the type for texts in a code page. This is a linear search, meant for user input.
    pub fn from_name(name: &str) -> Option<Self> {
        let of = |name: &str| {
            TABLES
                .iter()
                .flat_map(|(_, table)| *table)
                .find(|known| known.name == name)
                .map(|known| known.tag)
        };
        if let Some(tag) = of(name) {
            return Some(tag);
        }
        let (bare, suffix) = name.split_at_checked(name.len().checked_sub(2)?)?;
        let tag = of(bare).filter(|tag| tag.prop_type().is_text())?;
        let multiple = tag.prop_type().0 & PropType::PtypMultipleString.0 & !PropType::PtypString.0;
        let text = match suffix {
            "_W" => PropType::PtypString,
            "_A" => PropType::PtypString8,
            _ => return None,
        };
        Some(tag.with_type(PropType(text.0 | multiple)))
    }

    /// Displays the tag with its name in a mailbox: as `Display` does, except that ids from 0x8000 on are numbers.
    pub const fn in_store(self) -> StoreTag {
        StoreTag(self)
    }
}

impl fmt::Display for PropTag {
    /// Writes `PidTagSubject_W` or `PidTagSubject_A` for a text, `PidTagImportance` for the type of the specification,
    /// `PidTagImportance:PtypErrorCode` for any other type, and the number if the name is unknown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_tag(*self, known(*self), f)
    }
}

impl fmt::Debug for PropTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PropTag({self})")
    }
}

/// The return type of [`PropTag::in_store`].
#[derive(Clone, Copy)]
pub struct StoreTag(PropTag);

impl fmt::Display for StoreTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = if self.0.is_named() { None } else { known(self.0) };
        write_tag(self.0, known, f)
    }
}

fn write_tag(tag: PropTag, known: Option<&Known>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Some(known) = known else { return write!(f, "{:#010x}", tag.0) };
    f.write_str(known.name)?;
    let (tag_type, known_type) = (tag.prop_type(), known.tag.prop_type());
    if as_unicode(tag_type) != as_unicode(known_type) {
        return write!(f, ":{tag_type}");
    }
    match PropType(tag_type.0 & !MULTIVALUE_INSTANCE) {
        PropType::PtypString | PropType::PtypMultipleString => f.write_str("_W"),
        PropType::PtypString8 | PropType::PtypMultipleString8 => f.write_str("_A"),
        _ => Ok(()),
    }
}
