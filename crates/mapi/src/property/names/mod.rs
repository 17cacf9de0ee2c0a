//! The names of properties ([MS-OXPROPS]), of named properties and of the sets that these are in.
//!
//! Several names may share an id, as the ids from 0x6800 on mean something else in each class of messages. The
//! table keeps all of them. Which one a tag has, its type decides; where that decides nothing, it is the name
//! that comes first, the most common one.

use std::fmt;

use super::{PropTag, PropType};

macro_rules! properties {
    ($($id:literal $type:ident $name:ident;)*) => {
        #[allow(non_upper_case_globals)]
        impl $crate::property::PropTag {
            $(
                #[doc = concat!("`", stringify!($name), "`, ", stringify!($id), ", a `", stringify!($type), "`.")]
                pub const $name: Self = Self::new($id, $crate::property::PropType::$type);
            )*
        }

        pub(super) static TABLE: &[super::Known] = &[
            $(super::Known { name: stringify!($name), tag: $crate::property::PropTag::$name },)*
        ];
    };
}

macro_rules! named {
    ($kind:ident: $($set:ident $key:literal $type:ident $name:ident;)*) => {
        #[allow(non_upper_case_globals)]
        impl super::NamedProperty {
            $(
                #[doc = concat!("`", stringify!($name), "`, `", stringify!($key), "` in `", stringify!($set), "`.")]
                pub const $name: Self = Self {
                    set: super::set::$set,
                    key: super::NameKey::$kind($key),
                    name: stringify!($name),
                    prop_type: $crate::property::PropType::$type,
                };
            )*
        }

        pub(super) static TABLE: &[super::NamedProperty] = &[$(super::NamedProperty::$name,)*];
    };
}

mod address_book;
mod lids;
mod message;
mod named;
mod object;
mod provider;
pub mod set;
mod strings;

pub use self::named::{NameKey, NamedProperty};

/// A property's name with its id and its type.
struct Known {
    name: &'static str,
    tag: PropTag,
}

/// From this id on, a mailbox's properties are named properties.
const FIRST_NAMED: u16 = 0x8000;

/// The tables, each sorted by id; every id of one is below those of the next.
static TABLES: [(u16, &[Known]); 4] = [
    (0x0000, message::TABLE),
    (0x3000, object::TABLE),
    (0x4000, provider::TABLE),
    (FIRST_NAMED, address_book::TABLE),
];

/// The names of all properties that are known, of named ones too.
pub fn all() -> impl Iterator<Item = &'static str> {
    let tagged = TABLES.iter().flat_map(|(_, table)| *table).map(|known| known.name);
    let named = lids::TABLE.iter().chain(strings::TABLE).map(|known| known.name);
    tagged.chain(named)
}

/// All properties with the id of `tag`, the most common one first.
fn of_id(id: u16) -> &'static [Known] {
    let table = TABLES.iter().rev().find(|(first, _)| id >= *first).map_or(&[][..], |(_, table)| table);
    let start = table.partition_point(|known| known.tag.id() < id);
    let end = table.partition_point(|known| known.tag.id() <= id);
    table.get(start..end).unwrap_or_default()
}

fn known(tag: PropTag) -> Option<&'static Known> {
    let all = of_id(tag.id());
    let wanted = as_unicode(tag.prop_type());
    all.iter()
        .find(|known| known.tag == tag)
        .or_else(|| all.iter().find(|known| as_unicode(known.tag.prop_type()) == wanted))
        .or_else(|| all.first())
}

/// The type with UTF-16 texts in the place of those in a code page, and without the bit that asks for one row
/// for each value.
const fn as_unicode(prop_type: PropType) -> PropType {
    match PropType(prop_type.0 & !MULTIVALUE_INSTANCE) {
        PropType::PtypString8 => PropType::PtypString,
        PropType::PtypMultipleString8 => PropType::PtypMultipleString,
        other => other,
    }
}

/// The bit of a column's type that makes a row of each value ([MS-OXCDATA] 2.11.1.4).
const MULTIVALUE_INSTANCE: u16 = 0x2000;

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

    /// Whether the id stands for a named property, where a mailbox is spoken of.
    pub const fn is_named(self) -> bool {
        self.id() >= FIRST_NAMED
    }

    /// The tag with this name: `PidTagSubject` and `PidTagSubject_W` have the type that the specification
    /// gives, `PidTagSubject_A` that for texts in a code page. It looks at every name there is, so that it is
    /// for what people type.
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

    /// The tag for people to read, as a mailbox means it: as its `Display`, but that ids from 0x8000 on are
    /// numbers.
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

#[cfg(test)]
mod tests;
