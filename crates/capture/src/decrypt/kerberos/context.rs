//! A recorded security context of Kerberos.

use std::sync::Arc;

use identity::spnego::{NegTokenInit, NegTokenResp};
use wire::Decode as _;

use super::crypto::{EncryptionType, Key};
use super::keytab::Keytab;
use super::messages::{self, ApReq};
use super::token::Message;
use super::usage::Usage;
use crate::stream::Side;

/// The maximum size of a token that is read, in bytes.
const MAX_TOKEN: usize = 1 << 17;

/// A security context.
#[derive(Debug, Default)]
pub struct Context {
    /// The client's request, until it is decrypted.
    request: Option<Box<ApReq>>,
    /// The encrypted part of the server's response, until it is decrypted.
    answer: Option<messages::EncryptedData>,
    opened: Option<Opened>,
}

/// The contents of the decrypted ticket.
#[derive(Debug)]
struct Opened {
    user: Arc<str>,
    session: Key,
    /// The keys that may protect messages, the most likely first.
    keys: Vec<Key>,
    /// Whether headers are signed; `None` before the first message.
    signs_headers: Option<bool>,
}

/// Why messages cannot be decrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// There is no keytab.
    #[error("messages are encrypted by Kerberos, and no keytab is given")]
    NoKeytab,
    /// The keytab lacks the key.
    #[error("keytab has no key of {service} ({encryption}, {kvno}){versions}")]
    NoKey {
        /// The service with its realm.
        service: String,
        /// The name of the encryption type.
        encryption: String,
        /// The version of the key.
        kvno: String,
        /// The versions of the keys of this service in the keytab, as text for the message.
        versions: String,
    },
    /// The ticket is encrypted with the key of another ticket.
    #[error(
        "Kerberos ticket for {0} is encrypted with the key of another ticket (user-to-user), which is not supported"
    )]
    UserToUser(String),
    /// A token is malformed.
    #[error("malformed Kerberos token: {0}")]
    Message(#[from] wire::Error),
    /// The encryption type of the ticket's session key is not supported.
    #[error("unsupported encryption type of the session key in the Kerberos ticket")]
    SessionKey,
    /// A message was protected with another key.
    #[error("wrong signature of a message for the Kerberos keys")]
    Signature,
}

/// A message with its token.
#[derive(Debug)]
pub struct Part<'a> {
    /// The bytes before the body.
    pub before: &'a [u8],
    /// The encrypted bytes, which are decrypted in place.
    pub body: &'a mut [u8],
    /// The bytes between the body and the token.
    pub after: &'a [u8],
    /// The token.
    pub token: &'a [u8],
}

impl Context {
    /// Reads a token of the handshake, which may be within SPNEGO. Tokens of other mechanisms are ignored.
    pub fn token(&mut self, side: Side, token: &[u8]) {
        if token.len() > MAX_TOKEN {
            return;
        }
        let inner = if let Ok(init) = NegTokenInit::from_bytes(token) {
            init.mech_token
        } else if let Ok(resp) = NegTokenResp::from_bytes(token) {
            resp.response_token
        } else {
            Some(token.to_vec())
        };
        let Some(message) = inner.as_deref().and_then(messages::in_token) else { return };
        match (side, message.first()) {
            (Side::Client, Some(&messages::AP_REQ)) => {
                if let Ok(request) = ApReq::read(message) {
                    *self = Self { request: Some(Box::new(request)), ..Self::default() };
                }
            }
            (Side::Server, Some(&messages::AP_REP)) => self.answer = messages::ap_rep(message).ok(),
            // The client's third message in DCE style contains no key.
            _ => {}
        }
    }

    /// Whether the context uses Kerberos.
    pub const fn is_begun(&self) -> bool {
        self.request.is_some() || self.opened.is_some()
    }

    /// The authenticated user, such as `alice@LAB.TEST`, if `keytab` can decrypt the ticket.
    pub fn user(&mut self, keytab: &Keytab) -> Option<Arc<str>> {
        self.open(keytab).ok().map(|opened| Arc::clone(&opened.user))
    }

    /// Verifies the signature of a message, and decrypts its body if it `seals`.
    ///
    /// # Errors
    /// If no key is correct, or the ticket cannot be decrypted.
    pub fn check(&mut self, part: &mut Part<'_>, seals: bool, keytab: &Keytab) -> Result<(), ContextError> {
        let opened = self.open(keytab)?;
        let ways: &[bool] = match opened.signs_headers {
            Some(true) => &[true],
            Some(false) => &[false],
            None => &[true, false],
        };
        for (index, key) in opened.keys.iter().enumerate() {
            for &signs in ways {
                let (before, after) = if signs { (part.before, part.after) } else { (&[][..], &[][..]) };
                let message = Message { before, body: part.body, after, token: part.token };
                let found =
                    if seals { message.unseal(key) } else { message.verify(key).then(|| part.body.to_vec()) };
                if let Some(body) = found {
                    part.body.copy_from_slice(&body);
                    opened.signs_headers = Some(signs);
                    opened.keys.swap(0, index);
                    return Ok(());
                }
            }
        }
        Err(ContextError::Signature)
    }

    /// Decrypts the ticket and the tokens after it.
    fn open(&mut self, keytab: &Keytab) -> Result<&mut Opened, ContextError> {
        if let Some(request) = self.request.take_if(|_| self.opened.is_none()) {
            match open_request(&request, keytab) {
                Ok(opened) => self.opened = Some(opened),
                Err(error) => {
                    self.request = Some(request);
                    return Err(error);
                }
            }
        }
        let opened = self.opened.as_mut().ok_or(ContextError::NoKeytab)?;
        if let Some(answer) = self.answer.take()
            && let Some(plain) = opened.session.decrypt(Usage::AP_REP, &answer.cipher)
            && let Some(key) = messages::ap_rep_part(&plain)?
        {
            opened.keys.insert(0, key);
        }
        Ok(opened)
    }
}

fn open_request(request: &ApReq, keytab: &Keytab) -> Result<Opened, ContextError> {
    let service = format!("{}@{}", request.service, request.realm);
    if keytab.is_empty() {
        return Err(ContextError::NoKeytab);
    }
    if request.use_session_key {
        return Err(ContextError::UserToUser(service));
    }
    let encryption = EncryptionType::from_number(request.ticket.encryption);
    let keys = encryption.map(|encryption| keytab.keys(encryption, &service, request.ticket.kvno));
    let plain = keys.into_iter().flatten().find_map(|key| key.decrypt(Usage::TICKET, &request.ticket.cipher));
    let Some(plain) = plain else { return Err(no_key(request, service, encryption, keytab)) };
    let ticket = messages::ticket_part(&plain)?;
    let session = ticket.key.ok_or(ContextError::SessionKey)?;
    let mut keys = vec![session.clone()];
    if let Some(plain) = session.decrypt(Usage::AUTHENTICATOR, &request.authenticator.cipher)
        && let Some(key) = messages::authenticator(&plain)?
    {
        keys.insert(0, key);
    }
    Ok(Opened { user: ticket.client.into(), session, keys, signs_headers: None })
}

fn no_key(
    request: &ApReq,
    service: String,
    encryption: Option<EncryptionType>,
    keytab: &Keytab,
) -> ContextError {
    let encryption = match encryption {
        Some(encryption) => encryption.name().to_owned(),
        None => format!("encryption type {}, which is not supported", request.ticket.encryption),
    };
    let kvno = request.ticket.kvno.map_or_else(|| "no kvno".to_owned(), |kvno| format!("kvno {kvno}"));
    let versions: Vec<String> = keytab.versions(&service).iter().take(8).map(ToString::to_string).collect();
    let versions = if versions.is_empty() {
        String::new()
    } else {
        format!("; of that principal it has kvno {}", versions.join(", "))
    };
    ContextError::NoKey { service, encryption, kvno, versions }
}
