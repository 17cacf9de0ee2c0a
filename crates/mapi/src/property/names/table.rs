//! Tables of property names, and lookup by property tag.

use super::known::Known;
use super::{address_book, lids, message, object, provider, strings};
use crate::property::tag::{PropTag, PropType};

/// The first id of named properties in a mailbox.
pub(super) const FIRST_NAMED: u16 = 0x8000;

/// The tables with the first id of each. Each is sorted by id, and all its ids are less than those of the next table.
pub(super) static TABLES: [(u16, &[Known]); 4] = [
    (0x0000, message::TABLE),
    (0x3000, object::TABLE),
    (0x4000, provider::TABLE),
    (FIRST_NAMED, address_book::TABLE),
];

/// The names of all known properties, including named properties.
pub fn all() -> impl Iterator<Item = &'static str> {
    let tagged = TABLES.iter().flat_map(|(_, table)| *table).map(|known| known.name);
    let named = lids::TABLE.iter().chain(strings::TABLE).map(|known| known.name);
    tagged.chain(named)
}

/// All properties with the id `id`, the most common one first.
pub(super) fn of_id(id: u16) -> &'static [Known] {
    let table = TABLES.iter().rev().find(|(first, _)| id >= *first).map_or(&[][..], |(_, table)| table);
    let start = table.partition_point(|known| known.tag.id() < id);
    let end = table.partition_point(|known| known.tag.id() <= id);
    table.get(start..end).unwrap_or_default()
}

/// The entry for `tag`: that of the same type, or else the most common one with its id.
pub(super) fn known(tag: PropTag) -> Option<&'static Known> {
    let all = of_id(tag.id());
    let wanted = as_unicode(tag.prop_type());
    all.iter()
        .find(|known| known.tag == tag)
        .or_else(|| all.iter().find(|known| as_unicode(known.tag.prop_type()) == wanted))
        .or_else(|| all.first())
}

/// The type without the bit for multivalue instances, and with UTF-16 texts instead of texts in a code page.
pub(super) const fn as_unicode(prop_type: PropType) -> PropType {
    match PropType(prop_type.0 & !MULTIVALUE_INSTANCE) {
        PropType::PtypString8 => PropType::PtypString,
        PropType::PtypMultipleString8 => PropType::PtypMultipleString,
        other => other,
    }
}

/// `MultivalueInstance`: the bit of a column's type that requests a row for each value of a multivalue property
/// ([MS-OXCDATA] 2.11.1.4).
pub(super) const MULTIVALUE_INSTANCE: u16 = 0x2000;
