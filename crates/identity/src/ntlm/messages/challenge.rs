//! `CHALLENGE_MESSAGE` ([MS-NLMP] 2.2.1.2).

use wire::{Decode, Encode, Reader, Result, Writer};

use super::field::{Field, Payload, SIGNATURE, header};
use crate::ntlm::flags::{NegotiateFlags, Version};

/// `CHALLENGE_MESSAGE` ([MS-NLMP] 2.2.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// `TargetNameFields`.
    pub target_name: Field,
    /// The flags that the server chose.
    pub flags: NegotiateFlags,
    /// The server's nonce.
    pub server_challenge: [u8; 8],
    /// `Reserved`, and `TargetInfoFields`; the oldest servers omit both.
    pub target_info: Option<([u8; 8], Field)>,
    /// The server's version.
    pub version: Option<Version>,
    /// The rest of the message.
    pub payload: Vec<u8>,
}

impl Challenge {
    /// A message with a target's name and the encoded pairs that describe it.
    ///
    /// # Errors
    /// If one of them is longer than 65,535 bytes.
    pub fn new(
        flags: NegotiateFlags,
        server_challenge: [u8; 8],
        version: Version,
        target_name: &[u8],
        target_info: &[u8],
    ) -> Result<Self> {
        let mut payload = Payload { start: 56, bytes: Vec::new() };
        let target_name = payload.put(target_name, "TargetName")?;
        let target_info = payload.put(target_info, "TargetInfo")?;
        Ok(Self {
            target_name,
            flags,
            server_challenge,
            target_info: Some(([0; 8], target_info)),
            version: Some(version),
            payload: payload.bytes,
        })
    }

    /// `TargetName`, in the character set of the flags.
    ///
    /// # Errors
    /// If it is not inside the message.
    pub fn target_name(&self) -> Result<&[u8]> {
        self.target_name.slice(&self.payload, self.payload_start(), "TargetName")
    }

    /// `TargetInfo`, encoded `AV_PAIR`s; may be empty.
    ///
    /// # Errors
    /// If it is not inside the message.
    pub fn target_info(&self) -> Result<&[u8]> {
        let Some((_, field)) = self.target_info else { return Ok(&[]) };
        field.slice(&self.payload, self.payload_start(), "TargetInfo")
    }

    const fn payload_start(&self) -> usize {
        match (self.target_info.is_some(), self.version.is_some()) {
            (false, _) => 32,
            (true, false) => 48,
            (true, true) => 56,
        }
    }
}

impl Encode for Challenge {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.bytes(SIGNATURE).u32(2);
        self.target_name.encode(w);
        w.u32(self.flags.0).bytes(&self.server_challenge);
        if let Some((reserved, field)) = self.target_info {
            w.bytes(&reserved);
            field.encode(w);
            if let Some(version) = self.version {
                w.bytes(&version.0);
            }
        }
        w.bytes(&self.payload);
        Ok(())
    }
}

impl<'a> Decode<'a> for Challenge {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        header(r, 2, "a CHALLENGE_MESSAGE (0x2)")?;
        let target_name = Field::decode(r, "TargetNameFields")?;
        let flags = NegotiateFlags(r.u32("NegotiateFlags")?);
        let server_challenge = r.array("ServerChallenge")?;
        let lowest = |field: Field, other: usize| match usize::try_from(field.offset) {
            Ok(offset) if field.length != 0 => other.min(offset),
            _ => other,
        };
        let end = r.remaining().saturating_add(32);
        let first = lowest(target_name, end);
        let mut target_info = None;
        let mut version = None;
        if first >= 48 {
            let reserved = r.array("Reserved")?;
            let field = Field::decode(r, "TargetInfoFields")?;
            target_info = Some((reserved, field));
            if lowest(field, first) >= 56 {
                version = Some(Version(r.array("Version")?));
            }
        }
        let payload = r.bytes(r.remaining(), "Payload")?.to_vec();
        Ok(Self { target_name, flags, server_challenge, target_info, version, payload })
    }
}
