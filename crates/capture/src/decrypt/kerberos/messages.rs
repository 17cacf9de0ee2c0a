//! Decodes Kerberos messages that contain keys (RFC 4120 5).

use identity::der::{BIT_STRING, GENERAL_STRING, OCTET_STRING, SEQUENCE, any_element, element};
use wire::{Endian, Reader, Result};
use zeroize::Zeroizing;

use super::crypto::Key;
use super::der::{integer, sequence};

/// The maximum number of parts of a name, more than any name has.
const MAX_COMPONENTS: usize = 64;

/// Tags of the messages, which are of the class APPLICATION.
pub(super) const AP_REQ: u8 = 0x6e;
pub(super) const AP_REP: u8 = 0x6f;
const TICKET: u8 = 0x61;
const AUTHENTICATOR: u8 = 0x62;
const ENC_TICKET_PART: u8 = 0x63;
const ENC_AP_REP_PART: u8 = 0x7b;

/// `EncryptedData` (RFC 4120 5.2.9).
#[derive(Debug, Clone, Default)]
pub(super) struct EncryptedData {
    pub(super) encryption: i64,
    pub(super) kvno: Option<u32>,
    pub(super) cipher: Vec<u8>,
}

/// `AP-REQ`, the client's first message (RFC 4120 5.5.1).
#[derive(Debug, Clone, Default)]
pub(super) struct ApReq {
    /// The ticket is encrypted with the key of another ticket.
    pub(super) use_session_key: bool,
    pub(super) realm: String,
    /// The service's name, without its realm.
    pub(super) service: String,
    pub(super) ticket: EncryptedData,
    pub(super) authenticator: EncryptedData,
}

/// The decrypted part of a ticket (RFC 4120 5.3).
pub(super) struct TicketPart {
    pub(super) key: Option<Key>,
    /// The client principal of the ticket, such as `alice@LAB.TEST`.
    pub(super) client: String,
}

fn reader(bytes: &[u8]) -> Reader<'_> {
    Reader::with_endian(bytes, Endian::Big)
}

impl ApReq {
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let mut out = Self::default();
        sequence(&mut element(&mut reader(bytes), AP_REQ, "AP-REQ")?, |field, mut value| {
            match field {
                2 => {
                    let options = element(&mut value, BIT_STRING, "ap-options")?.rest();
                    // The first byte is the count of unused bits.
                    out.use_session_key = options.get(1).is_some_and(|first| first & 0x40 != 0);
                }
                3 => out.ticket(value)?,
                4 => out.authenticator = encrypted(&mut value)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(out)
    }

    fn ticket(&mut self, mut value: Reader<'_>) -> Result<()> {
        sequence(&mut element(&mut value, TICKET, "Ticket")?, |field, mut value| {
            match field {
                1 => self.realm = string(&mut value, "realm")?,
                2 => self.service = name(&mut value)?,
                3 => self.ticket = encrypted(&mut value)?,
                _ => {}
            }
            Ok(())
        })
    }
}

/// The encrypted part of an AP-REP (RFC 4120 5.5.2).
pub(super) fn ap_rep(bytes: &[u8]) -> Result<EncryptedData> {
    let mut out = EncryptedData::default();
    sequence(&mut element(&mut reader(bytes), AP_REP, "AP-REP")?, |field, mut value| {
        if field == 2 {
            out = encrypted(&mut value)?;
        }
        Ok(())
    })?;
    Ok(out)
}

/// `EncTicketPart` (RFC 4120 5.3).
pub(super) fn ticket_part(plain: &[u8]) -> Result<TicketPart> {
    let (mut key, mut realm, mut client) = (None, String::new(), String::new());
    sequence(&mut element(&mut reader(plain), ENC_TICKET_PART, "EncTicketPart")?, |field, mut value| {
        match field {
            1 => key = encryption_key(&mut value)?,
            2 => realm = string(&mut value, "crealm")?,
            3 => client = name(&mut value)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(TicketPart { key, client: format!("{client}@{realm}") })
}

/// The subkey of an `Authenticator` (RFC 4120 5.5.1).
pub(super) fn authenticator(plain: &[u8]) -> Result<Option<Key>> {
    subkey(plain, AUTHENTICATOR, 6)
}

/// The subkey of an `EncAPRepPart` (RFC 4120 5.5.2).
pub(super) fn ap_rep_part(plain: &[u8]) -> Result<Option<Key>> {
    subkey(plain, ENC_AP_REP_PART, 2)
}

fn subkey(plain: &[u8], tag: u8, number: u8) -> Result<Option<Key>> {
    let mut key = None;
    sequence(&mut element(&mut reader(plain), tag, "subkey")?, |field, mut value| {
        if field == number {
            key = encryption_key(&mut value)?;
        }
        Ok(())
    })?;
    Ok(key)
}

fn encrypted(r: &mut Reader<'_>) -> Result<EncryptedData> {
    let mut out = EncryptedData::default();
    sequence(r, |field, mut value| {
        match field {
            0 => out.encryption = integer(&mut value, "etype")?,
            1 => out.kvno = u32::try_from(integer(&mut value, "kvno")? & i64::from(u32::MAX)).ok(),
            2 => out.cipher = element(&mut value, OCTET_STRING, "cipher")?.rest().to_vec(),
            _ => {}
        }
        Ok(())
    })?;
    Ok(out)
}

/// `EncryptionKey` (RFC 4120 5.2.9); `None` if its type is not supported.
fn encryption_key(r: &mut Reader<'_>) -> Result<Option<Key>> {
    let (mut encryption, mut bytes) = (0, Zeroizing::new(Vec::new()));
    sequence(r, |field, mut value| {
        match field {
            0 => encryption = integer(&mut value, "keytype")?,
            1 => bytes = Zeroizing::new(element(&mut value, OCTET_STRING, "keyvalue")?.rest().to_vec()),
            _ => {}
        }
        Ok(())
    })?;
    Ok(Key::new(encryption, &bytes))
}

/// `PrincipalName` (RFC 4120 5.2.2), its parts separated by slashes.
fn name(r: &mut Reader<'_>) -> Result<String> {
    let mut parts = Vec::new();
    sequence(r, |field, mut value| {
        if field == 1 {
            let mut list = element(&mut value, SEQUENCE, "name-string")?;
            while !list.is_empty() {
                if parts.len() >= MAX_COMPONENTS {
                    return Err(list.invalid("name-string", 0, "a name of a few parts"));
                }
                parts.push(string(&mut list, "name-string")?);
            }
        }
        Ok(())
    })?;
    Ok(parts.join("/"))
}

fn string(r: &mut Reader<'_>, field: &'static str) -> Result<String> {
    let mut text = element(r, GENERAL_STRING, field)?;
    Ok(String::from_utf8_lossy(text.rest()).into_owned())
}

/// The Kerberos message in a token of GSS-API: within the framing of RFC 2743 3.1, after the two bytes of RFC 4121
/// 4.1, or without framing, as with `GSS_C_DCE_STYLE` ([MS-KILE] 3.4.5).
pub(super) fn in_token(token: &[u8]) -> Option<&[u8]> {
    match token.first()? {
        &AP_REQ | &AP_REP => Some(token),
        0x60 => {
            let (_, mut body) = any_element(&mut reader(token), "token").ok()?;
            any_element(&mut body, "thisMech").ok()?;
            body.bytes(2, "TOK_ID").ok()?;
            Some(body.rest()).filter(|message| matches!(message.first(), Some(&AP_REQ | &AP_REP)))
        }
        _ => None,
    }
}
