//! Entry ids of recipients that no address book has: one-off recipients, contacts, members of personal distribution
//! lists ([MS-OXCDATA] 2.2.5).

use wire::{Decode, Encode, Reader, Result, Writer};

use super::provider::decode_provider;
use crate::data::address_book::FlatUid;
use crate::data::text::Text;

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
