//! NTLM's messages: NEGOTIATE, CHALLENGE and AUTHENTICATE ([MS-NLMP] 2.2.1).

use wire::{Decode, Encode, Error, ErrorKind, Reader, Result, Writer};

use super::flags::{NegotiateFlags, Version};

/// The largest accepted token, in bytes. Those of Windows are smaller than 3,000 bytes.
pub const MAX_TOKEN: usize = 16_384;

/// The position of a variable part in a message ([MS-NLMP] 2.2.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Field {
    /// The length of the part, in bytes.
    pub length: u16,
    /// Should be the length again; ignored.
    pub maximum: u16,
    /// The offset of the part from the start of the message.
    pub offset: u32,
}

impl Field {
    fn decode(r: &mut Reader<'_>, name: &'static str) -> Result<Self> {
        Ok(Self { length: r.u16(name)?, maximum: r.u16(name)?, offset: r.u32(name)? })
    }

    fn encode(self, w: &mut Writer) {
        w.u16(self.length).u16(self.maximum).u32(self.offset);
    }

    /// The part's bytes, in a payload that starts at `start`.
    fn slice<'a>(self, payload: &'a [u8], start: usize, name: &'static str) -> Result<&'a [u8]> {
        if self.length == 0 {
            return Ok(&[]);
        }
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let length = usize::from(self.length);
        let found = offset
            .checked_sub(start)
            .and_then(|from| payload.get(from..))
            .and_then(|tail| tail.get(..length));
        found.ok_or_else(|| {
            let available = payload.len().saturating_add(start).saturating_sub(offset);
            Error::new(ErrorKind::Truncated { needed: length, available }, name, offset)
        })
    }
}

/// Collects the variable parts of a message.
struct Payload {
    start: usize,
    bytes: Vec<u8>,
}

impl Payload {
    fn put(&mut self, part: &[u8], name: &'static str) -> Result<Field> {
        let too_long = |limit| {
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            Error::new(ErrorKind::TooLong { length, limit }, name, 0)
        };
        let length = u16::try_from(part.len()).map_err(|_| too_long(u16::MAX.into()))?;
        let offset = self.start.saturating_add(self.bytes.len());
        let offset = u32::try_from(offset).map_err(|_| too_long(u32::MAX.into()))?;
        self.bytes.extend_from_slice(part);
        Ok(Field { length, maximum: length, offset })
    }
}

pub(crate) const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

fn header(r: &mut Reader<'_>, message_type: u32) -> Result<()> {
    if r.array::<8>("Signature")? != *SIGNATURE {
        return Err(r.error(ErrorKind::Text { expected: "NTLMSSP and a zero" }, "Signature"));
    }
    let found = r.u32("MessageType")?;
    if found != message_type {
        return Err(r.invalid("MessageType", found.into(), "another message"));
    }
    Ok(())
}

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
        header(r, 1)?;
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
        header(r, 2)?;
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

/// `AUTHENTICATE_MESSAGE` ([MS-NLMP] 2.2.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticate {
    /// `LmChallengeResponseFields`.
    pub lm_response: Field,
    /// `NtChallengeResponseFields`.
    pub nt_response: Field,
    /// `DomainNameFields`.
    pub domain: Field,
    /// `UserNameFields`.
    pub user: Field,
    /// `WorkstationFields`.
    pub workstation: Field,
    /// `EncryptedRandomSessionKeyFields`.
    pub session_key: Field,
    /// The negotiated flags.
    pub flags: NegotiateFlags,
    /// The client's version; old clients omit it.
    pub version: Option<Version>,
    /// The field of the message integrity code; old clients omit the field. `MsvAvFlags` states whether it contains a
    /// code.
    pub mic: Option<[u8; 16]>,
    /// The rest of the message.
    pub payload: Vec<u8>,
}

/// The variable parts of an [`Authenticate`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct AuthenticateParts<'a> {
    pub(super) lm_response: &'a [u8],
    pub(super) nt_response: &'a [u8],
    pub(super) domain: &'a [u8],
    pub(super) user: &'a [u8],
    pub(super) workstation: &'a [u8],
    pub(super) session_key: &'a [u8],
}

impl Authenticate {
    /// The offset of the message integrity code, if the message has one.
    pub const MIC_OFFSET: usize = 72;

    pub(super) fn new(flags: NegotiateFlags, version: Version, parts: AuthenticateParts<'_>) -> Result<Self> {
        let mut payload = Payload { start: 88, bytes: Vec::new() };
        Ok(Self {
            domain: payload.put(parts.domain, "DomainName")?,
            user: payload.put(parts.user, "UserName")?,
            workstation: payload.put(parts.workstation, "Workstation")?,
            lm_response: payload.put(parts.lm_response, "LmChallengeResponse")?,
            nt_response: payload.put(parts.nt_response, "NtChallengeResponse")?,
            session_key: payload.put(parts.session_key, "EncryptedRandomSessionKey")?,
            flags,
            version: Some(version),
            mic: Some([0; 16]),
            payload: payload.bytes,
        })
    }

    /// `LmChallengeResponse`.
    ///
    /// # Errors
    /// If it is not inside the message.
    pub fn lm_response(&self) -> Result<&[u8]> {
        self.part(self.lm_response, "LmChallengeResponse")
    }

    /// `NtChallengeResponse`.
    ///
    /// # Errors
    /// If it is not inside the message.
    pub fn nt_response(&self) -> Result<&[u8]> {
        self.part(self.nt_response, "NtChallengeResponse")
    }

    /// `EncryptedRandomSessionKey`.
    ///
    /// # Errors
    /// If it is not inside the message.
    pub fn session_key(&self) -> Result<&[u8]> {
        self.part(self.session_key, "EncryptedRandomSessionKey")
    }

    /// `DomainName`.
    ///
    /// # Errors
    /// If it is not inside the message, or not text in the message's character set.
    pub fn domain(&self) -> Result<String> {
        self.text(self.domain, "DomainName")
    }

    /// `UserName`.
    ///
    /// # Errors
    /// If it is not inside the message, or not text in the message's character set.
    pub fn user(&self) -> Result<String> {
        self.text(self.user, "UserName")
    }

    /// `Workstation`.
    ///
    /// # Errors
    /// If it is not inside the message, or not text in the message's character set.
    pub fn workstation(&self) -> Result<String> {
        self.text(self.workstation, "Workstation")
    }

    /// A text in UTF-16 or in the OEM character set, depending on the flags. The message does not name the OEM
    /// character set, so that only ASCII is accepted, which all of them contain.
    fn text(&self, field: Field, name: &'static str) -> Result<String> {
        let part = self.part(field, name)?;
        if self.flags.contains(NegotiateFlags::NTLMSSP_NEGOTIATE_UNICODE) {
            return wire::utf16le_to_string(part, name);
        }
        let text = std::str::from_utf8(part).ok().filter(|text| text.is_ascii());
        let none =
            || Error::new(ErrorKind::Text { expected: "ASCII, where UNICODE is not negotiated" }, name, 0);
        text.map(str::to_owned).ok_or_else(none)
    }

    fn part(&self, field: Field, name: &'static str) -> Result<&[u8]> {
        let start = match (self.version.is_some(), self.mic.is_some()) {
            (false, _) => 64,
            (true, false) => 72,
            (true, true) => 88,
        };
        field.slice(&self.payload, start, name)
    }

    const fn fields(&self) -> [Field; 6] {
        [self.lm_response, self.nt_response, self.domain, self.user, self.workstation, self.session_key]
    }
}

impl Encode for Authenticate {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.bytes(SIGNATURE).u32(3);
        self.fields().into_iter().for_each(|field| field.encode(w));
        w.u32(self.flags.0);
        if let Some(version) = self.version {
            w.bytes(&version.0);
            if let Some(mic) = self.mic {
                w.bytes(&mic);
            }
        }
        w.bytes(&self.payload);
        Ok(())
    }
}

impl<'a> Decode<'a> for Authenticate {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        header(r, 3)?;
        let mut message = Self {
            lm_response: Field::decode(r, "LmChallengeResponseFields")?,
            nt_response: Field::decode(r, "NtChallengeResponseFields")?,
            domain: Field::decode(r, "DomainNameFields")?,
            user: Field::decode(r, "UserNameFields")?,
            workstation: Field::decode(r, "WorkstationFields")?,
            session_key: Field::decode(r, "EncryptedRandomSessionKeyFields")?,
            flags: NegotiateFlags(r.u32("NegotiateFlags")?),
            version: None,
            mic: None,
            payload: Vec::new(),
        };
        // Only the start of the payload shows whether Version and MIC are present.
        let end = r.remaining().saturating_add(64);
        let first = message
            .fields()
            .into_iter()
            .filter(|field| field.length != 0)
            .map(|field| usize::try_from(field.offset).unwrap_or(usize::MAX))
            .fold(end, usize::min);
        if first >= 72 {
            message.version = Some(Version(r.array("Version")?));
            if first >= 88 {
                message.mic = Some(r.array("MIC")?);
            }
        }
        message.payload = r.bytes(r.remaining(), "Payload")?.to_vec();
        Ok(message)
    }
}
