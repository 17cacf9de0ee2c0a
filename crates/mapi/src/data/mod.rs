//! Structures of [MS-OXCDATA] that ROPs and properties contain: identifiers, entry ids, recipients, names of
//! properties, sort orders and rule actions.
//!
//! Decoding a structure and encoding it again results in the same bytes.

mod address_book;
mod entry_id;
pub(crate) mod id;
mod inspect;
mod named;
mod problem;
mod recipient;
mod rule;
pub(crate) mod server_id;
mod sort;
mod text;
mod xid;

#[cfg(test)]
mod tests;

pub use self::address_book::{
    AddressBookEntryId, DisplayType, EphemeralEntryId, FlatUid, MId, PermanentEntryId,
};
pub use self::entry_id::{
    ContactEntryId, EntryId, FolderEntryId, MessageEntryId, OneOffEntryId, OneOffFlags, StoreEntryId,
    StoreObjectType, WrappedEntryId,
};
pub use self::id::{ChangeNumber, FolderId, Gid, GlobalCounter, LongTermId, MessageId};
pub use self::named::{NamedPropertyInformation, PropertyName};
pub use self::problem::{PropertyProblem, PropertyProblemArray};
pub use self::recipient::{AddressType, RecipientFlags, RecipientRow, X500Dn};
pub use self::rule::{ExtendedRuleActions, ExtendedRuleCondition};
pub use self::server_id::ServerId;
pub use self::sort::{Order, SortOrder, SortOrderSet};
pub use self::text::{Text, TypedString};
pub use self::xid::{PredecessorChangeList, SizedXid, Xid};
pub use crate::property::value::{ActionBlock, ActionData, ActionType, RecipientBlock, RuleAction};
