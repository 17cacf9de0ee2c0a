//! Entry ids of folders, messages and mailboxes ([MS-OXCDATA] 2.2.4).

use wire::{Decode, Encode, Reader, Result, Writer};

use super::provider::decode_provider;
use crate::data::address_book::FlatUid;
use crate::data::id::Gid;
use crate::zero_terminated::{read_string8, write_string8};

wire::wire_enum! {
    /// The kind of object that an entry id of a message store identifies ([MS-OXCDATA] 2.2.4).
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

/// The entry id of a folder, valid across message stores ([MS-OXCDATA] 2.2.4.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FolderEntryId {
    /// Zero for a permanent entry id.
    pub flags: u32,
    /// The GUID of the mailbox, or [`FolderEntryId::PUBLIC`] in the public folders.
    pub provider_uid: FlatUid,
    /// The kind of folder.
    pub folder_type: StoreObjectType,
    /// The global identifier of the folder.
    pub folder: Gid,
    /// Reserved; zero.
    pub pad: u16,
}

/// The entry id of a message, valid across message stores ([MS-OXCDATA] 2.2.4.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageEntryId {
    /// Zero for a permanent entry id.
    pub flags: u32,
    /// The GUID of the mailbox, or [`FolderEntryId::PUBLIC`] in the public folders.
    pub provider_uid: FlatUid,
    /// The kind of message.
    pub message_type: StoreObjectType,
    /// The global identifier of the message's folder.
    pub folder: Gid,
    /// Reserved; zero.
    pub folder_pad: u16,
    /// The global identifier of the message.
    pub message: Gid,
    /// Reserved; zero.
    pub message_pad: u16,
}

/// The entry id of a mailbox or of the public folders ([MS-OXCDATA] 2.2.4.3): a wrapped entry id of the provider
/// `emsmdb.dll`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoreEntryId {
    /// Zero for a permanent entry id.
    pub flags: u32,
    /// Reserved; zero.
    pub version: u8,
    /// Reserved; zero.
    pub flag: u8,
    /// `emsmdb.dll`, padded with zeros.
    pub dll_file_name: [u8; 14],
    /// Reserved; zero.
    pub wrapped_flags: u32,
    /// [`StoreEntryId::MAILBOX`] or [`StoreEntryId::PUBLIC`].
    pub wrapped_provider_uid: FlatUid,
    /// 0x0C for a mailbox, 0x06 for public folders.
    pub wrapped_type: u32,
    /// The name of the server, without a terminator.
    pub server_shortname: Vec<u8>,
    /// The distinguished name of the mailbox, without a terminator; often absent for public folders.
    pub mailbox_dn: Option<Vec<u8>>,
    /// The bytes after the distinguished name. Later versions add the distinguished name of the server and the SMTP
    /// address of the mailbox, after [`StoreEntryId::V2_MAGIC`] or [`StoreEntryId::V3_MAGIC`].
    pub trailing: Vec<u8>,
}

impl StoreEntryId {
    /// The provider of wrapped store entry ids.
    pub const PROVIDER: FlatUid = FlatUid([
        0x38, 0xA1, 0xBB, 0x10, 0x05, 0xE5, 0x10, 0x1A, 0xA1, 0xBB, 0x08, 0x00, 0x2B, 0x2A, 0x56, 0xC2,
    ]);
    /// The wrapped provider of a mailbox.
    pub const MAILBOX: FlatUid = FlatUid([
        0x1B, 0x55, 0xFA, 0x20, 0xAA, 0x66, 0x11, 0xCD, 0x9B, 0xC8, 0x00, 0xAA, 0x00, 0x2F, 0xC4, 0x5A,
    ]);
    /// The wrapped provider of the public folders.
    pub const PUBLIC: FlatUid = FlatUid([
        0x1C, 0x83, 0x02, 0x10, 0xAA, 0x66, 0x11, 0xCD, 0x9B, 0xC8, 0x00, 0xAA, 0x00, 0x2F, 0xC4, 0x5A,
    ]);
    /// The first four bytes of the part that the second version adds (`MDB_STORE_EID_V2_MAGIC`).
    pub const V2_MAGIC: u32 = 0xF321_35D8;
    /// The first four bytes of the part that the third version adds (`MDB_STORE_EID_V3_MAGIC`).
    pub const V3_MAGIC: u32 = 0xF432_46E9;

    /// Whether `rest`, which follows the server's name, does not begin with the distinguished name of a mailbox, as in
    /// entry ids of public folders.
    fn has_no_dn(rest: &[u8]) -> bool {
        let magic = rest.first_chunk().map(|magic| u32::from_le_bytes(*magic));
        rest.is_empty() || matches!(magic, Some(Self::V2_MAGIC | Self::V3_MAGIC))
    }
}

impl FolderEntryId {
    /// The provider of entry ids of public folders.
    pub const PUBLIC: FlatUid = FlatUid([
        0x1A, 0x44, 0x73, 0x90, 0xAA, 0x66, 0x11, 0xCD, 0x9B, 0xC8, 0x00, 0xAA, 0x00, 0x2F, 0xC4, 0x5A,
    ]);
    /// The size of the encoded entry id, in bytes.
    pub const SIZE: usize = 46;
}

impl MessageEntryId {
    /// The size of the encoded entry id, in bytes.
    pub const SIZE: usize = 70;
}

impl StoreObjectType {
    /// Whether the object is a folder.
    pub const fn is_folder(self) -> bool {
        matches!(self.0, 0x0001 | 0x0003 | 0x0005 | 0x000C)
    }

    /// Whether the object is a message.
    pub const fn is_message(self) -> bool {
        matches!(self.0, 0x0007 | 0x0009 | 0x000B)
    }
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
        w.require(self.folder_type.is_folder(), "FolderType", self.folder_type.0, "a folder's type")?;
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
        w.require(self.message_type.is_message(), "MessageType", self.message_type.0, "a message's type")?;
        w.u32(self.flags).bytes(&self.provider_uid.0).u16(self.message_type.0);
        self.folder.encode(w)?;
        w.u16(self.folder_pad);
        self.message.encode(w)?;
        w.u16(self.message_pad);
        Ok(())
    }
}

impl<'a> Decode<'a> for StoreEntryId {
    /// Reads the remaining bytes of `r`.
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
        w.require(self.flag == 0, "Flag", self.flag, "0")?;
        w.u32(self.flags).bytes(&Self::PROVIDER.0).u8(self.version).u8(self.flag);
        w.bytes(&self.dll_file_name).u32(self.wrapped_flags).bytes(&self.wrapped_provider_uid.0);
        w.u32(self.wrapped_type);
        write_string8(w, &self.server_shortname, "ServerShortname")?;
        let is_unambiguous = self.mailbox_dn.is_some() || Self::has_no_dn(&self.trailing);
        w.require(is_unambiguous, "MailboxDN", 0u8, "a name, since other bytes follow")?;
        self.mailbox_dn.iter().try_for_each(|dn| write_string8(w, dn, "MailboxDN"))?;
        w.bytes(&self.trailing);
        Ok(())
    }
}
