//! Oracle: property values, rows, restrictions and entry ids.

use mapi::blob::{
    ExtendedFolderFlags, FolderUserFields, PropertyDefinitions, SearchFolderDefinition, SwappedToDoData,
    TaskAssigners, Tombstones, UnsendableRecipients,
};
use mapi::data::{
    ContactEntryId, EntryId, ExtendedRuleActions, ExtendedRuleCondition, FolderEntryId, LongTermId,
    MessageEntryId, NamedPropertyInformation, OneOffEntryId, PredecessorChangeList, PropertyName,
    PropertyProblemArray, RecipientRow, RuleAction, ServerId, SortOrderSet, StoreEntryId, TypedString,
    WrappedEntryId, Xid,
};
use mapi::inspect::Inspect;
use mapi::property::{
    LargePropertyTagArray, Layout, PropTag, PropType, PropertyList, PropertyRow, PropertyTagArray,
    PropertyValue, Restriction, TaggedValue, TypedValue,
};
use wire::{Encode, Reader, Result, Writer};

use super::stubs::same_bytes;
use crate::input::Input;

const LAYOUTS: [Layout; 4] =
    [Layout::Rop, Layout::Wide, Layout::AddressBook, Layout::AddressBookNoRestrictionFlag];

/// Every type of values, and one that does not exist.
pub(crate) const TYPES: [u16; 33] = [
    0x0000, 0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x0006, 0x0007, 0x000A, 0x000B, 0x000D, 0x0014, 0x001E,
    0x001F, 0x0040, 0x0048, 0x00FB, 0x00FD, 0x00FE, 0x0102, 0x1002, 0x1003, 0x1004, 0x1005, 0x1006, 0x1007,
    0x1014, 0x101E, 0x101F, 0x1040, 0x1048, 0x1102, 0x301F,
];

/// Properties, and structures of properties and ROPs.
///
/// The first byte selects the structure, the second the layout. A third byte selects the type of a value, or the
/// property of a structure within bytes; rows and recipients have one for the number of columns and one for the
/// type of each column. Decoded values are encoded to the same bytes; restrictions are preserved by the other
/// layouts; everything can be displayed.
///
/// # Panics
/// If one of these properties is violated.
pub fn properties(data: &[u8]) {
    let mut input = Input::new(data);
    let (structure, layout) = (input.byte() % 13, LAYOUTS[usize::from(input.byte() % 4)]);
    match structure {
        12 => {
            let mut names = mapi::blob::structured();
            let name = names.nth(usize::from(input.byte()) % names.len()).expect("the index is within");
            drop(mapi::blob::meaning(name, input.rest()));
        }
        0 => {
            let prop_type = one_type(&mut input);
            let read = |r: &mut Reader<'_>| PropertyValue::read(r, prop_type, layout);
            shown(leaves(input.rest(), read, |value, w| value.write(w, layout)));
        }
        1 => {
            let read = |r: &mut Reader<'_>| TaggedValue::read(r, layout);
            shown(leaves(input.rest(), read, |value, w| value.write(w, layout)));
        }
        2 => {
            let read = |r: &mut Reader<'_>| PropertyList::read_counted32(r, layout);
            shown(leaves(input.rest(), read, |list, w| list.write_counted32(w, layout)));
        }
        3 => {
            let read = |r: &mut Reader<'_>| PropertyList::read_counted16(r, layout);
            shown(leaves(input.rest(), read, |list, w| list.write_counted16(w, layout)));
        }
        4 => row(&mut input, layout),
        5 => restriction(input.rest(), layout),
        6 => {
            let read = |r: &mut Reader<'_>| RuleAction::read(r, layout);
            let actions = leaves(input.rest(), read, |actions, w| actions.write(w, layout));
            drop(actions.as_ref().map(ToString::to_string));
            shown(actions);
        }
        7 => {
            let columns = columns(&mut input);
            let read = |r: &mut Reader<'_>| RecipientRow::read(r, &columns);
            if let Some(row) = leaves(input.rest(), read, |row, w| row.write(w, &columns)) {
                drop((row.to_string(), row.node_with(&columns), row.address_type_name()));
            }
        }
        8 => entry_id(input.rest()),
        9 => {
            let read = |r: &mut Reader<'_>| TypedValue::read(r, layout);
            shown(leaves(input.rest(), read, |value, w| value.write(w, layout)));
        }
        _ => plain(input.byte(), input.rest()),
    }
}

fn one_type(input: &mut Input<'_>) -> PropType {
    PropType(TYPES[usize::from(input.byte()) % TYPES.len()])
}

fn columns(input: &mut Input<'_>) -> Vec<PropTag> {
    let count = input.byte();
    (0..count).map(|id| PropTag::new(0x6700 | u16::from(id), one_type(input))).collect()
}

fn shown(value: Option<impl Inspect>) {
    drop(value.map(|value| value.to_node()));
}

/// Asserts that a decoded value is encoded to the same bytes.
fn leaves<T>(
    bytes: &[u8],
    read: impl FnOnce(&mut Reader<'_>) -> Result<T>,
    write: impl FnOnce(&T, &mut Writer) -> Result<()>,
) -> Option<T> {
    let mut r = Reader::new(bytes);
    let value = read(&mut r).ok()?;
    let mut w = Writer::new();
    write(&value, &mut w).expect("what was read can be written");
    assert_eq!(w.as_slice(), &bytes[..r.offset()], "it encodes to the decoded bytes");
    Some(value)
}

fn row(input: &mut Input<'_>, layout: Layout) {
    let columns = columns(input);
    let read = |r: &mut Reader<'_>| PropertyRow::read(r, &columns, layout);
    let Some(row) = leaves(input.rest(), read, |row, w| row.write(w, &columns, layout)) else { return };
    assert_eq!(row.len(), columns.len());
    for (place, column) in columns.iter().enumerate() {
        assert!(row.value(place).is_none() || row.error(place).is_none(), "{column} is there or not");
    }
    drop(row.node_with(&columns));
}

fn restriction(bytes: &[u8], layout: Layout) {
    let read = |r: &mut Reader<'_>| Restriction::read(r, layout);
    let Some(restriction) = leaves(bytes, read, |one, w| one.write(w, layout)) else { return };
    assert!(!restriction.to_string().is_empty());
    let own = restriction.to_bytes(layout).expect("what was read can be written");
    for other in LAYOUTS {
        // Actions, objects and absent values differ between layouts.
        let Ok(moved) = restriction.to_bytes(other) else { continue };
        let there = Restriction::from_bytes(&moved, other).expect("what was written can be read");
        if let Ok(back) = there.to_bytes(layout) {
            assert_eq!(back, own, "conversion to {other:?} and back changes nothing");
        }
    }
}

fn entry_id(bytes: &[u8]) {
    let id = EntryId::parse(bytes);
    assert_eq!(id.to_bytes().as_deref(), Ok(bytes), "it encodes to the decoded bytes");
    drop((id.to_string(), id.to_node()));
}

/// Structures with one layout and without context.
fn plain(choice: u8, bytes: &[u8]) {
    match choice % 28 {
        0 => drop(same_bytes::<PropertyName>(bytes)),
        1 => drop(same_bytes::<NamedPropertyInformation>(bytes)),
        2 => drop(same_bytes::<ExtendedRuleActions>(bytes)),
        3 => drop(same_bytes::<ExtendedRuleCondition>(bytes)),
        4 => drop(same_bytes::<SortOrderSet>(bytes)),
        5 => drop(same_bytes::<PropertyProblemArray>(bytes)),
        6 => drop(same_bytes::<PropertyTagArray>(bytes)),
        7 => drop(same_bytes::<LargePropertyTagArray>(bytes)),
        8 => drop(same_bytes::<PredecessorChangeList>(bytes)),
        9 => drop(same_bytes::<Xid>(bytes)),
        10 => drop(same_bytes::<LongTermId>(bytes)),
        11 => drop(same_bytes::<ServerId>(bytes)),
        12 => drop(same_bytes::<TypedString>(bytes)),
        13 => drop(same_bytes::<FolderEntryId>(bytes)),
        14 => drop(same_bytes::<MessageEntryId>(bytes)),
        15 => drop(same_bytes::<StoreEntryId>(bytes)),
        16 => drop(same_bytes::<OneOffEntryId>(bytes)),
        17 => drop(same_bytes::<ContactEntryId>(bytes)),
        18 => drop(same_bytes::<WrappedEntryId>(bytes)),
        19 => drop(same_bytes::<SearchFolderDefinition>(bytes)),
        20 => drop(same_bytes::<ExtendedFolderFlags>(bytes)),
        21 => drop(same_bytes::<Tombstones>(bytes)),
        22 => drop(same_bytes::<TaskAssigners>(bytes)),
        23 => drop(same_bytes::<SwappedToDoData>(bytes)),
        24 => drop(same_bytes::<UnsendableRecipients>(bytes)),
        25 => drop(same_bytes::<PropertyDefinitions>(bytes)),
        26 => drop(same_bytes::<FolderUserFields>(bytes)),
        _ => drop(ServerId::parse(bytes)),
    }
}
