//! `NEGOTIATE_MESSAGE` ([MS-NLMP] 2.2.1.1).

use wire::{Decode, Encode, Reader, Result, Writer};

use super::field::{Field, SIGNATURE, header};
use crate::ntlm::flags::{NegotiateFlags, Version};

/// `NEGOTIATE_MESSAGE` ([MS-NLMP] 2.2.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiate {
    /// The flags that the client offers.
    pub flags: NegotiateFlags,
    /// `DomainNameFields` and `WorkstationFields`; the oldest clients omit both.
    pub names: Option<(Field, Field)>,
    /// The client's version.
    pub version: Option<Version>,
    /// The rest of the message.
    pub payload: Vec<u8>,
}

impl Negotiate {
    /// A message without names.
    pub const fn new(flags: NegotiateFlags, version: Version) -> Self {
        const EMPTY: Field = Field { length: 0, maximum: 0, offset: 40 };
        Self { flags, names: Some((EMPTY, EMPTY)), version: Some(version), payload: Vec::new() }
    }
}

impl Encode for Negotiate {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.bytes(SIGNATURE).u32(1).u32(self.flags.0);
        if let Some((domain, workstation)) = self.names {
            domain.encode(w);
            workstation.encode(w);
            if let Some(version) = self.version {
                w.bytes(&version.0);
            }
        }
        w.bytes(&self.payload);
        Ok(())
    }
}

impl<'a> Decode<'a> for Negotiate {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        header(r, 1, "a NEGOTIATE_MESSAGE (0x1)")?;
        let flags = NegotiateFlags(r.u32("NegotiateFlags")?);
        if r.is_empty() {
            return Ok(Self { flags, names: None, version: None, payload: Vec::new() });
        }
        let names = Some((Field::decode(r, "DomainNameFields")?, Field::decode(r, "WorkstationFields")?));
        let version = if flags.contains(NegotiateFlags::NTLMSSP_NEGOTIATE_VERSION) && r.remaining() >= 8 {
            Some(Version(r.array("Version")?))
        } else {
            None
        };
        Ok(Self { flags, names, version, payload: r.bytes(r.remaining(), "Payload")?.to_vec() })
    }
}
