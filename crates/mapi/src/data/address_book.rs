//! Identifiers of address book objects: entry ids and Minimal Entry IDs ([MS-OXNSPI] 2.2.9).

use std::fmt;

use wire::{Decode, Encode, Guid, Reader, Result, Writer};

/// The first byte of an ephemeral entry id.
const EPHEMERAL: u8 = 0x87;
/// The first byte of a permanent entry id.
const PERMANENT: u8 = 0x00;
/// The value of the reserved field `R4` in both kinds of entry ids.
const R4: u32 = 1;

/// `FlatUID_r`: a UID whose byte order is that of the wire, on all platforms ([MS-OXNSPI] 2.2.2.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FlatUid(pub [u8; 16]);

impl FlatUid {
    /// The provider of permanent entry ids ([MS-OXNSPI] 2.2.1.7).
    pub const GUID_NSPI: Self = Self([
        0xDC, 0xA7, 0x40, 0xC8, 0xC0, 0x42, 0x10, 0x1A, 0xB4, 0xB9, 0x08, 0x00, 0x2B, 0x2F, 0xE1, 0x82,
    ]);

    /// The UID as a GUID, whose first three fields are little-endian.
    pub const fn guid(self) -> Guid {
        Guid::from_le(self.0)
    }
}

impl From<Guid> for FlatUid {
    fn from(guid: Guid) -> Self {
        Self(guid.to_le())
    }
}

impl fmt::Debug for FlatUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FlatUid({})", self.guid())
    }
}

wire::wire_enum! {
    /// A Minimal Entry ID: the number of an object in a session, or a reserved value whose meaning depends on the field
    /// ([MS-OXNSPI] 2.2.1.8, 2.2.1.9, 2.2.9.1).
    pub struct MId(u32) {
        /// The position before the first row. As the result of name resolution: no object was found (`MID_UNRESOLVED`).
        MID_BEGINNING_OF_TABLE = 0x0000_0000,
        /// The current row. As the result of name resolution: several objects were found (`MID_AMBIGUOUS`).
        MID_CURRENT = 0x0000_0001,
        /// The position after the last row. As the result of name resolution: one object was found (`MID_RESOLVED`).
        MID_END_OF_TABLE = 0x0000_0002,
    }
}

impl MId {
    /// The result of name resolution if no object has the name.
    pub const MID_UNRESOLVED: Self = Self(0);
    /// The result of name resolution if several objects have the name.
    pub const MID_AMBIGUOUS: Self = Self(1);
    /// The result of name resolution if exactly one object has the name.
    pub const MID_RESOLVED: Self = Self(2);
}

wire::wire_enum! {
    /// The kind of an address book object, which selects its icon and display template ([MS-OXNSPI] 2.2.1.3).
    pub struct DisplayType(u32) {
        /// A mail user.
        DT_MAILUSER = 0x0000_0000,
        /// A distribution list.
        DT_DISTLIST = 0x0000_0001,
        /// A public folder.
        DT_FORUM = 0x0000_0002,
        /// An automated agent.
        DT_AGENT = 0x0000_0003,
        /// A large group, such as a company.
        DT_ORGANIZATION = 0x0000_0004,
        /// A private distribution list.
        DT_PRIVATE_DISTLIST = 0x0000_0005,
        /// A mail user of another organization.
        DT_REMOTE_MAILUSER = 0x0000_0006,
        /// A container of the address book hierarchy.
        DT_CONTAINER = 0x0000_0100,
        /// A display template.
        DT_TEMPLATE = 0x0000_0101,
        /// An address creation template.
        DT_ADDRESS_TEMPLATE = 0x0000_0102,
        /// A search template.
        DT_SEARCH = 0x0000_0200,
    }
}

/// `EphemeralEntryID`: identifies an object during a session ([MS-OXNSPI] 2.2.9.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EphemeralEntryId {
    /// The GUID of the server that issued the identifier.
    pub provider_uid: FlatUid,
    /// The kind of the object.
    pub display_type: DisplayType,
    /// The Minimal Entry ID of the object.
    pub mid: MId,
}

/// `PermanentEntryID`: identifies an object across sessions ([MS-OXNSPI] 2.2.9.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PermanentEntryId {
    /// The kind of the object.
    pub display_type: DisplayType,
    /// The object's distinguished name, without its terminator.
    pub distinguished_name: Vec<u8>,
}

/// The entry id of an address book object ([MS-OXNSPI] 2.2.9).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AddressBookEntryId {
    /// An identifier that is valid during a session.
    Ephemeral(EphemeralEntryId),
    /// An identifier that is valid across sessions.
    Permanent(PermanentEntryId),
}

fn decode_reserved(r: &mut Reader<'_>, id_type: u8, expected: &'static str) -> Result<()> {
    let found = r.array::<4>("ID Type")?;
    if found != [id_type, 0, 0, 0] {
        return Err(r.invalid("ID Type", u64::from(u32::from_le_bytes(found)), expected));
    }
    Ok(())
}

fn decode_r4(r: &mut Reader<'_>) -> Result<()> {
    match r.u32("R4")? {
        R4 => Ok(()),
        found => Err(r.invalid("R4", u64::from(found), "1")),
    }
}

impl<'a> Decode<'a> for EphemeralEntryId {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let mut read = || {
            decode_reserved(r, EPHEMERAL, "0x87, then zeros")?;
            let provider_uid = FlatUid(r.array("ProviderUID")?);
            decode_r4(r)?;
            let display_type = DisplayType(r.u32("Display Type")?);
            Ok(Self { provider_uid, display_type, mid: MId(r.u32("MId")?) })
        };
        read().map_err(|error: wire::Error| error.within("EphemeralEntryID"))
    }
}

impl Encode for EphemeralEntryId {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.bytes(&[EPHEMERAL, 0, 0, 0]).bytes(&self.provider_uid.0);
        w.u32(R4).u32(self.display_type.0).u32(self.mid.0);
        Ok(())
    }
}

impl<'a> Decode<'a> for PermanentEntryId {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let mut read = || {
            decode_reserved(r, PERMANENT, "zeros")?;
            let provider = r.array::<16>("ProviderUID")?;
            if provider != FlatUid::GUID_NSPI.0 {
                return Err(r.invalid("ProviderUID", u64::from(provider[0]), "GUID_NSPI"));
            }
            decode_r4(r)?;
            let display_type = DisplayType(r.u32("Display Type String")?);
            let length = r.peek().iter().position(|byte| *byte == 0).unwrap_or(r.remaining());
            let distinguished_name = r.bytes(length, "Distinguished Name")?.to_vec();
            r.u8("Distinguished Name")?;
            Ok(Self { display_type, distinguished_name })
        };
        read().map_err(|error: wire::Error| error.within("PermanentEntryID"))
    }
}

impl Encode for PermanentEntryId {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        if let Some(zero) = self.distinguished_name.iter().position(|byte| *byte == 0) {
            let zero = u64::try_from(zero).unwrap_or(u64::MAX);
            return Err(w.invalid("Distinguished Name", zero, "no zero byte within the name"));
        }
        w.bytes(&[PERMANENT, 0, 0, 0]).bytes(&FlatUid::GUID_NSPI.0);
        w.u32(R4).u32(self.display_type.0).bytes(&self.distinguished_name).u8(0);
        Ok(())
    }
}

impl<'a> Decode<'a> for AddressBookEntryId {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        match r.peek().first() {
            Some(&EPHEMERAL) => EphemeralEntryId::decode(r).map(Self::Ephemeral),
            _ => PermanentEntryId::decode(r).map(Self::Permanent),
        }
    }
}

impl Encode for AddressBookEntryId {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        match self {
            Self::Ephemeral(id) => id.encode(w),
            Self::Permanent(id) => id.encode(w),
        }
    }
}
