//! Entry ids of recipients that are not in an address book: one-off recipients, contacts, and members of personal
//! distribution lists ([MS-OXCDATA] 2.2.5).

use wire::{Decode, Encode, Reader, Result, Writer};

use super::provider::decode_provider;
use crate::data::address_book::FlatUid;
use crate::data::text::Text;

wire::wire_flags! {
    /// How messages to a one-off recipient are encoded ([MS-OXCDATA] 2.2.5.1).
    pub struct OneOffFlags(u16) {
        /// `M`: messages are sent as MIME.
        MIME = 0x0001,
        /// `L`: the server does not look up the recipient in the address book.
        NO_LOOKUP = 0x0010,
        /// `U`: the texts are UTF-16.
        UNICODE = 0x8000,
    }
}

/// The entry id of a recipient that is not in an address book ([MS-OXCDATA] 2.2.5.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OneOffEntryId {
    /// Zero for a permanent entry id.
    pub flags: u32,
    /// The version of the format, 0.
    pub version: u16,
    /// How messages to the recipient are encoded.
    pub one_off_flags: OneOffFlags,
    /// The display name of the recipient.
    pub display_name: Text,
    /// The type of the address, such as `SMTP`.
    pub address_type: Text,
    /// The address of the recipient.
    pub email_address: Text,
}

/// The entry id of a contact's address, or of a personal distribution list ([MS-OXCDATA] 2.2.5.3, 2.2.5.4).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContactEntryId {
    /// Zero for a permanent entry id.
    pub flags: u32,
    /// The version of the format, 3.
    pub version: u32,
    /// [`ContactEntryId::CONTACT`] or [`ContactEntryId::LIST`].
    pub contact_type: u32,
    /// The address of the contact: 0 to 2 for email, 3 to 5 for fax; 255 for a list.
    pub index: u32,
    /// The entry id of the contact or list.
    pub entry_id: Vec<u8>,
    /// The bytes after the entry id.
    pub trailing: Vec<u8>,
}

/// The entry id of a member of a personal distribution list ([MS-OXOCNTC] 2.2.2.2.4.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WrappedEntryId {
    /// Reserved; zero.
    pub flags: u32,
    /// The kind of the embedded entry id, and which of its addresses is used.
    pub wrapped_type: u8,
    /// The entry id of the member.
    pub embedded: Vec<u8>,
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
    /// The contact type of a contact.
    pub const CONTACT: u32 = 4;
    /// The contact type of a personal distribution list.
    pub const LIST: u32 = 5;
}

impl WrappedEntryId {
    /// The provider of the entry ids of members of personal distribution lists.
    pub const PROVIDER: FlatUid = FlatUid([
        0xC0, 0x91, 0xAD, 0xD3, 0x51, 0x9D, 0xCF, 0x11, 0xA4, 0xA9, 0x00, 0xAA, 0x00, 0x47, 0xFA, 0xA4,
    ]);
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
    /// Reads the remaining bytes of `r`.
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
    /// Reads the remaining bytes of `r`.
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
