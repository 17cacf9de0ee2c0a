//! Tests of the tables of property names.

use wire::Guid;

use super::known::Known;
use super::table::{TABLES, of_id};
use super::*;
use crate::property::names::set;
use crate::property::{PropTag, PropType};

fn all() -> impl Iterator<Item = &'static Known> {
    TABLES.iter().flat_map(|(_, table)| *table)
}

#[test]
fn tags_have_the_numbers_of_the_specification() {
    assert_eq!(PropTag::PidTagDisplayName.0, 0x3001_001F);
    assert_eq!(PropTag::PidTagAddressBookNetworkAddress.0, 0x8170_101F);
    assert_eq!(PropTag::PidTagAddressBookProxyAddresses.0, 0x800F_101F);
    assert_eq!(PropTag::PidTagAddressBookHomeMessageDatabase.id(), 0x8006);
    assert_eq!(PropTag::PidTagMessageClass.0, 0x001A_001F);
    assert_eq!(PropTag::PidTagFolderId.0, 0x6748_0014);
    assert_eq!(PropTag::PidTagMid.0, 0x674A_0014);
    assert_eq!(PropTag::PidTagSourceKey.0, 0x65E0_0102);
    assert_eq!(PropTag::PidTagChangeNumber.0, 0x67A4_0014);
    assert_eq!(PropTag::PidTagBody.0, 0x1000_001F);
    assert_eq!(PropTag::PidTagAttachDataObject.0, 0x3701_000D);
    assert_eq!(PropTag::PidTagNonDeliveryReportDiagCode.0, 0x0C05_0003);
    assert_eq!(PropTag::MetaTagIdsetGiven.0, 0x4017_0003);
    assert_eq!(PropTag::MetaTagCnsetSeen.0, 0x6796_0102);
}

#[test]
fn tags_are_displayed_with_names_and_types() {
    let display = |tag: u32| PropTag(tag).to_string();
    assert_eq!(display(0x0037_001F), "PidTagSubject_W");
    assert_eq!(display(0x0037_001E), "PidTagSubject_A");
    assert_eq!(display(0x0017_0003), "PidTagImportance");
    assert_eq!(display(0x0037_000A), "PidTagSubject:PtypErrorCode");
    assert_eq!(display(0x0037_0000), "PidTagSubject:PtypUnspecified");
    assert_eq!(display(0x3A00_001E), "PidTagAccount_A");
    assert_eq!(display(0x800F_101F), "PidTagAddressBookProxyAddresses_W");
    assert_eq!(display(0x800F_301E), "PidTagAddressBookProxyAddresses_A");
    assert_eq!(display(0x1234_001E), "0x1234001e");
    assert_eq!(PropTag(0x800F_101F).in_store().to_string(), "0x800f101f");
    assert_eq!(PropTag(0x0037_001F).in_store().to_string(), "PidTagSubject_W");
    assert_eq!(PropTag(0x800F_101F).store_name(), None);
}

#[test]
fn the_type_selects_among_the_names_of_one_id() {
    let name = |tag: u32| PropTag(tag).name();
    assert_eq!(name(0x1013_0102), Some("PidTagHtml"));
    assert_eq!(name(0x1013_001E), Some("PidTagBodyHtml"));
    assert_eq!(name(0x3701_0102), Some("PidTagAttachDataBinary"));
    assert_eq!(name(0x3701_000D), Some("PidTagAttachDataObject"));
    assert_eq!(name(0x3701_000A), Some("PidTagAttachDataBinary"), "the common one");
    assert_eq!(name(0x684F_1003), Some("PidTagScheduleInfoMonthsMerged"));
    assert_eq!(name(0x684F_0102), Some("PidTagWlinkFolderType"));
}

/// Ids that several properties of [MS-OXPROPS] share.
#[test]
fn every_tag_of_a_shared_id_has_the_name_of_its_type() {
    let mut shared = 0;
    for known in all() {
        let of_id: Vec<_> = all().filter(|other| other.tag.id() == known.tag.id()).collect();
        let of_tag: Vec<_> =
            of_id.iter().filter(|other| other.tag == known.tag).map(|known| known.name).collect();
        // If one tag has two names, nothing in the tag distinguishes them.
        assert_eq!(known.tag.name(), of_tag.first().copied(), "{:#010x}", known.tag.0);
        assert!(!known.tag.to_string().contains(':'), "{}", known.tag);
        shared += usize::from(of_tag.len() < of_id.len());
    }
    assert!(shared >= 55, "{shared}");
    let name = |tag: u32| PropTag(tag).name().unwrap();
    for (tag, expected) in [
        (0x0004_001F, "PidTagAutoForwardComment"),
        (0x0004_0102, "PidTagScriptData"),
        (0x0E08_0003, "PidTagMessageSize"),
        (0x0E08_0014, "PidTagMessageSizeExtended"),
        (0x3A1B_001F, "PidTagBusiness2TelephoneNumber"),
        (0x3A1B_101F, "PidTagBusiness2TelephoneNumbers"),
        (0x3A2F_001E, "PidTagHome2TelephoneNumber"),
        (0x3A2F_101E, "PidTagHome2TelephoneNumbers"),
        (0x6801_0003, "PidTagVoiceMessageDuration"),
        (0x6802_001F, "PidTagSenderTelephoneNumber"),
        (0x6802_0102, "PidTagRwRulesStream"),
        (0x6803_0003, "PidTagOfflineAddressBookMessageClass"),
        (0x6803_000B, "PidTagSendOutlookRecallReport"),
        (0x6803_001F, "PidTagVoiceMessageSenderName"),
        (0x6804_0003, "PidTagFaxNumberOfPages"),
        (0x6804_001E, "PidTagOfflineAddressBookDistinguishedName"),
        (0x6805_001F, "PidTagVoiceMessageAttachmentOrder"),
        (0x6805_1003, "PidTagOfflineAddressBookTruncatedProperties"),
        (0x6842_000B, "PidTagScheduleInfoDelegatorWantsCopy"),
        (0x6844_0102, "PidTagSearchFolderRecreateInfo"),
        (0x6844_101F, "PidTagScheduleInfoDelegateNames"),
        (0x6845_0102, "PidTagSearchFolderDefinition"),
        (0x6845_1102, "PidTagScheduleInfoDelegateEntryIds"),
        (0x6846_0003, "PidTagSearchFolderStorageType"),
        (0x6846_000B, "PidTagGatewayNeedsToRefresh"),
        (0x6849_001F, "PidTagFreeBusyMessageEmailAddress"),
        (0x684A_101F, "PidTagScheduleInfoDelegateNamesW"),
        (0x684B_000B, "PidTagScheduleInfoDelegatorWantsInfo"),
        (0x684B_0102, "PidTagWlinkOrdinal"),
        (0x6850_0102, "PidTagWlinkGroupClsid"),
        (0x6850_1102, "PidTagScheduleInfoFreeBusyMerged"),
        (0x6851_001F, "PidTagWlinkGroupName"),
        (0x6851_1003, "PidTagScheduleInfoMonthsTentative"),
        (0x6852_0003, "PidTagWlinkSection"),
        (0x6852_1102, "PidTagScheduleInfoFreeBusyTentative"),
        (0x6853_0003, "PidTagWlinkCalendarColor"),
        (0x6853_1003, "PidTagScheduleInfoMonthsBusy"),
        (0x6854_0102, "PidTagWlinkAddressBookEID"),
        (0x6854_1102, "PidTagScheduleInfoFreeBusyBusy"),
        (0x8005_000D, "PidTagAddressBookManager"),
        (0x8005_001F, "PidTagAddressBookManagerDistinguishedName"),
    ] {
        assert_eq!(name(tag), expected, "{tag:#010x}");
    }
    assert_eq!(PropTag(0x3A2B_001F).to_string(), "PidTagPostOfficeBox_W", "one text");
}

#[test]
fn tags_are_found_by_name() {
    assert_eq!(PropTag::from_name("PidTagSubject"), Some(PropTag(0x0037_001F)));
    assert_eq!(PropTag::from_name("PidTagSubject_W"), Some(PropTag(0x0037_001F)));
    assert_eq!(PropTag::from_name("PidTagSubject_A"), Some(PropTag(0x0037_001E)));
    assert_eq!(PropTag::from_name("PidTagAddressBookProxyAddresses_A"), Some(PropTag(0x800F_101E)));
    assert_eq!(PropTag::from_name("PidTagImportance_A"), None);
    assert_eq!(PropTag::from_name("PidTagSubject_X"), None);
    assert_eq!(PropTag::from_name("é"), None);
    assert_eq!(PropTag::from_name(""), None);
    for known in all() {
        assert_eq!(PropTag::from_name(known.name), Some(known.tag));
        let again = PropTag::from_name(&known.tag.to_string().replace(":PtypError", ""));
        assert!(again.is_some(), "{} is found by its name", known.tag);
    }
}

#[test]
fn the_tables_are_sorted_and_without_duplicate_names() {
    assert!(all().count() >= 850);
    for (at, (first, table)) in TABLES.iter().enumerate() {
        assert!(table.is_sorted_by_key(|known| known.tag.id()));
        assert!(table.iter().all(|known| known.tag.id() >= *first));
        let Some((next, _)) = TABLES.get(at + 1) else { continue };
        assert!(table.iter().all(|known| known.tag.id() < *next));
    }
    let mut names: Vec<_> = all().map(|known| known.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all().count());
    for known in all() {
        let first = of_id(known.tag.id()).first().unwrap();
        let name = known.tag.name().unwrap();
        assert!(name == known.name || known.tag == PropTag::from_name(name).unwrap(), "{}", known.name);
        assert_eq!(known.tag.with_type(PropType::PtypErrorCode).name(), Some(first.name));
    }
}

#[test]
fn named_properties_are_found_by_key_and_by_name() {
    let start = NamedProperty::by_lid(&set::PSETID_Appointment, 0x820D).unwrap();
    assert_eq!(start.name, "PidLidAppointmentStartWhole");
    assert_eq!(start.prop_type, PropType::PtypTime);
    assert_eq!(NamedProperty::from_name("PidLidAppointmentStartWhole"), Some(start));
    assert_eq!(NamedProperty::by_lid(&set::PSETID_Task, 0x820D), None);
    assert_eq!(NamedProperty::by_lid(&set::PSETID_Common, 0x8501), Some(&NamedProperty::PidLidReminderDelta));

    let keywords = NamedProperty::by_text(&set::PS_PUBLIC_STRINGS, "Keywords").unwrap();
    assert_eq!((keywords.name, keywords.prop_type), ("PidNameKeywords", PropType::PtypMultipleString));
    assert_eq!(NamedProperty::by_text(&set::PS_PUBLIC_STRINGS, "keywords"), None);
    let header = NamedProperty::by_text(&set::PS_INTERNET_HEADERS, "content-CLASS").unwrap();
    assert_eq!(header.name, "PidNameContentClass");
    assert_eq!(NamedProperty::by_text(&Guid::NIL, "Keywords"), None);
}

#[test]
fn every_named_property_is_found_by_key_and_by_name() {
    assert!(NamedProperty::all().count() >= 500);
    for known in NamedProperty::all() {
        let found = match known.key {
            NameKey::Lid(lid) => NamedProperty::by_lid(&known.set, lid),
            NameKey::Text(text) => NamedProperty::by_text(&known.set, text),
        };
        assert_eq!(found, Some(known));
        assert_eq!(NamedProperty::from_name(known.name), Some(known));
        assert!(set::name(&known.set).is_some());
    }
}

#[test]
fn sets_have_names() {
    assert_eq!(set::name(&set::PSETID_Common), Some("PSETID_Common"));
    assert_eq!(set::PSETID_Common.to_string(), "00062008-0000-0000-c000-000000000046");
    assert_eq!(set::PSETID_Meeting.to_string(), "6ed8da90-450b-101b-98da-00aa003f1305");
    assert_eq!(set::name(&Guid::NIL), None);
    for (guid, name) in set::ALL {
        assert_eq!((set::name(guid), set::from_name(name)), (Some(*name), Some(*guid)));
    }
}
