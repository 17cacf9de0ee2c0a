//! Binary property values with a structure, which depends on the property.

mod calendar;
mod conversation;
mod entry_ids;
mod exceptions;
mod folder_flags;
mod folders;
mod meaning;
mod minutes;
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
pub(crate) use self::entry_ids::{entry_id, entry_id_or_bytes};
pub use self::exceptions::{ExceptionInfo, Exceptions, ExtendedException, Text8, WideException};
pub use self::folder_flags::{ExtendedFolderFlags, SubpropertyId};
pub use self::folders::{PersistBlock, PersistData, PersistElement};
pub use self::meaning::{contains_properties, item_meaning, meaning, structured};
pub use self::packed::{PackedText, PackedText8, PackedText16};
pub use self::recipients::{FlatEntryList, ReportTag, UnsendableRecipients};
pub use self::recurrence::{
    AppointmentRecurrencePattern, Differences, EndType, Frequency, RecurrencePattern,
};
pub use self::search_folder::{
    AddressEntry, Criteria, EntryList, Folders, KnownCriteria, SearchFolderDefinition,
};
pub use self::security::{Ace, AceBody, AceType, Acl, SecurityDescriptor, Sid, StoreSecurityDescriptor};
pub use self::tasks::{SwappedToDoData, TaskAssigner, TaskAssigners};
pub use self::time_zone::{SystemTime, TimeZoneDefinition, TimeZoneRule, TimeZoneStruct};
pub use self::tombstones::{Tombstone, Tombstones};
pub use self::user_fields::{
    FieldDefinition, FolderField, FolderUserFields, NewerDefinition, PropertyDefinitions,
};
pub use self::verbs::{VerbStream, VoteOption, VoteOptionExtras};

#[cfg(test)]
mod tests;
