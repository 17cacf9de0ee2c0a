//! Streams of other implementations.

use super::*;

/// The beginning of a hierarchy synchronisation, as Microsoft's "How to parse the FastTransfer Stream"
/// prints it.
const HIERARCHY: &str = "\
    03001240 0201E165 00000000 0201E065 16000000 52F685EC 7D432E4A A9603450 8853D90A 00000000 03F54000 083000D0 \
    9EA88185 D0010201 E2651600 000052F6 85EC7D43 2E4AA960 34508853 D90A0000 0000207C 0201E365 17000000 1652F685 \
    EC7D432E 4AA96034 508853D9 0A000000 00207C1F 0001300C 00000049 004E0042 004F0058 00000014 00496701 00000000 \
    0003F403 003966FB 03000040 00073080 3906A881 85D001 0B00F410 0000";

/// The beginning of a contents synchronisation, recorded from gromox 3.10, without its values of more than 2
/// KB.
const CONTENTS: &[u8] = include_bytes!("../../../tests/data/fast_transfer_contents.bin");

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(char::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

#[test]
fn the_published_folder_change_is_decoded() {
    let bytes = unhex(HIERARCHY);
    assert_eq!(bytes.len(), 0xAD);
    let tree = Tree::read(&bytes, TreeLimits::default()).unwrap();
    let shown = "\
IncrSyncChg
  PidTagParentSourceKey = \n  \
  PidTagSourceKey = 52f685ec7d432e4aa96034508853d90a0000000003f5
  PidTagLastModificationTime = 130751181120000000
  PidTagChangeKey = 52f685ec7d432e4aa96034508853d90a00000000207c
  PidTagPredecessorChangeList = 1652f685ec7d432e4aa96034508853d90a00000000207c
  PidTagDisplayName_W = \"INBOX\"
  PidTagParentFolderId = -863846703525003263
  PidTagRights = 1019
  PidTagCreationTime = 130751181110000000
  PidTagAttributeHidden = false
";
    assert_eq!(tree.to_string(), shown);
    assert_eq!(tree.to_bytes().unwrap(), bytes);
}

#[test]
fn a_recorded_contents_synchronisation_round_trips() {
    let tree = Tree::read(CONTENTS, TreeLimits::default()).unwrap();
    assert_eq!(tree.to_bytes().unwrap(), CONTENTS);
    let changes: Vec<_> = tree.groups().collect();
    assert!(changes.iter().all(|group| group.marker == Marker::IncrSyncChg));
    println!("{tree}");
    assert!(changes.len() > 1);
    let message = changes[0].groups_with(Marker::IncrSyncMessage).next().unwrap();
    let subject = message.get(PropTag::PidTagSubject).unwrap();
    assert_eq!(subject.to_string(), "PidTagSubject_W = \"changed subject\"");
    assert!(message.groups_with(Marker::StartRecip).count() >= 1, "{tree}");
    let header = changes[0].get(PropTag::PidTagMid).unwrap();
    assert!(matches!(header.value, Value::Integer64(_)));
}

#[test]
fn id_sets_are_displayed_as_ranges() {
    let deleted = Property::new(
        PropTag::MetaTagIdsetDeleted,
        Value::Bytes(Cow::Borrowed(&[1, 0, 5, 0, 0, 0, 0, 0, 0x52, 1, 9, 0x50, 0])),
    );
    assert_eq!(deleted.to_string(), "MetaTagIdsetDeleted = 0001:{1-9}");
    let given = Property::new(PropTag::MetaTagIdsetGiven, Value::Bytes(Cow::Borrowed(&[7])));
    assert_eq!(given.to_string(), "MetaTagIdsetGiven = 07", "a set that cannot be decoded is shown as bytes");
}
