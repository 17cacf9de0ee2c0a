//! `AUTHENTICATE_MESSAGE` ([MS-NLMP] 2.2.1.3).

use wire::{Decode, Encode, Error, ErrorKind, Reader, Result, Writer};

use super::field::{Field, Payload, SIGNATURE, header};
use crate::ntlm::flags::{NegotiateFlags, Version};

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
pub(crate) struct AuthenticateParts<'a> {
    pub(crate) lm_response: &'a [u8],
    pub(crate) nt_response: &'a [u8],
    pub(crate) domain: &'a [u8],
    pub(crate) user: &'a [u8],
    pub(crate) workstation: &'a [u8],
    pub(crate) session_key: &'a [u8],
}

impl Authenticate {
    /// The offset of the message integrity code, if the message has one.
    pub const MIC_OFFSET: usize = 72;

    pub(crate) fn new(flags: NegotiateFlags, version: Version, parts: AuthenticateParts<'_>) -> Result<Self> {
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
        header(r, 3, "an AUTHENTICATE_MESSAGE (0x3)")?;
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
