//! Decodes the bytes of a property by the property's name.

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

/// How much text is unpacked of a body, in bytes.
const MAX_RTF: usize = 1 << 20;

/// What the `bytes` of the property `name` mean, as [MS-OXPROPS] calls it; none where that is not known, or they
/// are of another form.
pub fn meaning(name: &str, bytes: &[u8]) -> Option<Node> {
    match name {
        "PidTagSourceKey" | "PidTagParentSourceKey" | "PidTagChangeKey" => shown::<Xid>(bytes),
        "PidTagPredecessorChangeList" => shown::<PredecessorChangeList>(bytes),
        "PidTagExtendedRuleMessageCondition" => shown::<ExtendedRuleCondition>(bytes),
        "PidTagExtendedRuleMessageActions" => shown::<ExtendedRuleActions>(bytes),
        "PidTagConversationIndex" | "PidTagParentConversationIndex" => shown::<ConversationIndex>(bytes),
        "PidTagReplyRecipientEntries" | "PidTagAlternateRecipient" => shown::<FlatEntryList>(bytes),
        "PidTagReportTag" => shown::<ReportTag>(bytes),
        "PidTagNTSecurityDescriptor"
        | "PidTagNtSecurityDescriptor"
        | "PidTagExchangeNTSecurityDescriptor" => {
            shown::<StoreSecurityDescriptor>(bytes).or_else(|| shown::<SecurityDescriptor>(bytes))
        }
        "PidTagAdditionalRenEntryIdsEx" => shown::<PersistData>(bytes),
        "PidTagExtendedFolderFlags" => shown::<ExtendedFolderFlags>(bytes),
        "PidTagScheduleInfoAppointmentTombstone" => shown::<Tombstones>(bytes),
        "PidTagSearchFolderId" => shown::<Guid>(bytes),
        "PidTagSwappedToDoData" => shown::<SwappedToDoData>(bytes),
        "PidTagSearchFolderDefinition" => shown::<SearchFolderDefinition>(bytes),
        "PidTagRtfCompressed" => {
            rtf::decompress(bytes, MAX_RTF).ok().filter(|text| !text.is_empty()).map(|text| string8(&text))
        }
        "PidLidGlobalObjectId" | "PidLidCleanGlobalObjectId" => shown::<GlobalObjectId>(bytes),
        "PidLidAppointmentRecur" => shown::<AppointmentRecurrencePattern>(bytes),
        "PidLidTaskRecurrence" => shown::<RecurrencePattern>(bytes),
        "PidLidAppointmentUnsendableRecipients" => shown::<UnsendableRecipients>(bytes),
        "PidLidPropertyDefinitionStream" => shown::<PropertyDefinitions>(bytes),
        "PidTagUserFields" => shown::<FolderUserFields>(bytes),
        "PidLidTaskAssigners" => shown::<TaskAssigners>(bytes),
        "PidLidVerbStream" => shown::<VerbStream>(bytes),
        "PidLidTimeZoneStruct" => shown::<TimeZoneStruct>(bytes),
        "PidLidAppointmentTimeZoneDefinitionRecur"
        | "PidLidAppointmentTimeZoneDefinitionStartDisplay"
        | "PidLidAppointmentTimeZoneDefinitionEndDisplay" => shown::<TimeZoneDefinition>(bytes),
        _ if is_sid(name) => shown::<Sid>(bytes),
        "PidTagSwappedToDoStore" => entry_id(bytes),
        _ if name.ends_with("EntryId") || name.ends_with("EID") || name.ends_with("EntryIds") => {
            entry_id(bytes)
        }
        _ => None,
    }
}

/// What the bytes of one of the values of the property `name` mean; none where that is not known, or the property has
/// one value.
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

fn shown<T: Inspect + for<'a> Decode<'a>>(bytes: &[u8]) -> Option<Node> {
    T::from_bytes(bytes).ok().map(|value| value.to_node())
}
