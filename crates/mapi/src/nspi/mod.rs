//! The address book interface NSPI ([MS-OXNSPI]; [MS-NSPI] for operations that later editions omit).
//!
//! [`Request`] and [`Response`] have one variant for each operation. Their types correspond to the IDL in [MS-OXNSPI]
//! section 6 and preserve what senders choose freely (referent ids, spare room), so that decoding and encoding an
//! operation results in the same bytes.

mod calls;
mod convert;
mod inspect;
mod request;
mod response;
mod restriction;
mod types;
mod value;
mod visit;

#[cfg(test)]
mod tests;

pub use self::calls::{Request, Response};
pub(crate) use self::inspect::{address_book_property, entry_id};
pub use self::request::*;
pub use self::response::*;
pub use self::restriction::{
    BitMaskRestriction, ComparePropsRestriction, ContentRestriction, ExistRestriction, PropertyRestriction,
    Restriction, RestrictionUnion, SizeRestriction, SubRestriction,
};
pub use self::types::{
    MIdArray, PropertyName, PropertyNameSet, PropertyTagArray, Stat, StringsArray, TagArray, WStringsArray,
};
pub use self::value::{PropertyRow, PropertyRowSet, PropertyValue, Value};
pub use self::visit::{Text, TextKind};
pub use crate::data::{
    AddressBookEntryId as EntryId, DisplayType, EphemeralEntryId, FlatUid, MId, PermanentEntryId,
};
