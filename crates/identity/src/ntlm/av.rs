//! Attribute-value pairs and the client challenge ([MS-NLMP] 2.2.2.1, 2.2.2.7).

use wire::{Decode, Encode, FileTime, Reader, Result, Writer, wire_enum, wire_flags};

wire_enum! {
    /// `AvId` ([MS-NLMP] 2.2.2.1).
    pub struct AvId(u16) {
        /// The end of the list.
        MsvAvEOL = 0,
        /// The server's NetBIOS name.
        MsvAvNbComputerName = 1,
        /// The server's NetBIOS domain name.
        MsvAvNbDomainName = 2,
        /// The server's fully qualified name.
        MsvAvDnsComputerName = 3,
        /// The domain's fully qualified name.
        MsvAvDnsDomainName = 4,
        /// The forest's fully qualified name.
        MsvAvDnsTreeName = 5,
        /// An [`AvFlags`].
        MsvAvFlags = 6,
        /// The server's time, a `FILETIME`.
        MsvAvTimestamp = 7,
        /// A `Single_Host_Data`.
        MsvAvSingleHost = 8,
        /// The service principal name of the server to which the client authenticates.
        MsvAvTargetName = 9,
        /// The hash of the channel's bindings.
        MsvAvChannelBindings = 10,
    }
}

wire_flags! {
    /// The value of `MsvAvFlags` ([MS-NLMP] 2.2.2.1).
    pub struct AvFlags(u32) {
        /// The account's authentication is constrained.
        CONSTRAINED = 0x1,
        /// The client provides a MIC.
        MIC_PROVIDED = 0x2,
        /// The client's target name came from an untrusted source.
        UNTRUSTED_SPN = 0x4,
    }
}

/// One `AV_PAIR` ([MS-NLMP] 2.2.2.1), at most 65,535 bytes long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvPair {
    /// The kind of value.
    pub id: AvId,
    /// Its value.
    pub value: Vec<u8>,
}

/// A list of `AV_PAIR`s ([MS-NLMP] 2.2.2.1) with the final `MsvAvEOL` and any bytes after it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AvPairs {
    /// The pairs before the end.
    pub pairs: Vec<AvPair>,
    /// The value of the `MsvAvEOL`, which should be empty, and what follows the list.
    pub rest: (Vec<u8>, Vec<u8>),
}

/// The maximum size of a list.
const MAX_PAIRS: usize = 64;

impl AvPairs {
    /// The value of the first pair with this id.
    pub fn get(&self, id: AvId) -> Option<&[u8]> {
        self.pairs.iter().find(|pair| pair.id == id).map(|pair| pair.value.as_slice())
    }

    /// Appends a pair.
    pub fn push(&mut self, id: AvId, value: impl Into<Vec<u8>>) {
        self.pairs.push(AvPair { id, value: value.into() });
    }

    /// Replaces the pair with the same id, or appends the pair.
    pub fn set(&mut self, id: AvId, value: impl Into<Vec<u8>>) {
        match self.pairs.iter_mut().find(|pair| pair.id == id) {
            Some(pair) => pair.value = value.into(),
            None => self.push(id, value),
        }
    }

    /// `MsvAvFlags`; empty if absent.
    ///
    /// # Errors
    /// If it is not four bytes long.
    pub fn flags(&self) -> Result<AvFlags> {
        let Some(value) = self.get(AvId::MsvAvFlags) else { return Ok(AvFlags::NONE) };
        let mut r = Reader::new(value);
        let flags = AvFlags(r.u32("MsvAvFlags")?);
        r.finish()?;
        Ok(flags)
    }

    /// `MsvAvTimestamp`, if present.
    ///
    /// # Errors
    /// If it is not eight bytes long.
    pub fn timestamp(&self) -> Result<Option<FileTime>> {
        let Some(value) = self.get(AvId::MsvAvTimestamp) else { return Ok(None) };
        let mut r = Reader::new(value);
        let time = FileTime(r.u64("MsvAvTimestamp")?);
        r.finish()?;
        Ok(Some(time))
    }
}

impl Encode for AvPairs {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        for pair in &self.pairs {
            w.u16(pair.id.0).len16(pair.value.len(), "AvLen")?.bytes(&pair.value);
        }
        let (value, after) = &self.rest;
        w.u16(AvId::MsvAvEOL.0).len16(value.len(), "AvLen")?.bytes(value).bytes(after);
        Ok(())
    }
}

impl<'a> Decode<'a> for AvPairs {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let mut out = Self::default();
        loop {
            let id = AvId(r.u16("AvId")?);
            let length = r.u16("AvLen")?;
            let value = r.bytes(length.into(), "Value")?.to_vec();
            if id == AvId::MsvAvEOL {
                out.rest = (value, r.bytes(r.remaining(), "rest")?.to_vec());
                return Ok(out);
            }
            if out.pairs.len() >= MAX_PAIRS {
                return Err(r.invalid("AvId", id.0.into(), "MsvAvEOL after at most 64 pairs"));
            }
            out.pairs.push(AvPair { id, value });
        }
    }
}

/// `NTLMv2_CLIENT_CHALLENGE` ([MS-NLMP] 2.2.2.7): the values that an NTLMv2 response proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientChallenge {
    /// Should be zero.
    pub reserved1: u16,
    /// Should be zero.
    pub reserved2: u32,
    /// The client's time.
    pub timestamp: FileTime,
    /// The client's nonce.
    pub challenge_from_client: [u8; 8],
    /// Should be zero.
    pub reserved3: u32,
    /// The server's pairs, and those that the client added.
    pub av_pairs: AvPairs,
}

impl Encode for ClientChallenge {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u8(1).u8(1).u16(self.reserved1).u32(self.reserved2).u64(self.timestamp.0);
        w.bytes(&self.challenge_from_client).u32(self.reserved3);
        self.av_pairs.encode(w)
    }
}

impl<'a> Decode<'a> for ClientChallenge {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        for field in ["RespType", "HiRespType"] {
            let found = r.u8(field)?;
            if found != 1 {
                return Err(r.invalid(field, found.into(), "1"));
            }
        }
        Ok(Self {
            reserved1: r.u16("Reserved1")?,
            reserved2: r.u32("Reserved2")?,
            timestamp: FileTime(r.u64("TimeStamp")?),
            challenge_from_client: r.array("ChallengeFromClient")?,
            reserved3: r.u32("Reserved3")?,
            av_pairs: AvPairs::decode(r)?,
        })
    }
}
