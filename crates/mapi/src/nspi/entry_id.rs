//! Ephemeral and permanent entry ids ([MS-OXNSPI] 2.2.9).

use wire::{Decode, Encode, Reader, Result, Writer};

use super::{DisplayType, FlatUid, MId};

/// What the first byte of an ephemeral entry id is.
const EPHEMERAL: u8 = 0x87;
/// What the first byte of a permanent entry id is.
const PERMANENT: u8 = 0x00;
/// The reserved number in both.
const R4: u32 = 1;

/// An object's name for as long as a session lasts ([MS-OXNSPI] 2.2.9.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EphemeralEntryId {
    /// The server that issued it.
    pub provider_uid: FlatUid,
    /// What the object looks like.
    pub display_type: DisplayType,
    /// The object's number.
    pub mid: MId,
}

/// An object's lasting name ([MS-OXNSPI] 2.2.9.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PermanentEntryId {
    /// What the object looks like.
    pub display_type: DisplayType,
    /// The object's distinguished name, without its terminator.
    pub distinguished_name: Vec<u8>,
}

/// An entry id of either kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EntryId {
    /// One that lasts as long as the session.
    Ephemeral(EphemeralEntryId),
    /// One that stays.
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
        if let Some(place) = self.distinguished_name.iter().position(|byte| *byte == 0) {
            let place = u64::try_from(place).unwrap_or(u64::MAX);
            return Err(w.invalid("Distinguished Name", place, "no zero byte within the name"));
        }
        w.bytes(&[PERMANENT, 0, 0, 0]).bytes(&FlatUid::GUID_NSPI.0);
        w.u32(R4).u32(self.display_type.0).bytes(&self.distinguished_name).u8(0);
        Ok(())
    }
}

impl<'a> Decode<'a> for EntryId {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        match r.peek().first() {
            Some(&EPHEMERAL) => EphemeralEntryId::decode(r).map(Self::Ephemeral),
            _ => PermanentEntryId::decode(r).map(Self::Permanent),
        }
    }
}

impl Encode for EntryId {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        match self {
            Self::Ephemeral(id) => id.encode(w),
            Self::Permanent(id) => id.encode(w),
        }
    }
}
