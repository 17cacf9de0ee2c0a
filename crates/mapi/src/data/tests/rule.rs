//! Tests of rule actions.

use proptest::collection::vec;
use proptest::prelude::*;
use wire::{Decode, Encode, Guid, Utf16};

use super::arbitrary::{bytes, guid, layout, restriction, rule_action, unicode};
use super::*;
use crate::property::{Layout, PropTag, PropertyValue, TaggedValue};

fn read(text: &str, layout: Layout) -> RuleAction {
    let bytes = hex(text);
    let actions = whole(&bytes, |r| RuleAction::read(r, layout)).unwrap();
    assert_eq!(written(|w| actions.write(w, layout)), bytes);
    actions
}

/// Recorded from a client that sent `RopModifyRules`.
#[test]
fn a_recorded_rule_is_decoded() {
    let actions = read("0100 0900 0b 00000000 00000000", Layout::Rop);
    assert_eq!(actions, RuleAction(vec![ActionBlock::new(ActionType::OP_MARK_AS_READ, ActionData::None)]));
    assert_eq!(actions.to_string(), "OP_MARK_AS_READ");
}

/// By the layouts of [MS-OXORULE] 2.2.5.1.2: standard rules.
#[test]
fn actions_of_standard_rules_are_decoded() {
    let actions = read(
        "0300 \
         2400 01 00000000 00000000 01 0100 00 1500 01 0100000000000123 0000000000000000 00000000 \
         0d00 06 00000000 00000000 0d000000 \
         1b00 07 01000000 00000000 0100 01 0200 0300150c 01000000 0b00403a 01",
        Layout::Rop,
    );
    assert_eq!(
        actions.to_string(),
        "OP_MOVE to folder 0001-000000000123; OP_BOUNCE for 0xd; OP_FORWARD to a recipient without an address"
    );
    let ActionData::Recipients(blocks) = &actions.0[2].data else { panic!("{actions:?}") };
    assert_eq!((blocks[0].reserved, blocks[0].properties.len()), (1, 2));
    let reply = read(
        "0100 2900 03 00000000 00000000 0100000000000001 0100000000000002 00112233445566778899aabbccddeeff",
        Layout::Rop,
    );
    assert!(matches!(
        reply.0[0].data,
        ActionData::Reply { message_id: MessageId(0x0200_0000_0000_0001), .. }
    ));
}

/// By the layouts of [MS-OXORULE] 2.2.5.1.2: extended rules.
#[test]
fn actions_of_extended_rules_are_decoded() {
    let actions = read(
        "02000000 \
         13000000 02 00000000 00000000 01000000 aa 01000000 bb \
         12000000 09 00000000 00000000 0300 1700 02000000 00",
        Layout::Wide,
    );
    assert!(matches!(
        &actions.0[0].data,
        ActionData::MoveCopy { folder_in_this_store: None, store_eid, .. } if store_eid == &[0xAA]
    ));
    // A byte follows the property, so that the data is not known to be a property.
    assert!(matches!(actions.0[1].data, ActionData::Opaque(_)));
}

#[test]
fn action_data_of_an_unknown_form_is_kept() {
    let actions = read("0200 0a00 06 00000000 00000000 0d 0b00 0a 00000000 00000000 0102", Layout::Rop);
    assert_eq!(actions.0[0].data, ActionData::Opaque(vec![0x0D]));
    assert_eq!(actions.0[1].data, ActionData::Opaque(vec![1, 2]));
    assert!(whole(&hex("0100 0800 06 00000000 000000"), |r| RuleAction::read(r, Layout::Rop)).is_err());
}

#[test]
fn data_that_does_not_fit_its_action_is_not_encoded() {
    let refused = |kind, data, layout| {
        let actions = RuleAction(vec![ActionBlock::new(kind, data)]);
        assert!(actions.write(&mut wire::Writer::new(), layout).is_err(), "{actions:?}");
    };
    refused(ActionType::OP_DELETE, ActionData::Bounce(1), Layout::Rop);
    let reply = ActionData::ReplyByEntryId { message_eid: vec![], template_guid: Guid::NIL };
    refused(ActionType::OP_REPLY, reply, Layout::Rop);
    let place = |folder_in_this_store| ActionData::MoveCopy {
        folder_in_this_store,
        store_eid: vec![],
        folder_eid: vec![],
    };
    refused(ActionType::OP_MOVE, place(None), Layout::Rop);
    refused(ActionType::OP_MOVE, place(Some(1)), Layout::Wide);
    let tag = TaggedValue { tag: PropTag::PidTagTitle, value: PropertyValue::Integer32(1) };
    refused(ActionType::OP_TAG, ActionData::Tag(tag), Layout::Rop);
    refused(ActionType(0x40), ActionData::None, Layout::Rop);
}

fn names() -> impl Strategy<Value = NamedPropertyInformation> {
    vec((any::<u16>(), name()), 0..4).prop_map(NamedPropertyInformation)
}

fn name() -> impl Strategy<Value = PropertyName> {
    prop_oneof![
        (guid(), any::<u32>()).prop_map(|(guid, lid)| PropertyName::Lid { guid, lid }),
        (guid(), unicode()).prop_map(|(guid, name)| PropertyName::Name { guid, name }),
        (guid(), bytes()).prop_map(|(guid, mut name)| {
            name.push(1);
            PropertyName::RawName { guid, name }
        }),
        guid().prop_map(|guid| PropertyName::None { guid }),
    ]
}

proptest! {
    #[test]
    fn actions_round_trip((layout, actions) in layout().prop_flat_map(|l| (Just(l), rule_action(l, 1)))) {
        let bytes = written(|w| actions.write(w, layout));
        prop_assert_eq!(whole(&bytes, |r| RuleAction::read(r, layout)), Ok(actions.clone()));
        let _ = (actions.to_string(), crate::inspect::Inspect::to_node(&actions));
    }

    #[test]
    fn extended_rules_round_trip(
        named_properties in names(),
        rule_version: u32,
        actions in rule_action(Layout::Wide, 1),
        condition in restriction(Layout::Wide, 1),
    ) {
        let actions = ExtendedRuleActions { named_properties: named_properties.clone(), rule_version, actions };
        prop_assert_eq!(ExtendedRuleActions::from_bytes(&actions.to_bytes().unwrap()), Ok(actions));
        let condition = ExtendedRuleCondition { named_properties, condition };
        prop_assert_eq!(ExtendedRuleCondition::from_bytes(&condition.to_bytes().unwrap()), Ok(condition));
    }

    #[test]
    fn property_names_round_trip(name in name()) {
        let bytes = name.to_bytes().unwrap();
        prop_assert_eq!(PropertyName::from_bytes(&bytes).unwrap(), name.clone());
        prop_assert!(name.to_string().starts_with(&name.guid().to_string()));
        for end in 0..bytes.len() {
            prop_assert!(PropertyName::from_bytes(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn decodable_bytes_round_trip(bytes: Vec<u8>, layout in layout()) {
        let mut r = wire::Reader::new(&bytes);
        if let Ok(actions) = RuleAction::read(&mut r, layout) {
            prop_assert_eq!(&written(|w| actions.write(w, layout))[..], &bytes[..r.offset()]);
        }
    }
}

#[test]
fn property_names_are_encoded_as_specified() {
    let set = "2903020000000000c000000000000046";
    let name = PropertyName::from_bytes(&hex(&format!("01 {set} 06 41004200 0000"))).unwrap();
    assert!(matches!(&name, PropertyName::Name { name, .. } if *name == Utf16::new("AB")));
    assert_eq!(name.to_string(), "00020329-0000-0000-c000-000000000046:\"AB\"");
    let lid = PropertyName::from_bytes(&hex(&format!("00 {set} 01810000"))).unwrap();
    assert_eq!(lid.to_string(), "00020329-0000-0000-c000-000000000046:0x8101");
    let without_name = hex(&format!("01 {set} 00"));
    assert_eq!(PropertyName::from_bytes(&without_name).unwrap().to_bytes().unwrap(), without_name);
    assert!(PropertyName::from_bytes(&hex(&format!("02 {set}"))).is_err());
    let long = PropertyName::Name { guid: Guid::NIL, name: Utf16::from_units(vec![65; 127]) };
    assert!(long.to_bytes().is_err());
}
