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
use crate::inspect::{Inspect, Node, string8};
use crate::rtf;

/// The maximum size of an RTF body that is decompressed, in bytes.
const MAX_RTF: usize = 1 << 20;

/// Decodes `bytes`, the value of the property that [MS-OXPROPS] calls `name`. Returns `None` if the structure of the
/// property is unknown, or the bytes do not have it.
pub fn meaning(name: &str, bytes: &[u8]) -> Option<Node> {
    match name {
        "PidTagSourceKey" | "PidTagParentSourceKey" | "PidTagChangeKey" => decoded::<Xid>(bytes),
        "PidTagPredecessorChangeList" => decoded::<PredecessorChangeList>(bytes),
        "PidTagExtendedRuleMessageCondition" => decoded::<ExtendedRuleCondition>(bytes),
        "PidTagExtendedRuleMessageActions" => decoded::<ExtendedRuleActions>(bytes),
        "PidTagConversationIndex" | "PidTagParentConversationIndex" => decoded::<ConversationIndex>(bytes),
        "PidTagReplyRecipientEntries" | "PidTagAlternateRecipient" => decoded::<FlatEntryList>(bytes),
        "PidTagReportTag" => decoded::<ReportTag>(bytes),
        "PidTagNTSecurityDescriptor"
        | "PidTagNtSecurityDescriptor"
        | "PidTagExchangeNTSecurityDescriptor" => {
            decoded::<StoreSecurityDescriptor>(bytes).or_else(|| decoded::<SecurityDescriptor>(bytes))
        }
        "PidTagAdditionalRenEntryIdsEx" => decoded::<PersistData>(bytes),
        "PidTagExtendedFolderFlags" => decoded::<ExtendedFolderFlags>(bytes),
        "PidTagScheduleInfoAppointmentTombstone" => decoded::<Tombstones>(bytes),
        "PidTagSearchFolderId" => decoded::<Guid>(bytes),
        "PidTagSwappedToDoData" => decoded::<SwappedToDoData>(bytes),
        "PidTagSearchFolderDefinition" => decoded::<SearchFolderDefinition>(bytes),
        "PidTagRtfCompressed" => {
            rtf::decompress(bytes, MAX_RTF).ok().filter(|text| !text.is_empty()).map(|text| string8(&text))
        }
        "PidLidGlobalObjectId" | "PidLidCleanGlobalObjectId" => decoded::<GlobalObjectId>(bytes),
        "PidLidAppointmentRecur" => decoded::<AppointmentRecurrencePattern>(bytes),
        "PidLidTaskRecurrence" => decoded::<RecurrencePattern>(bytes),
        "PidLidAppointmentUnsendableRecipients" => decoded::<UnsendableRecipients>(bytes),
        "PidLidPropertyDefinitionStream" => decoded::<PropertyDefinitions>(bytes),
        "PidTagUserFields" => decoded::<FolderUserFields>(bytes),
        "PidLidTaskAssigners" => decoded::<TaskAssigners>(bytes),
        "PidLidVerbStream" => decoded::<VerbStream>(bytes),
        "PidLidTimeZoneStruct" => decoded::<TimeZoneStruct>(bytes),
        "PidLidAppointmentTimeZoneDefinitionRecur"
        | "PidLidAppointmentTimeZoneDefinitionStartDisplay"
        | "PidLidAppointmentTimeZoneDefinitionEndDisplay" => decoded::<TimeZoneDefinition>(bytes),
        _ if is_sid(name) => decoded::<Sid>(bytes),
        "PidTagSwappedToDoStore" => entry_id(bytes),
        _ if name.ends_with("EntryId") || name.ends_with("EID") || name.ends_with("EntryIds") => {
            entry_id(bytes)
        }
        _ => None,
    }
}

/// Decodes `bytes`, one of the values of the multivalued property `name`. Returns `None` if the structure is unknown,
/// or the property has a single value.
pub fn item_meaning(name: &str, bytes: &[u8]) -> Option<Node> {
    let others = [
        "PidTagAbSearchPath",
        "PidTagConflictItems",
        "PidLidDistributionListMembers",
        "PidLidDistributionListOneOffMembers",
        "PidLidLinkedTaskItems",
    ];
    if name.ends_with("EntryIds") || others.contains(&name) { entry_id(bytes) } else { None }
}

fn is_sid(name: &str) -> bool {
    name.starts_with("PidTag") && (name.ends_with("Sid") || name.ends_with("SID"))
}

fn decoded<T: Inspect + for<'a> Decode<'a>>(bytes: &[u8]) -> Option<Node> {
    T::from_bytes(bytes).ok().map(|value| value.to_node())
}
