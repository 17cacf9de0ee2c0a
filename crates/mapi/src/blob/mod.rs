//! What is within properties that are bytes: structures of their own, by the property's name.

mod calendar;
mod conversation;
mod exceptions;
mod folder_flags;
mod folders;
mod packed;
mod recipients;
mod recurrence;
mod search_criteria;
mod search_folder;
mod security;
mod tasks;
mod time_zone;
mod tombstones;
mod user_fields;
mod verbs;

pub use self::calendar::GlobalObjectId;
pub use self::conversation::ConversationIndex;
pub use self::exceptions::{ExceptionInfo, Exceptions, ExtendedException, Text8, WideException};
pub use self::folder_flags::{ExtendedFolderFlags, SubpropertyId};
pub use self::folders::{PersistBlock, PersistData, PersistElement};
pub use self::packed::{PackedText, PackedText8, PackedText16};
pub use self::recipients::{FlatEntryList, ReportTag, UnsendableRecipients};
pub use self::recurrence::{
    AppointmentRecurrencePattern, Differences, EndType, Frequency, RecurrencePattern,
};
pub use self::search_folder::{
    AddressEntry, Criteria, EntryList, Folders, KnownCriteria, SearchFolderDefinition,
};
pub use self::security::{Ace, Acl, SecurityDescriptor, Sid, StoreSecurityDescriptor};
pub use self::tasks::{SwappedToDoData, TaskAssigner, TaskAssigners};
pub use self::time_zone::{SystemTime, TimeZoneDefinition, TimeZoneRule, TimeZoneStruct};
pub use self::tombstones::{Tombstone, Tombstones};
pub use self::user_fields::{
    FieldDefinition, FolderField, FolderUserFields, NewerDefinition, PropertyDefinitions,
};
pub use self::verbs::{VerbStream, VoteOption, VoteOptionExtras};

use wire::{Decode, FileTime, Guid};

use crate::data::{EntryId, ExtendedRuleActions, ExtendedRuleCondition, PredecessorChangeList, Xid};
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

/// What an entry id stands for; none where that is not known.
pub(crate) fn entry_id(bytes: &[u8]) -> Option<Node> {
    match EntryId::parse(bytes) {
        EntryId::Unknown(_) => None,
        known => Some(known.to_node()),
    }
}

/// What an entry id stands for, or its bytes.
pub(crate) fn entry_id_or_bytes(bytes: &[u8]) -> Node {
    entry_id(bytes).unwrap_or_else(|| Node::Bytes(bytes.to_vec()))
}

/// A time from minutes since 1601.
fn since_1601(minutes: u32) -> FileTime {
    const MINUTE: u64 = 60 * 10_000_000;
    FileTime(u64::from(minutes).saturating_mul(MINUTE))
}

/// A time in minutes since 1601, as day, hour and minute; without a zone, since it is local ([MS-OXOCAL] 2.2.1.44).
fn local_time(minutes: u32) -> String {
    let time = since_1601(minutes).to_string();
    time.get(..16).unwrap_or(&time).replace('T', " ")
}

fn is_sid(name: &str) -> bool {
    name.starts_with("PidTag") && (name.ends_with("Sid") || name.ends_with("SID"))
}

fn shown<T: Inspect + for<'a> Decode<'a>>(bytes: &[u8]) -> Option<Node> {
    T::from_bytes(bytes).ok().map(|value| value.to_node())
}

#[cfg(test)]
mod tests;
