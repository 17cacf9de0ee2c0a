//! Decodes a binary property value by the property's name.

use wire::{Decode, Guid};

use super::calendar::GlobalObjectId;
use super::conversation::ConversationIndex;
use super::entry_ids::entry_id;
use super::folder_flags::ExtendedFolderFlags;
use super::folders::PersistData;
use super::recipients::{FlatEntryList, ReportTag, UnsendableRecipients};
use super::recurrence::{AppointmentRecurrencePattern, RecurrencePattern};
use super::search_folder::SearchFolderDefinition;
use super::security::{SecurityDescriptor, Sid, StoreSecurityDescriptor};
use super::tasks::{SwappedToDoData, TaskAssigners};
use super::time_zone::{TimeZoneDefinition, TimeZoneStruct};
use super::tombstones::Tombstones;
use super::user_fields::{FolderUserFields, PropertyDefinitions};
use super::verbs::VerbStream;
use crate::data::{ExtendedRuleActions, ExtendedRuleCondition, PredecessorChangeList, Xid};
use crate::inspect::{Inspect, Node, string8_of};
use crate::rtf;

/// The maximum size of an RTF body that is decompressed, in bytes.
const MAX_RTF: usize = 1 << 20;

/// Decodes a value; returns `None` if the bytes do not have the structure.
type Decoder = fn(&[u8]) -> Option<Node>;

/// The properties whose values are structures, sorted by name.
static STRUCTURED: &[(&str, Decoder)] = &[
    ("PidLidAppointmentRecur", decoded::<AppointmentRecurrencePattern>),
    ("PidLidAppointmentTimeZoneDefinitionEndDisplay", decoded::<TimeZoneDefinition>),
    ("PidLidAppointmentTimeZoneDefinitionRecur", decoded::<TimeZoneDefinition>),
    ("PidLidAppointmentTimeZoneDefinitionStartDisplay", decoded::<TimeZoneDefinition>),
    ("PidLidAppointmentUnsendableRecipients", decoded::<UnsendableRecipients>),
    ("PidLidCleanGlobalObjectId", decoded::<GlobalObjectId>),
    ("PidLidGlobalObjectId", decoded::<GlobalObjectId>),
    ("PidLidPropertyDefinitionStream", decoded::<PropertyDefinitions>),
    ("PidLidTaskAssigners", decoded::<TaskAssigners>),
    ("PidLidTaskRecurrence", decoded::<RecurrencePattern>),
    ("PidLidTimeZoneStruct", decoded::<TimeZoneStruct>),
    ("PidLidVerbStream", decoded::<VerbStream>),
    ("PidTagAdditionalRenEntryIdsEx", decoded::<PersistData>),
    ("PidTagAddressBookObjectSid", decoded::<Sid>),
    ("PidTagAlternateRecipient", decoded::<FlatEntryList>),
    ("PidTagChangeKey", decoded::<Xid>),
    ("PidTagConversationIndex", decoded::<ConversationIndex>),
    ("PidTagCreatorSid", decoded::<Sid>),
    ("PidTagExchangeNTSecurityDescriptor", security_descriptor),
    ("PidTagExtendedFolderFlags", decoded::<ExtendedFolderFlags>),
    ("PidTagExtendedRuleMessageActions", decoded::<ExtendedRuleActions>),
    ("PidTagExtendedRuleMessageCondition", decoded::<ExtendedRuleCondition>),
    ("PidTagHtml", html),
    ("PidTagLastModifierSid", decoded::<Sid>),
    ("PidTagOriginalAuthorSid", decoded::<Sid>),
    ("PidTagOriginalSenderSid", decoded::<Sid>),
    ("PidTagOriginalSentRepresentingSid", decoded::<Sid>),
    ("PidTagOriginatorSid", decoded::<Sid>),
    ("PidTagParentSourceKey", decoded::<Xid>),
    ("PidTagPredecessorChangeList", decoded::<PredecessorChangeList>),
    ("PidTagReadReceiptSid", decoded::<Sid>),
    ("PidTagReceivedBySid", decoded::<Sid>),
    ("PidTagReceivedRepresentingSid", decoded::<Sid>),
    ("PidTagReplyRecipientEntries", decoded::<FlatEntryList>),
    ("PidTagReportDestinationSid", decoded::<Sid>),
    ("PidTagReportSid", decoded::<Sid>),
    ("PidTagReportTag", decoded::<ReportTag>),
    ("PidTagRtfCompressed", rtf_body),
    ("PidTagScheduleInfoAppointmentTombstone", decoded::<Tombstones>),
    ("PidTagSearchFolderDefinition", decoded::<SearchFolderDefinition>),
    ("PidTagSearchFolderId", decoded::<Guid>),
    ("PidTagSecurityDescriptor", security_descriptor),
    ("PidTagSenderSid", decoded::<Sid>),
    ("PidTagSentRepresentingSid", decoded::<Sid>),
    ("PidTagSourceKey", decoded::<Xid>),
    ("PidTagSwappedToDoData", decoded::<SwappedToDoData>),
    ("PidTagSwappedToDoStore", entry_id),
    ("PidTagUserFields", decoded::<FolderUserFields>),
];

/// The multivalued properties whose values are entry ids, besides those whose names end in `EntryIds`.
const ENTRY_ID_LISTS: [&str; 5] = [
    "PidTagAbSearchPath",
    "PidTagConflictItems",
    "PidLidDistributionListMembers",
    "PidLidDistributionListOneOffMembers",
    "PidLidLinkedTaskItems",
];

/// The names of the properties whose values [`meaning`] decodes, except those of entry ids, which it recognizes by the
/// ends of the names.
pub fn structured() -> impl ExactSizeIterator<Item = &'static str> {
    STRUCTURED.iter().map(|(name, _)| *name)
}

/// Decodes `bytes`, the value of the property that [MS-OXPROPS] calls `name`. Returns `None` if the structure of the
/// property is unknown, or the bytes do not have it.
pub fn meaning(name: &str, bytes: &[u8]) -> Option<Node> {
    match STRUCTURED.binary_search_by_key(&name, |(known, _)| *known) {
        Ok(index) => STRUCTURED.get(index).and_then(|(_, decode)| decode(bytes)),
        Err(_) if ["EntryId", "EID", "EntryIds"].iter().any(|end| name.ends_with(end)) => entry_id(bytes),
        Err(_) if name.ends_with("SearchKey") => address_search_key(bytes),
        Err(_) => None,
    }
}

/// Whether the value of the property `name` contains other properties with their values, within a condition or an
/// action.
pub fn contains_properties(name: &str) -> bool {
    matches!(
        name,
        "PidTagExtendedRuleMessageCondition"
            | "PidTagExtendedRuleMessageActions"
            | "PidTagSearchFolderDefinition"
    )
}

/// Decodes `bytes`, one of the values of the multivalued property `name`. Returns `None` if the structure is unknown,
/// or the property has a single value.
pub fn item_meaning(name: &str, bytes: &[u8]) -> Option<Node> {
    if name.ends_with("EntryIds") || ENTRY_ID_LISTS.contains(&name) { entry_id(bytes) } else { None }
}

/// A security descriptor, with the header that stores add or without.
fn security_descriptor(bytes: &[u8]) -> Option<Node> {
    decoded::<StoreSecurityDescriptor>(bytes).or_else(|| decoded::<SecurityDescriptor>(bytes))
}

/// An RTF body; its bytes that are not ASCII are in the code page that it states.
fn rtf_body(bytes: &[u8]) -> Option<Node> {
    let text = rtf::decompress(bytes, MAX_RTF).ok().filter(|text| !text.is_empty())?;
    Some(string8_of(&text, rtf::code_page(&text)))
}

/// An HTML body. Its character set is often not that of the session, so that only UTF-8 is decoded.
fn html(bytes: &[u8]) -> Option<Node> {
    std::str::from_utf8(bytes).ok().map(|text| Node::Text(text.to_owned()))
}

/// The search key of a recipient: its address type and address, separated by a colon and terminated by a null
/// character (`PidTagSenderSearchKey` of [MS-OXOMSG], `PidTagSearchKey` of [MS-OXOABK]). Returns `None` for other
/// search keys, such as those of messages.
fn address_search_key(bytes: &[u8]) -> Option<Node> {
    let (kind, address) =
        bytes.strip_suffix(b"\0")?.split_at_checked(bytes.iter().position(|byte| *byte == b':')?)?;
    let is_printable = |text: &[u8]| text.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let is_known = !kind.is_empty() && is_printable(kind) && is_printable(address);
    is_known.then(|| string8_of(&[kind, address].concat(), None))
}

fn decoded<T: Inspect + for<'a> Decode<'a>>(bytes: &[u8]) -> Option<Node> {
    T::from_bytes(bytes).ok().map(|value| value.to_node())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::property::names;

    #[test]
    fn every_name_with_a_meaning_is_that_of_a_property() {
        assert!(STRUCTURED.is_sorted_by(|(one, _), (other, _)| one < other));
        let known: HashSet<&str> = names::all().collect();
        let unknown: Vec<_> =
            structured().chain(ENTRY_ID_LISTS).filter(|name| !known.contains(name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
