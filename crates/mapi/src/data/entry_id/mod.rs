//! Entry ids ([MS-OXCDATA] 2.2), whose kind is determined by their provider and length.

mod provider;
mod recipient;
mod store;

use std::fmt;

use wire::{Decode as _, Encode, Result, Writer};

pub use self::recipient::{ContactEntryId, OneOffEntryId, OneOffFlags, WrappedEntryId};
pub use self::store::{FolderEntryId, MessageEntryId, StoreEntryId, StoreObjectType};
use super::address_book::{EphemeralEntryId, FlatUid, PermanentEntryId};

/// An entry id ([MS-OXCDATA] 2.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EntryId {
    /// The entry id of a folder.
    Folder(FolderEntryId),
    /// The entry id of a message.
    Message(MessageEntryId),
    /// The entry id of a mailbox or of the public folders.
    Store(StoreEntryId),
    /// The permanent entry id of an address book object.
    AddressBook(PermanentEntryId),
    /// The entry id of an address book object, valid during a session.
    Ephemeral(EphemeralEntryId),
    /// The entry id of a recipient that is not in an address book.
    OneOff(OneOffEntryId),
    /// The entry id of a contact's address, or of a personal distribution list.
    Contact(ContactEntryId),
    /// The entry id of a member of a personal distribution list.
    Wrapped(WrappedEntryId),
    /// The bytes of an entry id of an unknown kind or form.
    Unknown(Vec<u8>),
}

impl EntryId {
    /// Decodes `bytes`; an entry id of an unknown kind is kept as bytes.
    pub fn parse(bytes: &[u8]) -> Self {
        let provider = bytes.get(4..20).and_then(|uid| <[u8; 16]>::try_from(uid).ok()).map(FlatUid);
        let known = match provider {
            Some(StoreEntryId::PROVIDER) => StoreEntryId::from_bytes(bytes).map(Self::Store),
            Some(OneOffEntryId::PROVIDER) => OneOffEntryId::from_bytes(bytes).map(Self::OneOff),
            Some(ContactEntryId::PROVIDER) => ContactEntryId::from_bytes(bytes).map(Self::Contact),
            Some(WrappedEntryId::PROVIDER) => WrappedEntryId::from_bytes(bytes).map(Self::Wrapped),
            Some(FlatUid::GUID_NSPI) => PermanentEntryId::from_bytes(bytes).map(Self::AddressBook),
            Some(_) => match bytes.len() {
                FolderEntryId::SIZE => FolderEntryId::from_bytes(bytes).map(Self::Folder),
                MessageEntryId::SIZE => MessageEntryId::from_bytes(bytes).map(Self::Message),
                _ => EphemeralEntryId::from_bytes(bytes).map(Self::Ephemeral),
            },
            None => return Self::Unknown(bytes.to_vec()),
        };
        known.unwrap_or_else(|_| Self::Unknown(bytes.to_vec()))
    }
}

impl Encode for EntryId {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        match self {
            Self::Folder(id) => id.encode(w),
            Self::Message(id) => id.encode(w),
            Self::Store(id) => id.encode(w),
            Self::AddressBook(id) => id.encode(w),
            Self::Ephemeral(id) => id.encode(w),
            Self::OneOff(id) => id.encode(w),
            Self::Contact(id) => id.encode(w),
            Self::Wrapped(id) => id.encode(w),
            Self::Unknown(bytes) => {
                w.bytes(bytes);
                Ok(())
            }
        }
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(id) => write!(f, "folder {}", id.folder),
            Self::Message(id) => write!(f, "message {} in {}", id.message, id.folder),
            Self::Store(id) => match &id.mailbox_dn {
                Some(dn) => write!(f, "mailbox {}", String::from_utf8_lossy(dn)),
                None => write!(f, "public folders on {}", String::from_utf8_lossy(&id.server_shortname)),
            },
            Self::AddressBook(id) => write!(f, "EX:{}", String::from_utf8_lossy(&id.distinguished_name)),
            Self::Ephemeral(id) => write!(f, "address book object {}", id.mid),
            Self::OneOff(id) => write!(f, "{} <{}:{}>", id.display_name, id.address_type, id.email_address),
            Self::Contact(id) if id.contact_type == ContactEntryId::LIST => f.write_str("personal list"),
            Self::Contact(id) => write!(f, "address {} of a contact", id.index),
            Self::Wrapped(id) => write!(f, "member of a list, type {:#x}", id.wrapped_type),
            Self::Unknown(bytes) => write!(f, "entry id of {} bytes", bytes.len()),
        }
    }
}
