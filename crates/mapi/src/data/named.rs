//! Names of named properties ([MS-OXCDATA] 2.6.1).

use std::fmt;

use wire::{Bytes, Decode, Encode, Guid, Reader, Result, Utf16, Writer};

use crate::property::names::{NamedProperty, set};

/// The name of a named property ([MS-OXCDATA] 2.6.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PropertyName {
    /// A number in a property set (`Kind` 0x00).
    Lid {
        /// The GUID of the property set.
        guid: Guid,
        /// The number of the property in the set (`LID`).
        lid: u32,
    },
    /// A text in a property set (`Kind` 0x01).
    Name {
        /// The GUID of the property set.
        guid: Guid,
        /// The name of the property.
        name: Utf16,
    },
    /// A text without a terminator, or with a terminator within it, as bytes (`Kind` 0x01).
    RawName {
        /// The GUID of the property set.
        guid: Guid,
        /// The name, as opaque bytes.
        name: Vec<u8>,
    },
    /// No name (`Kind` 0xFF).
    None {
        /// The GUID of the property set.
        guid: Guid,
    },
}

impl PropertyName {
    /// The GUID of the property set.
    pub const fn guid(&self) -> Guid {
        match self {
            Self::Lid { guid, .. }
            | Self::Name { guid, .. }
            | Self::RawName { guid, .. }
            | Self::None { guid } => *guid,
        }
    }

    /// The name of the property in [MS-OXPROPS], or its property set with its number or name.
    pub fn known_name(&self) -> String {
        let known = match self {
            Self::Lid { guid, lid } => NamedProperty::by_lid(guid, *lid),
            Self::Name { guid, name } => NamedProperty::by_text(guid, &name.to_string_lossy()),
            Self::RawName { .. } | Self::None { .. } => None,
        };
        if let Some(known) = known {
            return known.name.to_owned();
        }
        let guid = self.guid();
        let whole = self.to_string();
        match set::name(&guid) {
            Some(set) => whole.replacen(&guid.to_string(), set, 1),
            None => whole,
        }
    }
}

impl fmt::Display for PropertyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lid { guid, lid } => write!(f, "{guid}:{lid:#06x}"),
            Self::Name { guid, name } => write!(f, "{guid}:{:?}", name.to_string_lossy()),
            Self::RawName { guid, name } => write!(f, "{guid}:({} bytes)", name.len()),
            Self::None { guid } => write!(f, "{guid}:(no name)"),
        }
    }
}

/// Decodes a UTF-16 text; returns `None` unless `bytes` end with its only terminator.
fn terminated(bytes: &[u8]) -> Option<Utf16> {
    // Names are kept until the end of a logon: they are copied, so that they do not keep the message's buffer alive.
    let text = Utf16::from_le(Bytes::copy_from_slice(bytes.strip_suffix(&[0, 0])?))?;
    text.zero().is_none().then_some(text)
}

impl<'a> Decode<'a> for PropertyName {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let mut read = || {
            let kind = r.u8("Kind")?;
            let guid = Guid::decode(r)?;
            Ok(match kind {
                0x00 => Self::Lid { guid, lid: r.u32("LID")? },
                0x01 => {
                    let size = r.u8("NameSize")?;
                    let bytes = r.bytes(usize::from(size), "Name")?;
                    match terminated(bytes) {
                        Some(name) => Self::Name { guid, name },
                        None => Self::RawName { guid, name: bytes.to_vec() },
                    }
                }
                0xFF => Self::None { guid },
                other => return Err(r.invalid("Kind", u64::from(other), "0x00, 0x01 or 0xff")),
            })
        };
        read().map_err(|error: wire::Error| error.within("PropertyName"))
    }
}

impl Encode for PropertyName {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        let size = |w: &Writer, length: usize| {
            let found = u64::try_from(length).unwrap_or(u64::MAX);
            u8::try_from(length)
                .map_err(|_| w.invalid("NameSize", found, "at most 255 bytes").within("PropertyName"))
        };
        match self {
            Self::Lid { guid, lid } => {
                guid.encode(w.u8(0x00))?;
                w.u32(*lid);
            }
            Self::Name { guid, name } => {
                guid.encode(w.u8(0x01))?;
                let size = size(w, name.len().saturating_mul(2).saturating_add(2))?;
                w.u8(size);
                crate::zero_terminated::write_unicode(w, name, "Name")?;
            }
            Self::RawName { guid, name } => {
                guid.encode(w.u8(0x01))?;
                let size = size(w, name.len())?;
                w.u8(size).bytes(name);
            }
            Self::None { guid } => guid.encode(w.u8(0xFF))?,
        }
        Ok(())
    }
}

/// The ids and names of the named properties in an extended rule ([MS-OXORULE] 2.2.4.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamedPropertyInformation(pub Vec<(u16, PropertyName)>);

impl<'a> Decode<'a> for NamedPropertyInformation {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let mut read = || {
            let count = r.u16("NoOfNamedProps")?;
            if count == 0 {
                return Ok(Self::default());
            }
            // Each has an id of 2 bytes and a name of at least 17.
            let count = r.elements(u32::from(count), 19, u32::from(u16::MAX), "NoOfNamedProps")?;
            let mut ids = Vec::with_capacity(count);
            for _ in 0..count {
                ids.push(r.u16("PropId")?);
            }
            let size = r.u32("NamedPropertiesSize")?;
            let mut names = r.sub(usize::try_from(size).unwrap_or(usize::MAX), "NamedProperties")?;
            let mut list = Vec::with_capacity(count);
            for id in ids {
                list.push((id, PropertyName::decode(&mut names)?));
            }
            names.finish()?;
            Ok(Self(list))
        };
        read().map_err(|error: wire::Error| error.within("NamedPropertyInformation"))
    }
}

impl Encode for NamedPropertyInformation {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.len16(self.0.len(), "NoOfNamedProps").map_err(|error| error.within("NamedPropertyInformation"))?;
        if self.0.is_empty() {
            return Ok(());
        }
        for (id, _) in &self.0 {
            w.u16(*id);
        }
        let mark = w.mark32();
        self.0.iter().try_for_each(|(_, name)| name.encode(w))?;
        let size = w.since(mark, 4);
        w.fill32(mark, size, "NamedPropertiesSize")
    }
}
