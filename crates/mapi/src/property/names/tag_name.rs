//! Names of property tags, and tags by name.

use std::fmt;

use super::known::Known;
use super::table::{FIRST_NAMED, MULTIVALUE_INSTANCE, TABLES, as_unicode, known};
use crate::property::tag::{PropTag, PropType};

impl PropTag {
    /// The property's name in [MS-OXPROPS], as an address book means it. Ids from 0x8000 on have these names
    /// in address books only; in a mailbox they stand for named properties: see [`PropTag::store_name`].
    pub fn name(self) -> Option<&'static str> {
        known(self).map(|known| known.name)
    }

    /// The property's name as a mailbox means it: none from 0x8000 on.
    pub fn store_name(self) -> Option<&'static str> {
        if self.is_named() { None } else { self.name() }
    }

    /// Whether the id is that of a named property in a mailbox (0x8000 and above).
    pub const fn is_named(self) -> bool {
        self.id() >= FIRST_NAMED
    }

    /// The tag with this name: `PidTagSubject` and `PidTagSubject_W` have the type that the specification
    /// gives, `PidTagSubject_A` that for texts in a code page. It compares all
    /// names in turn: meant for user input, not for the data path.
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

    /// The tag for display, as a mailbox uses it: as its `Display`, except that ids from 0x8000 on are numbers.
    pub const fn in_store(self) -> StoreTag {
        StoreTag(self)
    }
}

impl fmt::Display for PropTag {
    /// `PidTagSubject_W` or `PidTagSubject_A` for a text, `PidTagImportance` for a value of the type that the
    /// specification gives, `PidTagImportance:PtypErrorCode` for one of another, and the number where no name
    /// is known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_tag(*self, known(*self), f)
    }
}

impl fmt::Debug for PropTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PropTag({self})")
    }
}

/// See [`PropTag::in_store`].
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
    let (found, usual) = (tag.prop_type(), known.tag.prop_type());
    if as_unicode(found) != as_unicode(usual) {
        return write!(f, ":{found}");
    }
    match PropType(found.0 & !MULTIVALUE_INSTANCE) {
        PropType::PtypString | PropType::PtypMultipleString => f.write_str("_W"),
        PropType::PtypString8 | PropType::PtypMultipleString8 => f.write_str("_A"),
        _ => Ok(()),
    }
}
