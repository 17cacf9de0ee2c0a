//! Tests of properties with structured binary values.

use wire::{Decode as _, Encode as _};

use super::*;
use crate::data::{
    ActionBlock, ActionData, ActionType, ExtendedRuleActions, ExtendedRuleCondition,
    NamedPropertyInformation, PropertyName, RuleAction,
};
use crate::inspect::{Inspect, Node};
use crate::property::{PropTag, PropertyList, PropertyValue, Restriction, TaggedValue};

mod others;
mod search_folder;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

/// The value of a field.
fn field<'a>(shown: &'a Node, name: &str) -> &'a Node {
    let Node::Fields(fields) = shown else { panic!("{shown:?}") };
    &fields.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no {name} in {shown:?}")).1
}

fn text(text: &str) -> Node {
    Node::Text(text.to_owned())
}

/// Built by the layout of [MS-OXOMSG] 2.2.1.3: begun in November 2026, with a reply about an hour later.
#[test]
fn a_conversation_index_has_times_and_a_guid() {
    let bytes = hex("01 DD6000000000 00112233445566778899AABBCCDDEEFF 0002191700");
    let bytes = [&bytes[..6], &bytes[7..]].concat();
    let shown = meaning("PidTagConversationIndex", &bytes).unwrap();
    assert_eq!(field(&shown, "conversation"), &text("00112233-4455-6677-8899-aabbccddeeff"));
    let Node::Text(began) = field(&shown, "began") else { panic!("{shown:?}") };
    assert!(began.starts_with("2026-"), "{began}");
    // 0x00021917 times 2^18 times 100 nanoseconds.
    assert_eq!(field(&shown, "responses"), &Node::List(vec![text("3604 s later")]));
    assert_eq!(ConversationIndex::from_bytes(&bytes).unwrap().to_bytes().unwrap(), bytes);
    assert_eq!(meaning("PidTagConversationIndex", &bytes[..25]), None);
    assert_eq!(meaning("PidTagConversationIndex", &[]), None);
}

/// Built by the layouts of [MS-OXCDATA] 2.3.3 and 2.2.5.1.
#[test]
fn reply_recipients_are_entry_ids() {
    let one_off = hex(
        "00000000 812B1FA4BEA310199D6E00DD010F5402 0000 0190 4100 0000 53004D00540050000000 6100400062000000",
    );
    let padding = vec![0; one_off.len().next_multiple_of(4) - one_off.len()];
    let length = u32::try_from(one_off.len()).unwrap().to_le_bytes();
    let entry = [&length[..], &one_off, &padding].concat();
    let size = u32::try_from(2 * entry.len()).unwrap().to_le_bytes();
    let list = [&[2, 0, 0, 0][..], &size, &entry, &entry].concat();
    let shown = meaning("PidTagReplyRecipientEntries", &list).unwrap();
    assert_eq!(shown, Node::List(vec![text("A <SMTP:a@b>"), text("A <SMTP:a@b>")]));
    assert_eq!(FlatEntryList::from_bytes(&list).unwrap().to_bytes().unwrap(), list);
    assert_eq!(meaning("PidTagReplyRecipientEntries", &list[..20]), None);
    assert_eq!(meaning("PidTagReplyRecipientEntries", &[0xff; 12]), None);
}

/// Built by the layouts of [MS-OXCDATA] 2.2.5.1 and 2.2.5.2.
#[test]
fn texts_of_entry_ids_that_are_not_ascii_are_displayed_each_by_itself() {
    let head = hex("00000000 812B1FA4BEA310199D6E00DD010F5402 0000");
    let of = |bytes: &[u8]| Node::String8 { bytes: bytes.to_vec(), code_page: None };
    let narrow = [&head[..], &[1, 0], b"\xc1\0SMTP\0a@b\0"].concat();
    let shown = meaning("PidTagSentRepresentingEntryId", &narrow).unwrap();
    assert_eq!((field(&shown, "display_name"), field(&shown, "email_address")), (&of(b"\xc1"), &text("a@b")));
    // An unpaired surrogate.
    let wide = [&head[..], &[1, 0x90, 0, 0xd8, 0, 0], &wire::utf16le_bytes("SMTP\0a@b\0")].concat();
    let shown = meaning("PidTagSentRepresentingEntryId", &wide).unwrap();
    assert_eq!(field(&shown, "display_name"), &Node::Bytes(vec![0, 0xd8]));
    let book =
        [&hex("00000000 DCA740C8C042101AB4B908002B2FE182 01000000 00000000")[..], b"/cn=J\xfcrg\0"].concat();
    let shown = meaning("PidTagEntryId", &book).unwrap();
    assert_eq!(field(&shown, "x500_dn"), &of(b"/cn=J\xfcrg"));
}

#[test]
fn a_text_with_an_unpaired_surrogate_is_displayed_as_its_bytes() {
    let value =
        |units: &[u16]| PropertyValue::Unicode(wire::Utf16::from_units(units.iter().copied())).to_node();
    assert_eq!(value(&[0x41, 0xd800]), Node::Bytes(vec![0x41, 0, 0, 0xd8]));
    assert_eq!(value(&[0xd83e, 0xdd80]), text("\u{1f980}"));
}

#[test]
fn named_properties_of_an_extended_rule_have_the_names_that_the_rule_states() {
    let guid = crate::property::names::set::PSETID_Common;
    let named_properties = NamedPropertyInformation(vec![(0x8001, PropertyName::Lid { guid, lid: 0x8503 })]);
    let property = TaggedValue::new(PropTag(0x8001_000B), PropertyValue::Boolean(true));
    let condition = Restriction::Exist { tag: property.tag };
    let rule = ExtendedRuleCondition { named_properties: named_properties.clone(), condition };
    let shown = meaning("PidTagExtendedRuleMessageCondition", &rule.to_bytes().unwrap()).unwrap();
    let Node::Text(condition) = shown else { panic!("{shown:?}") };
    assert!(condition.contains("PidLidReminderSet") && !condition.contains("0x8001"), "{condition}");
    let actions = RuleAction(vec![ActionBlock::new(ActionType::OP_TAG, ActionData::Tag(property))]);
    let rule = ExtendedRuleActions { named_properties, rule_version: 1, actions };
    let shown = meaning("PidTagExtendedRuleMessageActions", &rule.to_bytes().unwrap()).unwrap();
    let Node::List(blocks) = shown else { panic!("{shown:?}") };
    let set = Node::Fields(vec![("PidLidReminderSet (0x8001000b)".into(), Node::Boolean(true))]);
    assert_eq!(field(&blocks[0], "property"), &set);
}

/// Built by the layout of [MS-OXOMSG] 2.2.2.22.
#[test]
fn a_report_tag_names_the_reported_message() {
    let tag = ReportTag {
        version: 0x0002_0001,
        store_entry_id: Vec::new(),
        folder_entry_id: vec![1, 2],
        message_entry_id: Vec::new(),
        search_folder_entry_id: Vec::new(),
        message_search_key: vec![0xab],
        ansi_text: b"Lunch\0".to_vec(),
    };
    let bytes = tag.to_bytes().unwrap();
    assert_eq!(&bytes[..13], b"PCDFEB09\0\x01\0\x02\0");
    assert_eq!(ReportTag::from_bytes(&bytes).unwrap(), tag);
    let shown = meaning("PidTagReportTag", &bytes).unwrap();
    assert_eq!((field(&shown, "text"), field(&shown, "folder")), (&text("Lunch"), &Node::Bytes(vec![1, 2])));
}

/// Built by the layout of [MS-OXOSFLD] 2.2.4, with the sentinel and without.
#[test]
fn special_folders_are_named() {
    let bytes = hex("0180 0600 0100 0200 ABCD 0480 0800 0200 0400 00000000 0000 0000");
    for bytes in [&bytes[..], &bytes[..bytes.len() - 4]] {
        let shown = meaning("PidTagAdditionalRenEntryIdsEx", bytes).unwrap();
        let folder = field(&shown, "RSF_PID_RSS_SUBSCRIPTION");
        assert_eq!(field(folder, "RSF_ELID_ENTRYID"), &Node::Bytes(vec![0xab, 0xcd]));
        field(field(&shown, "RSF_PID_TODO_SEARCH"), "RSF_ELID_HEADER");
    }
    assert_eq!(PersistData::from_bytes(&bytes).unwrap().to_bytes().unwrap(), bytes);
}

/// Built by the layout of [MS-OXOCAL] 2.2.1.27.
#[test]
fn a_global_object_id_has_a_uid_and_an_occurrence() {
    let head = "040000008200E00074C5B7101A82E008 07EA0B1D 0000000000000000 0000000000000000";
    let bytes = hex(&format!("{head} 12000000 7643616C2D55696401000000 6162634074 00"));
    let shown = meaning("PidLidGlobalObjectId", &bytes).unwrap();
    assert_eq!((field(&shown, "uid"), field(&shown, "occurrence")), (&text("abc@t"), &text("2026-11-29")));
    assert_eq!(GlobalObjectId::from_bytes(&bytes).unwrap().to_bytes().unwrap(), bytes);
}

/// [MS-OXOCAL] 4.1.1.3: every three days, with two occurrences deleted.
#[test]
fn a_recurrence_has_days_and_times() {
    let bytes = hex("043004300A2000000000A0050000E010000000000000212000000A0000000000000002000000A0C1DC0C\
         80D2DC0C00000000207EDC0C0016DD0C0630000009300000E0010000FE01000000000000000000000000");
    assert_eq!(bytes.len(), 0x54);
    let shown = meaning("PidLidAppointmentRecur", &bytes).unwrap();
    assert_eq!(field(&shown, "frequency"), &text("daily"));
    assert_eq!(field(&shown, "every_days"), &Node::Number(3));
    assert_eq!(field(&shown, "deleted"), &Node::List(vec![text("2011-04-19"), text("2011-04-22")]));
    assert_eq!(
        (field(&shown, "first_day"), field(&shown, "last_day")),
        (&text("2011-04-07"), &text("2011-05-04"))
    );
    assert_eq!((field(&shown, "start_time"), field(&shown, "end_time")), (&text("08:00"), &text("08:30")));
    assert_eq!(AppointmentRecurrencePattern::from_bytes(&bytes).unwrap().to_bytes().unwrap(), bytes);
    assert_eq!(meaning("PidLidAppointmentRecur", &bytes[..60]), None);
    // A task has only the pattern.
    let pattern = &bytes[..bytes.len() - 26];
    assert_eq!(field(&meaning("PidLidTaskRecurrence", pattern).unwrap(), "every_days"), &Node::Number(3));
}

/// The beginning of [MS-OXOCAL] 4.1.1.2: Mondays, Thursdays and Fridays, twelve times.
#[test]
fn a_weekly_recurrence_names_the_days() {
    let bytes = hex("043004300B2001000000C0210000010000000000000032000000222000000C00000000000000\
         01000000A096BC0C01000000A096BC0C8020BC0C20ADBC0C");
    let shown = meaning("PidLidTaskRecurrence", &bytes).unwrap();
    let week = ["Monday", "Thursday", "Friday"].map(text);
    assert_eq!(field(&shown, "days_of_week"), &Node::List(week.to_vec()));
    assert_eq!(
        (field(&shown, "ends"), field(&shown, "occurrences")),
        (&text("after_count"), &Node::Number(12))
    );
    assert_eq!(field(&shown, "modified"), &Node::List(vec![text("2007-04-16")]));
    let endless = [&bytes[..38], &[0xff; 4]].concat();
    assert_eq!(meaning("PidLidTaskRecurrence", &endless), None);
}

/// [MS-OXOCAL] 4.1.1.2: one occurrence has another subject, location and time.
#[test]
fn changed_occurrences_of_an_appointment_list_their_differences() {
    let bytes = hex(
        "043004300B2001000000C0210000010000000000000032000000222000000C0000000000000001000000A096\
         BC0C01000000A096BC0C8020BC0C20ADBC0C0630000009300000580200007602000001003499BC0C5299BC0CF898BC0C110022\
         00210053696D706C6520526563757272656E6365207769746820657863657074696F6E730800070033342F343134310000000\
         00400000000000000000000003499BC0C5299BC0CF898BC0C2100530069006D0070006C006500200052006500630075007200\
         720065006E006300650020007700690074006800200065007800630065007000740069006F006E00730007003300340\
         02F0034003100340031000000000000000000",
    );
    assert_eq!(bytes.len(), 0x106);
    let shown = meaning("PidLidAppointmentRecur", &bytes).unwrap();
    let Node::List(exceptions) = field(&shown, "exceptions") else { panic!("{shown:?}") };
    let [only] = &exceptions[..] else { panic!("{shown:?}") };
    let fields = ["original_start", "start", "end", "subject", "location"].map(|name| field(only, name));
    let expected = [
        "2007-04-16 10:00",
        "2007-04-16 11:00",
        "2007-04-16 11:30",
        "Simple Recurrence with exceptions",
        "34/4141",
    ];
    assert_eq!(fields, expected.map(text).each_ref());
    assert_eq!(AppointmentRecurrencePattern::from_bytes(&bytes).unwrap().to_bytes().unwrap(), bytes);
    // Older clients omit the newer fields; the value is then inspected as bytes.
    let older = &bytes[..bytes.len() - 20];
    let decoded = AppointmentRecurrencePattern::from_bytes(older).unwrap();
    assert!(matches!(decoded.exceptions, Differences::Unknown(_)), "{decoded:?}");
    assert_eq!(decoded.to_bytes().unwrap(), older);
}

/// [MS-OXOCAL] 4.1.1.6: a reminder an hour before, tentative, and another body.
#[test]
fn a_changed_occurrence_without_texts_has_numeric_differences() {
    let bytes = hex("043004300D200200080080750A000C0000000000000003000000232000000A00000000000000010000\
         00207EDC0C01000000207EDC0C6074C40CDF80E95A0630000009300000E0010000FE01000001000080DC0C1E80DC0C0080\
         DC0C24023C000000010000000000000004000000000000000000000000000000");
    let shown = meaning("PidLidAppointmentRecur", &bytes).unwrap();
    let Node::List(exceptions) = field(&shown, "exceptions") else { panic!("{shown:?}") };
    assert_eq!(field(&exceptions[0], "reminder_minutes"), &Node::Number(60));
    assert_eq!(field(&exceptions[0], "busy_status"), &Node::Number(1));
    assert_eq!(field(&exceptions[0], "body"), &text("differs"));
    let decoded = AppointmentRecurrencePattern::from_bytes(&bytes).unwrap();
    let Differences::Known(known) = &decoded.exceptions else { panic!("{decoded:?}") };
    assert!(known.rest.is_empty() && known.extended[0].wide.is_none(), "{known:?}");
    assert_eq!(decoded.to_bytes().unwrap(), bytes);
}

/// Built by the layouts of [MS-OXOMSG] 2.2.1.74.1 and 2.2.1.74.2.
#[test]
fn a_verb_stream_names_the_offered_replies() {
    let reply = "00000000 055265706C79 0849504D2E4E6F7465 074D657373616765 025245 05000000 00 00000000 01000000 \
                 00000000 02000000 66000000 02000000";
    let yes = "04000000 03596573 0849504D2E4E6F7465 00 03596573 00000000 00 00000000 01000000 01000000 02000000 \
               01000000 FFFFFFFF";
    let names = "05 5200650070006C007900 02 52004500 03 4F0075006900 03 4F0075006900";
    let bytes = hex(&format!("0201 02000000 {reply} {yes} 0401 {names}"));
    let shown = meaning("PidLidVerbStream", &bytes).unwrap();
    let Node::List(options) = &shown else { panic!("{shown:?}") };
    assert_eq!([0, 1].map(|place| field(&options[place], "name")), ["Reply", "Oui"].map(text).each_ref());
    assert_eq!(field(&options[0], "id"), &Node::Number(0x66));
    assert_eq!(field(&options[1], "sends"), &text("at once"));
    assert_eq!(field(&options[1], "message_class"), &text("IPM.Note"));
    assert_eq!(VerbStream::from_bytes(&bytes).unwrap().to_bytes().unwrap(), bytes);
    assert_eq!(meaning("PidLidVerbStream", &bytes[..bytes.len() - 1]), None);
    assert_eq!(meaning("PidLidVerbStream", &hex("0201 FFFFFFFF")), None);
}

/// [MS-OXOCAL] 4.1.5.
#[test]
fn a_time_zone_has_the_dates_of_its_transitions() {
    let bytes = hex("E001000000000000C4FFFFFF000000000B0000000100020000000000000000000000030000000200\
         0200000000000000");
    let shown = meaning("PidLidTimeZoneStruct", &bytes).unwrap();
    assert_eq!(
        (field(&shown, "bias"), field(&shown, "daylight_bias")),
        (&Node::Signed(480), &Node::Signed(-60))
    );
    assert_eq!(field(&shown, "standard_date"), &text("Sunday 1 of month 11, 02:00"));
    assert_eq!(field(&shown, "daylight_date"), &text("Sunday 2 of month 3, 02:00"));
    assert_eq!(TimeZoneStruct::from_bytes(&bytes).unwrap().to_bytes().unwrap(), bytes);
}

/// [MS-OXOCAL] 4.1.4, with the size of its header as the table there has it.
#[test]
fn a_time_zone_definition_has_rules() {
    let bytes = hex("0201300002001500500061006300690066006900630020005300740061006E00640061007200640020\
         00540069006D006500020002013E000000D6070000000000000000000000000000E001000000000000C4FFFFFF00000A00\
         0000050002000000000000000000040000000100020000000000000002013E000200D70700000000000000000000000000\
         00E001000000000000C4FFFFFF00000B0000000100020000000000000000000300000002000200000000000000");
    assert_eq!(bytes.len(), 0xB8);
    let shown = meaning("PidLidAppointmentTimeZoneDefinitionRecur", &bytes).unwrap();
    assert_eq!(field(&shown, "name"), &text("Pacific Standard Time"));
    let Node::List(rules) = field(&shown, "rules") else { panic!("{shown:?}") };
    assert_eq!(field(&rules[0], "standard_date"), &text("last Sunday of month 10, 02:00"));
    assert_eq!(field(&rules[1], "from_year"), &Node::Number(2007));
    assert_eq!(field(&rules[1], "in_effect"), &Node::Boolean(true));
    assert_eq!(TimeZoneDefinition::from_bytes(&bytes).unwrap().to_bytes().unwrap(), bytes);
    assert_eq!(meaning("PidLidAppointmentTimeZoneDefinitionRecur", &bytes[..100]), None);
}

/// Built by the layouts of [MS-DTYP] 2.4.2.2, 2.4.4.2, 2.4.5 and 2.4.6.
#[test]
fn a_security_descriptor_lists_trustees_and_rights() {
    let descriptor = hex("0100 0480 14000000 00000000 00000000 20000000 \
         0101000000000005 12000000 \
         0200 3000 0200 0000 0000 1400 FF011F00 0101000000000005 12000000 \
         0100 1400 01000000 0101000000000001 00000000");
    let shown = meaning("PidTagSecurityDescriptor", &descriptor).unwrap();
    assert_eq!(field(&shown, "owner"), &text("S-1-5-18"));
    let Node::List(entries) = field(&shown, "dacl") else { panic!("{shown:?}") };
    assert_eq!(field(&entries[1], "type"), &text("ACCESS_DENIED"));
    assert_eq!(
        (field(&entries[1], "sid"), field(&entries[0], "mask")),
        (&text("S-1-1-0"), &text("0x001f01ff"))
    );
    // The descriptor of a store has a header.
    let stored = [&hex("0800 0300 07000000")[..], &descriptor].concat();
    assert_eq!(meaning("PidTagSecurityDescriptor", &stored), Some(shown));
    assert_eq!(meaning("PidTagSecurityDescriptor", &descriptor[..40]), None);
    let sid = hex("0105000000000005 15000000 01000000 02000000 03000000 F4010000");
    assert_eq!(meaning("PidTagSenderSid", &sid), Some(text("S-1-5-21-1-2-3-500")));
    assert_eq!(Sid::from_bytes(&sid).unwrap().to_bytes().unwrap(), sid);
}

/// Built by the layouts of [MS-DTYP] 2.4.4.6 and 2.4.4.15, and with the reserved type 4.
#[test]
fn every_entry_of_an_access_control_list_is_displayed() {
    let descriptor = hex("0100 0480 00000000 00000000 00000000 14000000 \
         0400 5000 0300 0000 \
         0900 1800 FF011F00 0101000000000005 12000000 61727478 \
         1200 2400 00000000 0101000000000001 00000000 41424344454647480102030405060708 \
         0401 0C00 0102030405060708");
    let shown = meaning("PidTagSecurityDescriptor", &descriptor).unwrap();
    let Node::List(entries) = field(&shown, "dacl") else { panic!("{shown:?}") };
    let types: Vec<_> = entries.iter().map(|entry| field(entry, "type").clone()).collect();
    let expected = ["ACCESS_ALLOWED_CALLBACK", "SYSTEM_RESOURCE_ATTRIBUTE", "0x4"].map(text);
    assert_eq!(types, expected);
    assert_eq!(
        (field(&entries[0], "sid"), field(&entries[0], "data")),
        (&text("S-1-5-18"), &Node::Bytes(b"artx".to_vec()))
    );
    assert_eq!(field(&entries[2], "data"), &Node::Bytes((1..9).collect()));
}

#[test]
fn the_security_identifiers_of_a_message_are_displayed_by_their_tags() {
    let sid = hex("0105000000000005 15000000 01000000 02000000 03000000 F4010000");
    for tag in [0x0E4D_0102, 0x0E58_0102, 0x0E59_0102] {
        let value = PropertyList(vec![TaggedValue::new(PropTag(tag), PropertyValue::Binary(sid.clone()))]);
        let Node::Fields(fields) = value.to_node() else { panic!("not fields") };
        assert_eq!(fields[0].1, text("S-1-5-21-1-2-3-500"), "{tag:#x}");
    }
}

#[test]
fn a_compressed_body_is_in_the_code_page_that_it_states() {
    let body = b"{\\rtf1\\ansi\\ansicpg1251 \xc1}";
    let shown = meaning("PidTagRtfCompressed", &crate::rtf::compress(body).unwrap());
    assert_eq!(shown, Some(Node::String8 { bytes: body.to_vec(), code_page: Some(1251) }));
}

#[test]
fn an_html_body_in_utf_8_is_displayed_as_text() {
    assert_eq!(meaning("PidTagHtml", "<p>\u{e4}".as_bytes()), Some(text("<p>\u{e4}")));
    assert_eq!(meaning("PidTagHtml", b"<p>\xe4"), None);
}

#[test]
fn a_compressed_body_is_displayed_as_text() {
    let packed = crate::rtf::compress(b"{\\rtf1 hello}").unwrap();
    assert_eq!(meaning("PidTagRtfCompressed", &packed), Some(text("{\\rtf1 hello}")));
    assert_eq!(meaning("PidTagRtfCompressed", &packed[..9]), None);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_decoded_or_left_opaque(
        bytes in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..200),
        which in 0_usize..structured().len(),
    ) {
        meaning(structured().nth(which).unwrap(), &bytes);
    }
}
