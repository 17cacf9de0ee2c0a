//! Decryption of recorded NTLM messages, with a secret of the client.
//!
//! No security context is created here: being able to read a recording does not authenticate a user.

use std::fmt;

use wire::Decode as _;
use zeroize::Zeroizing;

use super::av::{AvFlags, ClientChallenge};
use super::crypto;
use super::flags::NegotiateFlags as F;
use super::messages::{Authenticate, Challenge, MAX_TOKEN, Negotiate, SIGNATURE};
use super::response::{exported_key, is_anonymous, split_v2};
use super::security::resume::EFFORT;
use super::security::{NtlmSecurity, SIGNATURE_SIZE};
use crate::accounts::{NtHash, fold_case};
use crate::error::{AuthError, MessageError};
use crate::handshake::check_size;
use crate::spnego::tokens::{NegTokenInit, NegTokenResp, Oid, mech_type_list};

/// A secret with which recorded messages can be decrypted.
#[derive(Clone)]
pub struct DecryptionSecret(Kind);

#[derive(Clone)]
enum Kind {
    Account { user: String, hash: NtHash },
    Hash(NtHash),
    SessionKey(Zeroizing<[u8; 16]>),
}

impl DecryptionSecret {
    /// The NT hash of `user`'s password; the domain does not matter.
    pub fn account(user: &str, hash: NtHash) -> Self {
        Self(Kind::Account { user: fold_case(user), hash })
    }

    /// An NT hash, of any account.
    pub const fn hash(hash: NtHash) -> Self {
        Self(Kind::Hash(hash))
    }

    /// The `ExportedSessionKey` of one handshake.
    pub fn session_key(key: [u8; 16]) -> Self {
        Self(Kind::SessionKey(Zeroizing::new(key)))
    }
}

impl fmt::Debug for DecryptionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The sender of a token or a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// The user that a client names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claim {
    /// The user's name; empty for an anonymous client.
    pub user: String,
    /// The domain; may be empty.
    pub domain: String,
}

/// The tokens of one recorded handshake, by NTLM or by NTLM within SPNEGO.
#[derive(Debug, Default)]
pub struct RecordedHandshake {
    /// SPNEGO's list of mechanisms, which the integrity codes are over.
    mech_list: Option<Vec<u8>>,
    /// SPNEGO's integrity codes: the client's and the server's.
    codes: [Option<[u8; SIGNATURE_SIZE]>; 2],
    negotiate: Vec<u8>,
    challenge: Vec<u8>,
    authenticate: Vec<u8>,
}

impl RecordedHandshake {
    /// Reads a token of the handshake. Tokens of other mechanisms and malformed ones are skipped.
    pub fn token(&mut self, sender: Sender, token: &[u8]) {
        if check_size(token, MAX_TOKEN).is_err() {
            return;
        }
        if token.starts_with(SIGNATURE) {
            return self.message(token);
        }
        if let Ok(init) = NegTokenInit::from_bytes(token) {
            if sender == Sender::Client {
                self.mech_list = mech_type_list(&init.mech_types).ok();
                if init.mech_types.first() == Some(&Oid::NTLM) {
                    self.message(&init.mech_token.unwrap_or_default());
                }
            }
        } else if let Ok(resp) = NegTokenResp::from_bytes(token) {
            self.message(&resp.response_token.unwrap_or_default());
            let code = resp.mech_list_mic.and_then(|code| <[u8; SIGNATURE_SIZE]>::try_from(code).ok());
            let [client, server] = &mut self.codes;
            let place = if sender == Sender::Client { client } else { server };
            *place = code.or(*place);
        }
    }

    fn message(&mut self, message: &[u8]) {
        if Negotiate::from_bytes(message).is_ok() {
            self.negotiate = message.to_vec();
        } else if Challenge::from_bytes(message).is_ok() {
            self.challenge = message.to_vec();
        } else if Authenticate::from_bytes(message).is_ok() {
            self.authenticate = message.to_vec();
        }
    }

    /// Whether the tokens of a complete NTLM handshake were read.
    pub fn is_complete(&self) -> bool {
        !self.challenge.is_empty() && !self.authenticate.is_empty()
    }

    /// The user that the client named; `None` before its last token.
    pub fn claim(&self) -> Option<Claim> {
        let message = Authenticate::from_bytes(&self.authenticate).ok()?;
        Some(Claim { user: message.user().ok()?, domain: message.domain().ok()? })
    }

    /// A decryptor of the messages that followed for each of `secrets` that fits the handshake. For a session key
    /// this often cannot be determined; then the first message shows whether it fits.
    ///
    /// # Errors
    /// If the handshake's messages are malformed.
    pub fn open(&self, secrets: &[DecryptionSecret]) -> Result<Vec<PassiveSecurity>, AuthError> {
        let challenge = Challenge::from_bytes(&self.challenge)?;
        let message = Authenticate::from_bytes(&self.authenticate)?;
        let flags = message.flags & challenge.flags;
        let mut found = Vec::new();
        if is_anonymous(&message)? {
            let exported = exported_key(&message, flags, &[0; 16])?;
            found.extend(self.security(flags, &exported));
        }
        for secret in secrets {
            if let Some(exported) = self.exported(secret, &message, flags, challenge.server_challenge)? {
                found.extend(self.security(flags, &exported));
            }
        }
        Ok(found)
    }

    /// The exported session key, if `secret` is that of the handshake.
    fn exported(
        &self,
        secret: &DecryptionSecret,
        message: &Authenticate,
        flags: F,
        server: [u8; 8],
    ) -> Result<Option<crypto::Key>, AuthError> {
        let user = message.user()?;
        let hash = match &secret.0 {
            Kind::SessionKey(key) => {
                let code = crypto::mic(key, &self.negotiate, &self.challenge, &self.authenticate);
                let fits = !self.has_code(message) || message.mic == Some(code);
                return Ok(fits.then(|| key.clone()));
            }
            Kind::Account { user: of, .. } if *of != fold_case(&user) => return Ok(None),
            Kind::Account { hash, .. } | Kind::Hash(hash) => hash,
        };
        let response = message.nt_response()?;
        let key = if let Some((proof, temp)) = split_v2(response) {
            let domain = message.domain()?;
            // Some clients leave the domain out of the key ([MS-NLMP] 3.2.5.1.2).
            [domain.as_str(), ""].into_iter().find_map(|domain| {
                let own = crypto::response_v2(&crypto::ntowf_v2(hash, &user, domain), server, temp);
                (own.proof() == proof).then_some(own.key_exchange_key)
            })
        } else {
            let extended = flags.contains(F::NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY);
            let client = message.lm_response()?.first_chunk().copied().filter(|_| extended);
            let own = crypto::response_v1(hash, server, client);
            (own.proof() == response).then_some(own.key_exchange_key)
        };
        key.map(|key| exported_key(message, flags, &key)).transpose()
    }

    /// Whether the client declares that its message has an integrity code.
    fn has_code(&self, message: &Authenticate) -> bool {
        let claims = message.nt_response().ok().and_then(split_v2);
        let claims = claims.and_then(|(_, temp)| ClientChallenge::from_bytes(temp).ok());
        let flags = claims.and_then(|claims| claims.av_pairs.flags().ok());
        !self.negotiate.is_empty() && flags.is_some_and(|flags| flags.contains(AvFlags::MIC_PROVIDED))
    }

    /// The decryptor for the session key; `None` if SPNEGO's integrity codes show that it is another one.
    fn security(&self, flags: F, exported: &[u8; 16]) -> Option<PassiveSecurity> {
        let mut security = PassiveSecurity::new(flags, exported);
        let list = self.mech_list.as_deref().unwrap_or_default();
        for (sender, code) in [Sender::Client, Sender::Server].into_iter().zip(self.codes) {
            let Some(code) = code else { continue };
            let side = security.side(sender);
            if side.can_sign() {
                side.check_list_code(list, &code).ok()?;
                side.reset_receive();
            }
        }
        Some(security)
    }
}

/// Decrypts and verifies the messages between a client and a server.
#[derive(Debug)]
pub struct PassiveSecurity {
    sides: Sides,
    /// The remaining effort for continuing after missing messages.
    effort: usize,
}

#[derive(Debug)]
enum Sides {
    /// Each direction has its own keys.
    Apart { client: Box<NtlmSecurity>, server: Box<NtlmSecurity> },
    /// Both directions share one cipher, so that messages must be passed in the order in which they were sent.
    Shared(Box<NtlmSecurity>),
}

impl PassiveSecurity {
    fn new(flags: F, exported: &[u8; 16]) -> Self {
        let side = |client| Box::new(NtlmSecurity::new(flags, exported, client));
        let sides = if flags.contains(F::NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY) {
            // A side that receives the client's messages is a server.
            Sides::Apart { client: side(false), server: side(true) }
        } else {
            Sides::Shared(side(false))
        };
        Self { sides, effort: EFFORT }
    }

    fn side(&mut self, sender: Sender) -> &mut NtlmSecurity {
        match (&mut self.sides, sender) {
            (Sides::Apart { client: side, .. }, Sender::Client)
            | (Sides::Apart { server: side, .. }, Sender::Server)
            | (Sides::Shared(side), _) => side,
        }
    }

    /// Decrypts `body` in place and checks the signature over all three parts, as
    /// [`NtlmSecurity::unseal`] does. Messages may be missing before it. A body that fails is wiped, or left as it
    /// was.
    ///
    /// # Errors
    /// As [`NtlmSecurity::unseal`].
    pub fn unseal(
        &mut self,
        sender: Sender,
        (before, body, after): (&[u8], &mut [u8], &[u8]),
        signature: &[u8; SIGNATURE_SIZE],
    ) -> Result<(), MessageError> {
        let mut effort = self.effort;
        let side = self.side(sender);
        if !side.lacks_before(signature) {
            return side.unseal(before, body, after, signature);
        }
        let resumed = side.resume((before, body, after), signature, &mut effort);
        self.effort = effort;
        resumed
    }

    /// Checks the signature over all three parts, as [`NtlmSecurity::verify`] does.
    ///
    /// # Errors
    /// As [`NtlmSecurity::verify`].
    pub fn verify(
        &mut self,
        sender: Sender,
        (before, body, after): (&[u8], &[u8], &[u8]),
        signature: &[u8; SIGNATURE_SIZE],
    ) -> Result<(), MessageError> {
        self.side(sender).verify(before, body, after, signature)
    }
}
