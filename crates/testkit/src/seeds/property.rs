//! Seeds for fuzzing properties and entry ids.

use mapi::ErrorCode;
use mapi::blob::{
    AddressEntry, Criteria, EntryList, FieldDefinition, FolderField, FolderUserFields, Folders,
    KnownCriteria, NewerDefinition, PackedText16, PropertyDefinitions, SearchFolderDefinition, TaskAssigner,
    TaskAssigners, Tombstone, Tombstones, UnsendableRecipients,
};
use mapi::data::{
    ActionBlock, ActionData, ActionType, FolderId, GlobalCounter, MessageId, OneOffEntryId, OneOffFlags,
    RecipientBlock, RuleAction, ServerId, Text, TypedString,
};
use mapi::nspi::{DisplayType, EntryId, PermanentEntryId};
use mapi::property::{
    BitmapOperator, FuzzyLevel, Layout, PropTag, PropType, PropertyList, PropertyRow, PropertyValue,
    RelationalOperator, Restriction, TaggedValue,
};
use wire::{Encode, FileTime, Guid, Utf16, Writer};

use crate::input::chosen;
use crate::oracles::mapi::PROPERTY_TYPES;

const LAYOUTS: [Layout; 4] =
    [Layout::Rop, Layout::Wide, Layout::AddressBook, Layout::AddressBookNoRestrictionFlag];

/// A recipient's row with one column, as a client sent it.
const RECIPIENT: &[u8] = b"\x3b\x02b\0o\0b\0\0\0B\0\0\0B\0\0\0\x01\0\0\x06\0\0\0";

fn written(write: impl FnOnce(&mut Writer) -> wire::Result<()>) -> Vec<u8> {
    let mut w = Writer::new();
    write(&mut w).expect("a seed can be written");
    w.into_vec()
}

fn values() -> Vec<PropertyValue> {
    use PropertyValue as V;
    let folder_id = FolderId::new(1, GlobalCounter([0, 0, 0, 0, 1, 0x23]));
    vec![
        V::Absent(PropType::PtypNull),
        V::Integer16(1),
        V::Integer32(-1),
        V::Floating32(0.5),
        V::Floating64(0.5),
        V::Currency(12_345),
        V::FloatingTime(5.25),
        V::Error(ErrorCode::MAPI_E_NOT_FOUND),
        V::Boolean(true),
        V::Integer64(i64::MIN),
        V::String8(b"text".to_vec()),
        "text".into(),
        V::Time(FileTime(0x01DC_0000_0000_0000)),
        V::Guid(Guid::from_le([7; 16])),
        V::ServerId(ServerId::Ours { folder_id, message_id: MessageId(0), instance: 0 }),
        V::Restriction(Box::new(Restriction::Exist { tag: PropTag::PidTagTitle })),
        V::RuleAction(Box::new(actions(Layout::Rop))),
        V::Binary(vec![1, 2, 3]),
        V::MultipleInteger16(vec![1, 2]),
        V::MultipleInteger32(vec![1, 2]),
        V::MultipleFloating32(vec![0.5]),
        V::MultipleFloating64(vec![0.5]),
        V::MultipleCurrency(vec![1]),
        V::MultipleFloatingTime(vec![1.0]),
        V::MultipleInteger64(vec![1]),
        V::MultipleString8(vec![b"a".to_vec(), vec![]]),
        V::MultipleUnicode(vec![Utf16::new("a"), Utf16::default()]),
        V::MultipleTime(vec![FileTime(1)]),
        V::MultipleGuid(vec![Guid::NIL]),
        V::MultipleBinary(vec![vec![1], vec![]]),
    ]
}

fn actions(layout: Layout) -> RuleAction {
    let recipient = RecipientBlock {
        reserved: 1,
        properties: vec![TaggedValue::new(PropTag::PidTagDisplayName, "A".into())],
    };
    let folder = FolderId(0x2301_0000_0000_0001);
    let id =
        written(|w| ServerId::Ours { folder_id: folder, message_id: MessageId(0), instance: 0 }.encode(w));
    let reply = if layout.is_wide() {
        ActionData::ReplyByEntryId { message_eid: vec![0; 70], template_guid: Guid::NIL }
    } else {
        ActionData::Reply { folder_id: folder, message_id: MessageId(1), template_guid: Guid::NIL }
    };
    RuleAction(vec![
        ActionBlock::new(
            ActionType::OP_MOVE,
            ActionData::MoveCopy {
                folder_in_this_store: (!layout.is_wide()).then_some(1),
                store_eid: vec![0],
                folder_eid: id[2..].to_vec(),
            },
        ),
        ActionBlock::new(ActionType::OP_REPLY, reply),
        ActionBlock::new(ActionType::OP_FORWARD, ActionData::Recipients(vec![recipient])),
        ActionBlock::new(
            ActionType::OP_TAG,
            ActionData::Tag(TaggedValue::new(PropTag::PidTagTitle, PropertyValue::Integer32(1))),
        ),
        ActionBlock::new(ActionType::OP_DELETE, ActionData::None),
    ])
}

fn restriction() -> Restriction {
    let (tag, relop) = (PropTag::PidTagTitle, RelationalOperator::RELOP_EQ);
    let value = || TaggedValue::new(tag, "a".into());
    let exist = || Box::new(Restriction::Exist { tag });
    Restriction::And(vec![
        Restriction::Or(vec![
            Restriction::Content { fuzzy_level: FuzzyLevel::FL_IGNORECASE, tag, value: value() },
            Restriction::Property { relop, tag, value: value() },
        ]),
        Restriction::Not(exist()),
        Restriction::CompareProperties { relop, tag1: tag, tag2: tag },
        Restriction::BitMask { operator: BitmapOperator::BMR_NEZ, tag, mask: 1 },
        Restriction::Size { relop, tag, size: 1 },
        Restriction::SubObject { object: PropTag(0x0E12_000D), restriction: exist() },
        Restriction::Comment { values: vec![value()], restriction: Some(exist()) },
        Restriction::Count { count: 1, restriction: exist() },
    ])
}

/// The index of a type in [`PROPERTY_TYPES`].
fn place(prop_type: PropType) -> u8 {
    let place = PROPERTY_TYPES.iter().position(|known| *known == prop_type.0);
    place.and_then(|place| u8::try_from(place).ok()).expect("a type that the oracle knows")
}

pub(super) fn properties() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (number, layout) in (0u8..).zip(LAYOUTS) {
        let values: Vec<_> = values()
            .into_iter()
            .filter(|value| value.prop_type() != PropType::PtypRuleAction || !layout.is_wide())
            .collect();
        for value in &values {
            let bytes = written(|w| value.write(w, layout));
            seeds.push(chosen(&[0, number, place(value.prop_type())], &bytes));
            let typed = [&value.prop_type().0.to_le_bytes()[..], &bytes].concat();
            seeds.push(chosen(&[0, number, 0], &typed));
            seeds.push(chosen(&[9, number], &typed));
        }
        let tagged = values.iter().map(|value| TaggedValue::new(PropTag(0x6701_0000), value.clone()));
        let list = PropertyList(tagged.collect());
        seeds.push(chosen(&[2, number], &written(|w| list.write_counted32(w, layout))));
        seeds.push(chosen(&[3, number], &written(|w| list.write_counted16(w, layout))));
        seeds.push(chosen(&[1, number], &written(|w| list.0[11].write(w, layout))));
        let columns: Vec<_> = list.0.iter().map(|property| property.tag).collect();
        let mut head = vec![4, number, u8::try_from(columns.len()).expect("few columns")];
        head.extend(columns.iter().map(|column| place(column.prop_type())));
        let cells: Vec<_> = values.into_iter().map(Some).collect();
        let row = PropertyRow::new(&columns, cells.clone());
        seeds.push(chosen(&head, &written(|w| row.write(w, &columns, layout))));
        let gaps = cells.into_iter().enumerate().map(|(place, cell)| cell.filter(|_| place % 3 != 0));
        let row = PropertyRow::new(&columns, gaps.collect());
        seeds.push(chosen(&head, &written(|w| row.write(w, &columns, layout))));
        seeds.push(chosen(&[5, number], &written(|w| restriction().write(w, layout))));
        seeds.push(chosen(&[6, number], &written(|w| actions(layout).write(w, layout))));
    }
    seeds.push(chosen(&[7, 0, 2, place(PropType::PtypInteger32), 0], RECIPIENT));
    seeds.extend(entry_ids().iter().map(|id| chosen(&[8, 0], id)));
    seeds.extend(plain());
    seeds
}

fn entry_ids() -> Vec<Vec<u8>> {
    let mut folder = vec![0; 46];
    folder[20] = 1;
    let mut message = vec![0; 70];
    message[20] = 7;
    let one_off = OneOffEntryId {
        flags: 0,
        version: 0,
        one_off_flags: OneOffFlags::UNICODE,
        display_name: Text::from("A"),
        address_type: Text::from("SMTP"),
        email_address: Text::from("a@b"),
    };
    let person = EntryId::Permanent(PermanentEntryId {
        display_type: DisplayType::DT_MAILUSER,
        distinguished_name: b"/o=Lab/cn=a".to_vec(),
    });
    vec![folder, message, written(|w| one_off.encode(w)), written(|w| person.encode(w))]
}

/// A definition with `Addresses` and `SearchRestriction`.
fn search_folder() -> SearchFolderDefinition {
    let value = || TaggedValue::new(PropTag::PidTagDisplayName, "A".into());
    let exist = || Restriction::Exist { tag: PropTag::PidTagDisplayName };
    let compared = Restriction::Property {
        relop: RelationalOperator::RELOP_EQ,
        tag: PropTag::PidTagDisplayName,
        value: value(),
    };
    let noted = Restriction::Comment { values: vec![value()], restriction: Some(Box::new(exist())) };
    let criteria = KnownCriteria {
        addresses: Some(vec![AddressEntry { pad: 0, properties: vec![value()] }]),
        restriction: Some(Restriction::And(vec![compared, Restriction::Not(Box::new(noted)), exist()])),
        advanced_search: Some(vec![1]),
        ..KnownCriteria::default()
    };
    SearchFolderDefinition {
        version: 0x1004,
        flags: 0x5F,
        numerical_search: 0,
        text_search: PackedText16 { is_extended: false, bytes: b"a\0".to_vec() },
        skip1: Vec::new(),
        deep_search: 1,
        folder_names: PackedText16 { is_extended: true, bytes: b"b\0".to_vec() },
        folders: Folders::Known(EntryList { pad: 0, entries: vec![(0, vec![0; 46])] }),
        criteria: Criteria::Known(Box::new(criteria)),
    }
}

fn tombstones() -> Tombstones {
    let record = Tombstone { user_name: b"A".to_vec(), ..Tombstone::default() };
    Tombstones { version: 3, records: vec![record], ..Tombstones::default() }
}

fn task_assigners() -> TaskAssigners {
    let assigner = TaskAssigner { name: Utf16::new("A"), ..TaskAssigner::default() };
    TaskAssigners { assigners: vec![assigner], ..TaskAssigners::default() }
}

fn unsendable_recipients() -> UnsendableRecipients {
    let name = TaggedValue::new(PropTag::PidTagDisplayName, "A".into());
    let row = AddressEntry { pad: 0, properties: vec![name] };
    UnsendableRecipients { version: 1, rows: vec![row], ..UnsendableRecipients::default() }
}

fn property_definitions() -> PropertyDefinitions {
    let newer = NewerDefinition { internal_type: 0, blocks: vec![vec![1, b'A', 0]] };
    let field = FieldDefinition { name: b"A\0".to_vec(), newer: Some(newer), ..FieldDefinition::default() };
    PropertyDefinitions { version: 0x0103, fields: vec![field], ..PropertyDefinitions::default() }
}

fn folder_fields() -> FolderUserFields {
    let field = |name: &[u8]| FolderField { name: name.to_vec(), ..FolderField::default() };
    let (narrow, wide) = (vec![field(b"A")], Some(vec![field(b"A\0")]));
    FolderUserFields { narrow, wide, ..FolderUserFields::default() }
}

fn plain() -> Vec<Vec<u8>> {
    let seed = |choice: u8, bytes: &[u8]| chosen(&[10, 0, choice], bytes);
    let name = [&[1][..], &[7; 16], &[4, b'a', 0, 0, 0]].concat();
    let names = [&[1, 0, 0, 0x80, 22, 0, 0, 0][..], &name].concat();
    let rule =
        [&names[..], &[1, 0, 0, 0], &written(|w| actions(Layout::Wide).write(w, Layout::Wide))].concat();
    let condition = [&names[..], &written(|w| restriction().write(w, Layout::Wide))].concat();
    vec![
        seed(0, &name),
        seed(1, &names),
        seed(2, &rule),
        seed(3, &condition),
        seed(4, &[1, 0, 1, 0, 0, 0, 0x1F, 0, 1, 0x30, 1]),
        seed(5, &[1, 0, 0, 0, 0x1F, 0, 1, 0x30, 5, 0, 7, 0x80]),
        seed(6, &[1, 0, 0x1F, 0, 1, 0x30]),
        seed(7, &[1, 0, 0, 0, 0x1F, 0, 1, 0x30]),
        seed(8, &[&[22][..], &[7; 22]].concat()),
        seed(12, &written(|w| TypedString::new("Re: x").encode(w))),
        seed(19, &written(|w| search_folder().encode(w))),
        seed(20, &[1, 4, 0, 0, 0x1A, 0, 3, 4, 2, 0, 0, 0]),
        seed(21, &written(|w| tombstones().encode(w))),
        seed(22, &written(|w| task_assigners().encode(w))),
        seed(23, &[&[1, 0, 0, 0][..], &[0; 536]].concat()),
        seed(24, &written(|w| unsendable_recipients().encode(w))),
        seed(25, &written(|w| property_definitions().encode(w))),
        seed(26, &written(|w| folder_fields().encode(w))),
    ]
}
