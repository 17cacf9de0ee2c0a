//! Tests of search folder definitions.

use super::*;
use crate::property::{PropTag, PropertyValue, Restriction, TaggedValue};

/// A folder of a mailbox (46 bytes, [MS-OXCDATA] 2.2.4.1).
const FOLDER: &str = "00000000 96614EC66601D211A3B10008C728E7F1 0100 \
                      85FA5C86FCE6D111A3A60008C728E7F1 000000019EBE 0000";

/// The fields before the criteria; the padding of the folder list has arbitrary contents, as clients send it.
fn head(flags: &str) -> String {
    format!(
        "04100000 {flags} 2A000100 03 610062006300 02000000 EEEE 01000000 04 41003B004200DF00 \
         3E000000 01000000 486C1026 2E000000 506C1026 {FOLDER}"
    )
}

fn same(bytes: &[u8]) -> SearchFolderDefinition {
    let decoded = SearchFolderDefinition::from_bytes(bytes).unwrap();
    assert_eq!(decoded.to_bytes().unwrap(), bytes, "{decoded:?}");
    decoded
}

fn known(definition: &SearchFolderDefinition) -> &KnownCriteria {
    let Criteria::Known(known) = &definition.criteria else { panic!("{definition:?}") };
    known
}

/// Built by the layout of [MS-OXOSRCH] 2.2.1.2.8: 42 weeks, subfolders, two people, words of the subject, and the
/// data of the advanced search.
#[test]
fn a_search_folder_has_criteria() {
    let addressee = "02000000 CCCCCCCC 1F000130 0600 410041000000 1E000230 0300 455800";
    let restriction = "00000000 02000000 \
         03000000 01000100 1F003700 1F003700 0A00 54006500730074000000 \
         02000000 04000000 04000000 0B001B0E 0B001B0E 0100";
    let bytes = hex(&format!(
        "{} 02000000 {addressee} 00000000 CCCCCCCC 01000000 EE {restriction} 0300000000000000 DDDDDD 00000000 FF",
        head("5F000000")
    ));
    let definition = same(&bytes);
    assert_eq!((definition.version, definition.numerical_search), (0x1004, 0x0001_002A));
    assert_eq!(known(&definition).rest, [0xff]);

    let shown = meaning("PidTagSearchFolderDefinition", &bytes).unwrap();
    let property = TaggedValue { tag: PropTag(0x6845_0102), value: PropertyValue::Binary(bytes.clone()) };
    assert_eq!(field(&property.to_node(), "PidTagSearchFolderDefinition"), &shown);
    assert_eq!(field(&shown, "flags"), &Node::Number(0x5f));
    assert_eq!(field(&shown, "text_search"), &text("abc"));
    assert_eq!(field(&shown, "folder_names"), &text("A;Bß"));
    assert_eq!(field(&shown, "deep_search"), &Node::Number(1));
    let folder = entry_id(&hex(FOLDER)).unwrap();
    assert_eq!(field(&shown, "folders"), &Node::List(vec![folder]));
    let Node::List(addresses) = field(&shown, "addresses") else { panic!("{shown:?}") };
    assert_eq!(field(&addresses[0], "PidTagDisplayName_W"), &text("AA"));
    assert_eq!(field(&addresses[0], "PidTagAddressType_A"), &text("EX"));
    assert_eq!(addresses[1], Node::Fields(Vec::new()));
    let Node::Condition(condition) = field(&shown, "condition") else { panic!("{shown:?}") };
    let Restriction::And(both) = &**condition else { panic!("{condition:?}") };
    assert!(
        matches!(&both[0], Restriction::Content { value, .. } if value.value == PropertyValue::from("Test"))
    );
    assert!(condition.to_string().contains("PidTagSubject"), "{condition}");
    assert_eq!(field(&shown, "advanced_search"), &Node::Bytes(vec![0xdd; 3]));
    for (name, bytes) in [("skip_block1", vec![0xee; 2]), ("skip_block2", vec![0xee])] {
        assert_eq!(field(&shown, name), &Node::Bytes(bytes));
    }
}

/// [MS-OXOSRCH] 2.2.1.2.8.2: each kind of restriction, and each type of value.
#[test]
fn each_restriction_of_a_search_folder_round_trips() {
    let values = "02000130 0100 | 03000130 01000000 | 04000130 00008040 | 05000130 000000000000F03F | \
         06000130 1027000000000000 | 07000130 000000000000E040 | 0A000130 0F010480 | 0B000130 0000 | \
         14000130 0700000000000000 | 1E000130 0200 4100 | 1F000130 0400 41000000 | 40000130 0000000000000000 | \
         48000130 000102030405060708090A0B0C0D0E0F | 02010130 0300 010203";
    let comparisons = values.split('|').map(|value| format!("04000000 04000000 03000130 {value}"));
    let others = [
        "05000000 04000000 03000130 03000230",
        "06000000 01000000 03000130 FF000000",
        "07000000 02000000 1F000130 00040000",
        "08000000 03000130",
        "09000000 0D00120E 08000000 03000130",
        "0A000000 01000000 08000000 03000130 03000130 07000000",
        "01000000 00000000",
    ];
    for restriction in comparisons.chain(others.map(str::to_owned)) {
        let bytes = hex(&format!("{} 00000000 {restriction} 00000000", head("48000000")));
        let definition = same(&bytes);
        assert!(known(&definition).restriction.is_some(), "{restriction}");
    }
}

#[test]
fn values_of_an_unknown_form_round_trip() {
    let forms = [
        // A text without a terminator, with a zero character, of an odd length, or empty.
        "03000000 00000000 1F003700 1F003700 0400 41004100",
        "03000000 00000000 1F003700 1F003700 0600 410000000000",
        "03000000 00000000 1F003700 1F003700 0300 410000",
        "03000000 00000000 1F003700 1F003700 0000",
        "03000000 00000000 1E003700 1E003700 0300 410000",
        "03000000 00000000 1E003700 1E003700 0000",
        // A Boolean of 2, and several values.
        "04000000 04000000 0B001B0E 0B001B0E 0200",
        "04000000 04000000 02111B0E 02111B0E 0100 0100 07",
        // A `CountRestriction`, and unknown kinds.
        "0B000000 01000000 08000000 03000130",
        "0C000000",
        "08010000 03000130",
    ];
    for form in forms {
        let bytes = hex(&format!("{} 00000000 {form} 00000000", head("48000000")));
        let definition = same(&bytes);
        assert!(matches!(definition.criteria, Criteria::Unknown(_)), "{form}: {definition:?}");
        let shown = definition.to_node();
        assert!(matches!(field(&shown, "criteria"), Node::Bytes(_)), "{shown:?}");
    }
    // Folders that cannot be decoded, and texts whose length has two bytes.
    let bytes = hex(
        "04100000 40000000 00000000 FF0100 6100 00000000 00000000 FF0000 03000000 010203 00000000 00000000",
    );
    let definition = same(&bytes);
    assert_eq!(definition.folders, Folders::Unknown(vec![1, 2, 3]));
    assert_eq!(field(&definition.to_node(), "text_search"), &text("a"));
    let long = PackedText16 { is_extended: false, bytes: vec![0x61; 510] };
    assert_eq!(long.to_bytes().unwrap()[..3], [255, 255, 0]);
    let too_long = PackedText16 { is_extended: true, bytes: vec![0; 0x2_0000] };
    assert!(too_long.to_bytes().is_err());
}

#[test]
fn hostile_lengths_of_a_search_folder_allocate_nothing() {
    let start = "04100000 4E000000 00000000";
    for broken in [
        "05 6100",
        "FF FFFF 6100",
        "00 FFFFFFFF 00",
        "00 00000000 00000000 FE 6100",
        "00 00000000 00000000 00 FFFFFFFF 00",
    ] {
        assert_eq!(
            meaning("PidTagSearchFolderDefinition", &hex(&format!("{start} {broken}"))),
            None,
            "{broken}"
        );
    }
    for broken in [
        // Addresses and their properties.
        "FFFFFFFF 00000000 00000000",
        "01000000 FFFFFFFF 00000000 03000130 01000000",
        // The skipped block.
        "00000000 FFFFFFFF 00",
        // Restrictions within a restriction, and a comment's notes.
        "00000000 00000000 00000000 FFFFFFFF 08000000 03000130",
        "00000000 00000000 0A000000 FFFFFFFF 08000000 03000130 00000000",
        "00000000 00000000 03000000 00000000 1F003700 1F003700 FFFF 4100 0000",
        "00000000 00000000 04000000 00000000 02010130 02010130 FFFF 01",
    ] {
        let bytes = hex(&format!("{} {broken}", head("4E000000")));
        assert!(matches!(same(&bytes).criteria, Criteria::Unknown(_)), "{broken}");
    }
    let advanced = hex(&format!("{} 00000000 FFFFFFFFFFFFFFFF 00", head("50000000")));
    assert!(matches!(same(&advanced).criteria, Criteria::Unknown(_)));
    for (folders, broken) in [(8, "FFFFFFFF 00000000"), (16, "01000000 00000000 FFFFFFFF 00000000")] {
        let bytes = hex(&format!("{start} 00 00000000 00000000 00 {folders:02X}000000 {broken} 00000000"));
        assert!(matches!(same(&bytes).folders, Folders::Unknown(_)), "{broken}");
    }
    // Nested so deeply that decoding without a limit would overflow the stack.
    let deep = "02000000".repeat(100_000);
    let bytes = hex(&format!("{} 00000000 {deep} 08000000 03000130 00000000", head("48000000")));
    assert!(matches!(same(&bytes).criteria, Criteria::Unknown(_)));
}
