//! Entry ids of the store ([MS-OXCDATA] 2.2.4).

use std::fmt;

use wire::{Decode, Encode, Reader, Result, Writer};

use super::address_book::{EphemeralEntryId, FlatUid, PermanentEntryId};
use super::id::Gid;
use super::text::Text;
use crate::primitive::{read_string8, require, write_string8};

wire::wire_enum! {
    /// What an entry id of a store stands for ([MS-OXCDATA] 2.2.4).
    pub struct StoreObjectType(u16) {
        /// A folder in a mailbox (`eitLTPrivateFolder`).
        PrivateFolder = 0x0001,
        /// A public folder (`eitLTPublicFolder`).
        PublicFolder = 0x0003,
        /// A mapped public folder (`eitLTWackyFolder`).
        MappedPublicFolder = 0x0005,
        /// A message in a mailbox (`eitLTPrivateMessage`).
        PrivateMessage = 0x0007,
        /// A message in a public folder (`eitLTPublicMessage`).
        PublicMessage = 0x0009,
        /// A message in a mapped public folder (`eitLTWackyMessage`).
        MappedPublicMessage = 0x000B,
        /// A public newsgroup folder (`eitLTPublicFolderByName`).
        PublicNewsgroupFolder = 0x000C,
    }
}

wire::wire_flags! {
    /// How mail to a one-off recipient is written ([MS-OXCDATA] 2.2.5.1).
    pub struct OneOffFlags(u16) {
        /// `M`: as MIME.
        MIME = 0x0001,
        /// `L`: the server does not look the recipient up in the address book.
        NO_LOOKUP = 0x0010,
        /// `U`: texts are UTF-16.
        UNICODE = 0x8000,
    }
}

/// A folder, wherever it is ([MS-OXCDATA] 2.2.4.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FolderEntryId {
    /// Zero for an id that lasts.
    pub flags: u32,
    /// The mailbox's GUID, or what stands for the public folders.
    pub provider_uid: FlatUid,
    /// What it stands for.
    pub folder_type: StoreObjectType,
    /// The folder.
    pub folder: Gid,
    /// Reserved, zero.
    pub pad: u16,
}

/// A message, wherever it is ([MS-OXCDATA] 2.2.4.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageEntryId {
    /// Zero for an id that lasts.
    pub flags: u32,
    /// The mailbox's GUID, or what stands for the public folders.
    pub provider_uid: FlatUid,
    /// What it stands for.
    pub message_type: StoreObjectType,
    /// The message's folder.
    pub folder: Gid,
    /// Reserved, zero.
    pub folder_pad: u16,
    /// The message.
    pub message: Gid,
    /// Reserved, zero.
    pub message_pad: u16,
}

/// A mailbox or the public folders ([MS-OXCDATA] 2.2.4.3), as a wrapped entry id of the `emsmdb.dll` provider.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoreEntryId {
    /// Zero for an id that lasts.
    pub flags: u32,
    /// Zero.
    pub version: u8,
    /// Zero.
    pub flag: u8,
    /// `emsmdb.dll`, filled up with zeros.
    pub dll_file_name: [u8; 14],
    /// Zero.
    pub wrapped_flags: u32,
    /// [`StoreEntryId::MAILBOX`] or [`StoreEntryId::PUBLIC`].
    pub wrapped_provider_uid: FlatUid,
    /// 0x0C for a mailbox, 0x06 for public folders.
    pub wrapped_type: u32,
    /// The server's name, without a terminator.
    pub server_shortname: Vec<u8>,
    /// The mailbox's distinguished name, without a terminator; public folders may have none.
    pub mailbox_dn: Option<Vec<u8>>,
    /// What follows: later versions add the server's distinguished name and the mailbox's SMTP address, behind
    /// [`StoreEntryId::V2_MAGIC`] or [`StoreEntryId::V3_MAGIC`].
    pub trailing: Vec<u8>,
}

/// A recipient who is in no address book ([MS-OXCDATA] 2.2.5.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OneOffEntryId {
    /// Zero for an id that lasts.
    pub flags: u32,
    /// Zero.
    pub version: u16,
    /// How mail is written.
    pub one_off_flags: OneOffFlags,
    /// The display name.
    pub display_name: Text,
    /// The address's type, such as `SMTP`.
    pub address_type: Text,
    /// The address.
    pub email_address: Text,
}

/// An address of a contact, or a personal distribution list ([MS-OXCDATA] 2.2.5.3, 2.2.5.4).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContactEntryId {
    /// Zero for an id that lasts.
    pub flags: u32,
    /// 3.
    pub version: u32,
    /// [`ContactEntryId::CONTACT`] or [`ContactEntryId::LIST`].
    pub contact_type: u32,
    /// Which of a contact's addresses: 0 to 2 for email, 3 to 5 for fax; 255 for a list.
    pub index: u32,
    /// The contact's or list's entry id.
    pub entry_id: Vec<u8>,
    /// What follows.
    pub trailing: Vec<u8>,
}

/// A member of a personal distribution list ([MS-OXOCNTC] 2.2.2.2.4.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WrappedEntryId {
    /// Zero.
    pub flags: u32,
    /// What is within, and which of its addresses.
    pub wrapped_type: u8,
    /// The entry id within.
    pub embedded: Vec<u8>,
}

/// An entry id ([MS-OXCDATA] 2.2), as what it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EntryId {
    /// A folder.
    Folder(FolderEntryId),
    /// A message.
    Message(MessageEntryId),
    /// A mailbox or the public folders.
    Store(StoreEntryId),
    /// An address book object, permanently.
    AddressBook(PermanentEntryId),
    /// An address book object, during a session.
    Ephemeral(EphemeralEntryId),
    /// A recipient that is in no address book.
    OneOff(OneOffEntryId),
    /// A contact's address or a personal distribution list.
    Contact(ContactEntryId),
    /// A member of a personal distribution list.
    Wrapped(WrappedEntryId),
    /// Another, or one of another shape.
    Unknown(Vec<u8>),
}

impl StoreEntryId {
    /// The provider of wrapped store entry ids.
    pub const PROVIDER: FlatUid = FlatUid([
        0x38, 0xA1, 0xBB, 0x10, 0x05, 0xE5, 0x10, 0x1A, 0xA1, 0xBB, 0x08, 0x00, 0x2B, 0x2A, 0x56, 0xC2,
    ]);
    /// What stands for a mailbox.
    pub const MAILBOX: FlatUid = FlatUid([
        0x1B, 0x55, 0xFA, 0x20, 0xAA, 0x66, 0x11, 0xCD, 0x9B, 0xC8, 0x00, 0xAA, 0x00, 0x2F, 0xC4, 0x5A,
    ]);
    /// What stands for the public folders.
    pub const PUBLIC: FlatUid = FlatUid([
        0x1C, 0x83, 0x02, 0x10, 0xAA, 0x66, 0x11, 0xCD, 0x9B, 0xC8, 0x00, 0xAA, 0x00, 0x2F, 0xC4, 0x5A,
    ]);
    /// What the second version's part begins with (`MDB_STORE_EID_V2_MAGIC`).
    pub const V2_MAGIC: u32 = 0xF321_35D8;
    /// What the third version's part begins with (`MDB_STORE_EID_V3_MAGIC`).
    pub const V3_MAGIC: u32 = 0xF432_46E9;

    /// Whether `rest`, which follows the server's name, has no distinguished name of a mailbox: those of public
    /// folders have none, whatever follows.
    fn has_no_dn(rest: &[u8]) -> bool {
        let magic = rest.first_chunk().map(|magic| u32::from_le_bytes(*magic));
        rest.is_empty() || matches!(magic, Some(Self::V2_MAGIC | Self::V3_MAGIC))
    }
}

impl FolderEntryId {
    /// The provider of entry ids in the public folders.
    pub const PUBLIC: FlatUid = FlatUid([
        0x1A, 0x44, 0x73, 0x90, 0xAA, 0x66, 0x11, 0xCD, 0x9B, 0xC8, 0x00, 0xAA, 0x00, 0x2F, 0xC4, 0x5A,
    ]);
    /// How long one is, in bytes.
    pub const SIZE: usize = 46;
}

impl MessageEntryId {
    /// How long one is, in bytes.
    pub const SIZE: usize = 70;
}

impl OneOffEntryId {
    /// The provider of one-off entry ids.
    pub const PROVIDER: FlatUid = FlatUid([
        0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0x00, 0xDD, 0x01, 0x0F, 0x54, 0x02,
    ]);
}

impl ContactEntryId {
    /// The provider of entry ids of contacts and personal distribution lists.
    pub const PROVIDER: FlatUid = FlatUid([
        0xFE, 0x42, 0xAA, 0x0A, 0x18, 0xC7, 0x1A, 0x10, 0xE8, 0x85, 0x0B, 0x65, 0x1C, 0x24, 0x00, 0x00,
    ]);
    /// A contact.
    pub const CONTACT: u32 = 4;
    /// A personal distribution list.
    pub const LIST: u32 = 5;
}

impl WrappedEntryId {
    /// The provider of the entry ids of members of personal distribution lists.
    pub const PROVIDER: FlatUid = FlatUid([
        0xC0, 0x91, 0xAD, 0xD3, 0x51, 0x9D, 0xCF, 0x11, 0xA4, 0xA9, 0x00, 0xAA, 0x00, 0x47, 0xFA, 0xA4,
    ]);
}

impl StoreObjectType {
    /// Whether it is a folder.
    pub const fn is_folder(self) -> bool {
        matches!(self.0, 0x0001 | 0x0003 | 0x0005 | 0x000C)
    }

    /// Whether it is a message.
    pub const fn is_message(self) -> bool {
        matches!(self.0, 0x0007 | 0x0009 | 0x000B)
    }
}

fn decode_provider(r: &mut Reader<'_>, expected: FlatUid) -> Result<u32> {
    let flags = r.u32("Flags")?;
    let found = r.array::<16>("ProviderUID")?;
    if found != expected.0 {
        return Err(r.invalid("ProviderUID", u64::from(found[0]), "the provider of such entry ids"));
    }
    Ok(flags)
}

impl<'a> Decode<'a> for FolderEntryId {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let flags = r.u32("Flags")?;
        let provider_uid = FlatUid(r.array("ProviderUID")?);
        let folder_type = StoreObjectType(r.u16("FolderType")?);
        if !folder_type.is_folder() {
            return Err(r.invalid("FolderType", u64::from(folder_type.0), "a folder's type"));
        }
        Ok(Self { flags, provider_uid, folder_type, folder: Gid::decode(r)?, pad: r.u16("Pad")? })
    }
}

impl Encode for FolderEntryId {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        require(self.folder_type.is_folder(), w, "FolderType", self.folder_type.0, "a folder's type")?;
        w.u32(self.flags).bytes(&self.provider_uid.0).u16(self.folder_type.0);
        self.folder.encode(w)?;
        w.u16(self.pad);
        Ok(())
    }
}

impl<'a> Decode<'a> for MessageEntryId {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let flags = r.u32("Flags")?;
        let provider_uid = FlatUid(r.array("ProviderUID")?);
        let message_type = StoreObjectType(r.u16("MessageType")?);
        if !message_type.is_message() {
            return Err(r.invalid("MessageType", u64::from(message_type.0), "a message's type"));
        }
        Ok(Self {
            flags,
            provider_uid,
            message_type,
            folder: Gid::decode(r)?,
            folder_pad: r.u16("Pad")?,
            message: Gid::decode(r)?,
            message_pad: r.u16("Pad")?,
        })
    }
}

impl Encode for MessageEntryId {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        require(self.message_type.is_message(), w, "MessageType", self.message_type.0, "a message's type")?;
        w.u32(self.flags).bytes(&self.provider_uid.0).u16(self.message_type.0);
        self.folder.encode(w)?;
        w.u16(self.folder_pad);
        self.message.encode(w)?;
        w.u16(self.message_pad);
        Ok(())
    }
}

impl<'a> Decode<'a> for StoreEntryId {
    /// Takes all that is left.
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let flags = decode_provider(r, Self::PROVIDER)?;
        let version = r.u8("Version")?;
        let flag = r.u8("Flag")?;
        if flag != 0 {
            return Err(r.invalid("Flag", u64::from(flag), "0"));
        }
        Ok(Self {
            flags,
            version,
            flag,
            dll_file_name: r.array("DLLFileName")?,
            wrapped_flags: r.u32("WrappedFlags")?,
            wrapped_provider_uid: FlatUid(r.array("WrappedProviderUID")?),
            wrapped_type: r.u32("WrappedType")?,
            server_shortname: read_string8(r, "ServerShortname")?.to_vec(),
            mailbox_dn: (!Self::has_no_dn(r.peek()))
                .then(|| read_string8(r, "MailboxDN").map(<[u8]>::to_vec))
                .transpose()?,
            trailing: r.rest().to_vec(),
        })
    }
}

impl Encode for StoreEntryId {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        require(self.flag == 0, w, "Flag", self.flag, "0")?;
        w.u32(self.flags).bytes(&Self::PROVIDER.0).u8(self.version).u8(self.flag);
        w.bytes(&self.dll_file_name).u32(self.wrapped_flags).bytes(&self.wrapped_provider_uid.0);
        w.u32(self.wrapped_type);
        write_string8(w, &self.server_shortname, "ServerShortname")?;
        let right = self.mailbox_dn.is_some() || Self::has_no_dn(&self.trailing);
        require(right, w, "MailboxDN", 0u8, "a name where something follows")?;
        self.mailbox_dn.iter().try_for_each(|dn| write_string8(w, dn, "MailboxDN"))?;
        w.bytes(&self.trailing);
        Ok(())
    }
}

impl<'a> Decode<'a> for OneOffEntryId {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let flags = decode_provider(r, Self::PROVIDER)?;
        let version = r.u16("Version")?;
        let one_off_flags = OneOffFlags(r.u16("Flags")?);
        let unicode = one_off_flags.contains(OneOffFlags::UNICODE);
        Ok(Self {
            flags,
            version,
            one_off_flags,
            display_name: Text::read(r, unicode, "DisplayName")?,
            address_type: Text::read(r, unicode, "AddressType")?,
            email_address: Text::read(r, unicode, "EmailAddress")?,
        })
    }
}

impl Encode for OneOffEntryId {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.flags).bytes(&Self::PROVIDER.0).u16(self.version).u16(self.one_off_flags.0);
        let unicode = self.one_off_flags.contains(OneOffFlags::UNICODE);
        self.display_name.write(w, unicode, "DisplayName")?;
        self.address_type.write(w, unicode, "AddressType")?;
        self.email_address.write(w, unicode, "EmailAddress")
    }
}

impl<'a> Decode<'a> for ContactEntryId {
    /// Takes all that is left.
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let flags = decode_provider(r, Self::PROVIDER)?;
        let (version, contact_type, index) = (r.u32("Version")?, r.u32("Type")?, r.u32("Index")?);
        let count = r.u32("EntryIdCount")?;
        let entry_id = r.bytes(usize::try_from(count).unwrap_or(usize::MAX), "EntryIdBytes")?.to_vec();
        Ok(Self { flags, version, contact_type, index, entry_id, trailing: r.rest().to_vec() })
    }
}

impl Encode for ContactEntryId {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.flags).bytes(&Self::PROVIDER.0);
        w.u32(self.version).u32(self.contact_type).u32(self.index);
        w.len32(self.entry_id.len(), "EntryIdCount")?.bytes(&self.entry_id).bytes(&self.trailing);
        Ok(())
    }
}

impl<'a> Decode<'a> for WrappedEntryId {
    /// Takes all that is left.
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let flags = decode_provider(r, Self::PROVIDER)?;
        Ok(Self { flags, wrapped_type: r.u8("Type")?, embedded: r.rest().to_vec() })
    }
}

impl Encode for WrappedEntryId {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.flags).bytes(&Self::PROVIDER.0).u8(self.wrapped_type).bytes(&self.embedded);
        Ok(())
    }
}

impl EntryId {
    /// Decodes `bytes`. An entry id of an unknown kind stays bytes.
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
