//! Tests of the rarer structured binary values.

use std::fmt::Debug;

use wire::{Decode, Encode};

use super::*;
use crate::inspect::string8;
use crate::property::{PropTag, PropertyValue, TaggedValue};

/// The decoded value of the property `name`; checks that it encodes to the same bytes.
fn shown_of<T>(name: &str, bytes: &[u8]) -> Node
where
    T: Inspect + Debug + Encode + for<'a> Decode<'a>,
{
    let decoded = T::from_bytes(bytes).unwrap();
    assert_eq!(decoded.to_bytes().unwrap(), bytes, "{decoded:?}");
    let shown = meaning(name, bytes).unwrap();
    assert_eq!(shown, decoded.to_node());
    shown
}

/// [MS-OXOCFG] 2.2.7.1, with a reserved subproperty, and one of an unknown size.
#[test]
fn a_folders_flags_are_its_subproperties() {
    let bytes = hex(
        "01 04 80001A00 02 10 33221100554477668899AABBCCDDEEFF 03 04 02000000 05 04 00000C00 06 01 EE 03 00",
    );
    let shown = shown_of::<ExtendedFolderFlags>("PidTagExtendedFolderFlags", &bytes);
    assert_eq!(field(&shown, "ExtendedFlags"), &Node::Number(0x001A_0080));
    assert_eq!(field(&shown, "SearchFolderID"), &text("00112233-4455-6677-8899-aabbccddeeff"));
    assert_eq!(field(&shown, "SearchFolderTag"), &Node::Number(2));
    assert_eq!(field(&shown, "ToDoFolderVersion"), &Node::Number(0x000C_0000));
    assert_eq!(field(&shown, "0x6"), &Node::Bytes(vec![0xee]));
    for broken in ["01", "01 05 80001A00", "01 FF"] {
        assert_eq!(meaning("PidTagExtendedFolderFlags", &hex(broken)), None, "{broken}");
    }
    let id = meaning("PidTagSearchFolderId", &hex("33221100554477668899AABBCCDDEEFF"));
    assert_eq!(id, Some(text("00112233-4455-6677-8899-aabbccddeeff")));
}

/// Built by the layouts of [MS-OXOCAL] 2.2.12.5 and 2.2.12.5.1.
#[test]
fn tombstones_name_the_declined_meetings_and_the_users() {
    let meeting = "040000008200E00074C5B7101A82E008 00000000 0000000000000000 0000000000000000 02000000 0102";
    let record = |name: &str| format!("A096BC0C BE96BC0C 2A000000 {meeting} {name}");
    let bytes = hex(&format!(
        "CDAFDEBE 14000000 03000000 02000000 14000000 {} {} FF",
        record("0300 416461"),
        record("0000")
    ));
    let shown = shown_of::<Tombstones>("PidTagScheduleInfoAppointmentTombstone", &bytes);
    let Node::List(records) = &shown else { panic!("{shown:?}") };
    assert_eq!(field(&records[0], "start"), &text("2007-04-16T00:00:00Z"));
    assert_eq!(field(&records[0], "end"), &text("2007-04-16T00:30:00Z"));
    assert_eq!(field(&records[0], "user_name"), &text("Ada"));
    assert_eq!(field(field(&records[0], "meeting"), "data"), &Node::Bytes(vec![1, 2]));
    for broken in [
        "CDAFDEBF 14000000 03000000 00000000 14000000",
        "CDAFDEBE 15000000 03000000 00000000 14000000",
        "CDAFDEBE 14000000 03000000 FFFFFFFF 14000000",
        "CDAFDEBE 14000000 03000000 01000000 14000000 00000000 00000000 FFFFFFFF 0000",
        "CDAFDEBE 14000000 03000000 01000000 14000000 00000000 00000000 00000000 FFFF",
    ] {
        assert_eq!(meaning("PidTagScheduleInfoAppointmentTombstone", &hex(broken)), None, "{broken}");
    }
}

/// Built by the table of [MS-OXOTASK] 2.2.2.2.16, with the length that clients write before the entry id.
#[test]
fn a_task_names_its_assigners() {
    let first = "12000000 01000000 EE 41647000 4100640061000000 00";
    let bytes = hex(&format!("02000000 {first} 0B000000 00000000 00 0000 AAAAAAAA FF"));
    let shown = shown_of::<TaskAssigners>("PidLidTaskAssigners", &bytes);
    let Node::List(assigners) = &shown else { panic!("{shown:?}") };
    assert_eq!(field(&assigners[0], "name"), &text("Ada"));
    assert_eq!(field(&assigners[0], "entry_id"), &Node::Bytes(vec![0xee]));
    assert_eq!(field(&assigners[1], "name"), &text(""));
    for broken in ["FFFFFFFF 00", "01000000 FFFFFFFF 00000000", "01000000 0B000000 FFFFFFFF 00 0000 AAAAAAAA"]
    {
        assert_eq!(meaning("PidLidTaskAssigners", &hex(broken)), None, "{broken}");
    }
}

/// Built by the layout of [MS-OXOFLAG] 2.2.1.7.
#[test]
fn a_swapped_to_do_item_has_a_flag_and_a_due_date() {
    let head = hex("01000000 F9000000 01000000 4400 6F00 0000 EEEE");
    let times = hex("A096BC0C BE96BC0C E080E95A 01000000");
    let bytes = [&head[..], &[0; 504], &times].concat();
    let shown = shown_of::<SwappedToDoData>("PidTagSwappedToDoData", &bytes);
    assert_eq!(field(&shown, "flag_to"), &text("Do"));
    assert_eq!(field(&shown, "start_date"), &text("2007-04-16 00:00"));
    assert_eq!(field(&shown, "due_date"), &text("2007-04-16 00:30"));
    assert_eq!(field(&shown, "reminder_set"), &Node::Number(1));
    assert_eq!(meaning("PidTagSwappedToDoData", &bytes[..bytes.len() - 1]), None);
    // A text without a terminator has the size of its field.
    let full = [&head[..12], &[0x41; 512], &times].concat();
    let Node::Text(text) = field(&meaning("PidTagSwappedToDoData", &full).unwrap(), "flag_to").clone() else {
        panic!("no text")
    };
    assert_eq!(text.chars().count(), 256);
}

/// Built by [MS-OXOCAL] 2.2.1.25, with rows as clients write them.
#[test]
fn unsendable_recipients_are_named() {
    let row = "02000000 00000000 1F000130 0800 4100640061000000 0300150C 01000000";
    let bytes = hex(&format!("01000000 01000000 {row} FF"));
    let shown = shown_of::<UnsendableRecipients>("PidLidAppointmentUnsendableRecipients", &bytes);
    let Node::List(rows) = &shown else { panic!("{shown:?}") };
    assert_eq!(field(&rows[0], "PidTagDisplayName_W"), &text("Ada"));
    for broken in ["01000000 FFFFFFFF 00", "01000000 01000000 FFFFFFFF 00000000", "01000000"] {
        assert_eq!(meaning("PidLidAppointmentUnsendableRecipients", &hex(broken)), None, "{broken}");
    }
}

/// "`PropertyDefinition` stream sample" of Microsoft's reference of MAPI in Outlook.
#[test]
fn the_fields_of_a_message_are_named() {
    let bytes = hex("03 01 01 00 00 00 45 00 00 00 08 00 00 00 00 00 \
         0A 00 54 00 65 00 78 00 74 00 46 00 69 00 65 00 \
         6C 00 64 00 31 00 0A 54 65 78 74 46 69 65 6C 64 \
         31 00 00 00 00 00 00 00 00 15 00 00 00 0A 54 00 \
         65 00 78 00 74 00 46 00 69 00 65 00 6C 00 64 00 \
         31 00 00 00 00 00");
    let shown = shown_of::<PropertyDefinitions>("PidLidPropertyDefinitionStream", &bytes);
    let Node::List(fields) = &shown else { panic!("{shown:?}") };
    assert_eq!(field(&fields[0], "name"), &text("TextField1"));
    assert_eq!(field(&fields[0], "flags"), &Node::Number(0x45));
    assert_eq!(field(&fields[0], "vt"), &Node::Number(8));
    // Older versions have neither types nor blocks; a length of 255 is followed by the length in two bytes.
    let older = hex("0201 01000000 00000000 0800 00000000 0100 4100 FF0100 41 0142 00 00 00 EE");
    let shown = shown_of::<PropertyDefinitions>("PidLidPropertyDefinitionStream", &older);
    let Node::List(fields) = &shown else { panic!("{shown:?}") };
    assert_eq!((field(&fields[0], "name"), field(&fields[0], "formula")), (&text("A"), &text("B")));
    for broken in [
        "0301 FFFFFFFF 00",
        "0201 01000000 00000000 0800 00000000 FFFF 4100 00 00 00 00 00",
        "0201 01000000 00000000 0800 00000000 0000 FFFFFF 00 00 00 00",
        "0301 01000000 00000000 0800 00000000 0000 00 00 00 00 00 00000000 FFFFFFFF",
        "0301 01000000 00000000 0800 00000000 0000 00 00 00 00 00 00000000",
    ] {
        assert_eq!(meaning("PidLidPropertyDefinitionStream", &hex(broken)), None, "{broken}");
    }
}

/// Built by "Folder fields stream structures" of Microsoft's reference of MAPI in Outlook.
#[test]
fn the_fields_of_a_folder_are_named() {
    let common = "29030200 0000 0000 C000000000000046 07000080 00000000 00000000 00000000 00000000 0100 3100";
    let narrow = hex(&format!("01000000 01000000 0300 4AE472 {common}"));
    let shown = shown_of::<FolderUserFields>("PidTagUserFields", &narrow);
    let Node::List(fields) = &shown else { panic!("{shown:?}") };
    assert_eq!(field(&fields[0], "name"), &string8(&[0x4a, 0xe4, 0x72]));
    assert_eq!(field(&fields[0], "set"), &text("00020329-0000-0000-c000-000000000046"));
    assert_eq!(field(&fields[0], "formula"), &text("1"));
    let wide = hex(&format!("01000000 01000000 0300 4A00 E400 7200 {common} EE"));
    let both = [&narrow[..], &wide].concat();
    let shown = shown_of::<FolderUserFields>("PidTagUserFields", &both);
    let Node::List(fields) = &shown else { panic!("{shown:?}") };
    assert_eq!(field(&fields[0], "name"), &text("Jär"));
    for broken in [&hex("FFFFFFFF 00")[..], &narrow[..20], &both[..narrow.len() + 3], &both[..both.len() - 3]]
    {
        assert_eq!(meaning("PidTagUserFields", broken), None, "{broken:02x?}");
    }
}

#[test]
fn entry_ids_in_multiple_values_are_decoded() {
    let one_off = hex(
        "00000000 812B1FA4BEA310199D6E00DD010F5402 0000 0190 4100 0000 53004D00540050000000 6100400062000000",
    );
    for name in ["PidLidDistributionListOneOffMembers", "PidTagConflictItems", "PidTagFreeBusyEntryIds"] {
        assert_eq!(item_meaning(name, &one_off), Some(text("A <SMTP:a@b>")), "{name}");
        assert_eq!(item_meaning(name, &[1]), None);
    }
    assert_eq!(item_meaning("PidTagUserX509Certificate", &one_off), None);
    let conflicts = PropertyValue::MultipleBinary(vec![one_off, vec![1]]);
    let property = TaggedValue { tag: PropTag(0x1098_1102), value: conflicts };
    let items = Node::List(vec![text("A <SMTP:a@b>"), Node::Bytes(vec![1])]);
    assert_eq!(field(&property.to_node(), "PidTagConflictItems"), &items);
}
