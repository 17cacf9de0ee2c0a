//! An address book entry of a user, and the columns that are read for it.

use mapi::nspi::{DisplayType, EntryId, MId};
use mapi::property::{PropTag, PropertyList, PropertyValue};
use wire::Decode as _;

/// The columns that are requested when people are looked up.
pub const PERSON_COLUMNS: &[PropTag] = &[
    PropTag::PidTagDisplayName,
    PropTag::PidTagSmtpAddress,
    PropTag::PidTagAccount,
    PropTag::PidTagEmailAddress,
    PropTag::PidTagTitle,
    PropTag::PidTagDepartmentName,
    PropTag::PidTagOfficeLocation,
    PropTag::PidTagBusinessTelephoneNumber,
    PropTag::PidTagAddressBookHomeMessageDatabase.with_type(mapi::property::PropType::PtypString),
    PropTag::PidTagDisplayType,
    PropTag::PidTagEntryId,
];

/// A user or a distribution list of the address book.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Person {
    /// `PidTagDisplayName`.
    pub display_name: String,
    /// `PidTagSmtpAddress`; empty if missing, as are the following fields.
    pub smtp: String,
    /// `PidTagAccount`.
    pub account: String,
    /// `PidTagEmailAddress`: the distinguished name in the directory.
    pub legacy_dn: String,
    /// `PidTagTitle`.
    pub title: String,
    /// `PidTagDepartmentName`.
    pub department: String,
    /// `PidTagOfficeLocation`.
    pub office: String,
    /// `PidTagBusinessTelephoneNumber`.
    pub phone: String,
    /// `PidTagAddressBookHomeMessageDatabase`: the distinguished name of the mailbox's database.
    pub home_database: String,
    /// `PidTagDisplayType`.
    pub display_type: DisplayType,
    /// The object's number in this session, if the server returned it.
    pub mid: Option<MId>,
}

impl Person {
    /// The person of a row with [`PERSON_COLUMNS`].
    pub fn from_row(row: &PropertyList) -> Self {
        let text = |tag| row.get(tag).and_then(PropertyValue::to_text).unwrap_or_default();
        let display_type = match row.get(PropTag::PidTagDisplayType) {
            Some(PropertyValue::Integer32(number)) => DisplayType(number.cast_unsigned()),
            _ => DisplayType::DT_MAILUSER,
        };
        Self {
            display_name: text(PropTag::PidTagDisplayName),
            smtp: text(PropTag::PidTagSmtpAddress),
            account: text(PropTag::PidTagAccount),
            legacy_dn: text(PropTag::PidTagEmailAddress),
            title: text(PropTag::PidTagTitle),
            department: text(PropTag::PidTagDepartmentName),
            office: text(PropTag::PidTagOfficeLocation),
            phone: text(PropTag::PidTagBusinessTelephoneNumber),
            home_database: text(PropTag::PidTagAddressBookHomeMessageDatabase),
            display_type,
            mid: ephemeral(row),
        }
    }

    /// Whether this is a distribution list.
    pub fn is_list(&self) -> bool {
        self.display_type == DisplayType::DT_DISTLIST
    }
}

/// The number in an ephemeral entry id.
fn ephemeral(row: &PropertyList) -> Option<MId> {
    let PropertyValue::Binary(bytes) = row.get(PropTag::PidTagEntryId)? else { return None };
    match EntryId::from_bytes(bytes).ok()? {
        EntryId::Ephemeral(id) => Some(id.mid),
        EntryId::Permanent(_) => None,
    }
}
