//! NTLM from the side: what passed between two others, read with a secret of one of them.
//!
//! Nothing is proven here and no context is made: to be able to read a recording does not authenticate anybody.

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

/// Something with which a recording can be read.
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

/// Who sent a token or a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// Who signed in.
    Client,
    /// Who was signed in to.
    Server,
}

/// Who a client says that it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claim {
    /// The user's name; empty for an anonymous client.
    pub user: String,
    /// The domain; may be empty.
    pub domain: String,
}

/// A handshake that passes by: plain NTLM, or within SPNEGO.
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
    /// Takes a token of the handshake. What is of another mechanism, or cannot be read, is passed over.
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

    /// Whether an NTLM handshake went by as a whole.
    pub fn is_complete(&self) -> bool {
        !self.challenge.is_empty() && !self.authenticate.is_empty()
    }

    /// Who the client said that it is, once it said so.
    pub fn claim(&self) -> Option<Claim> {
        let message = Authenticate::from_bytes(&self.authenticate).ok()?;
        Some(Claim { user: message.user().ok()?, domain: message.domain().ok()? })
    }

    /// What reads the messages that followed, with each of `secrets` that fits the handshake. Of a session key
    /// that often cannot be told; then whether it fits shows at the first message.
    ///
    /// # Errors
    /// When the handshake's messages contradict themselves.
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

    /// The exported session key, if `secret` is one that the handshake was made with.
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

    /// Whether the client says that its message carries an integrity code where one would stand.
    fn has_code(&self, message: &Authenticate) -> bool {
        let claims = message.nt_response().ok().and_then(split_v2);
        let claims = claims.and_then(|(_, temp)| ClientChallenge::from_bytes(temp).ok());
        let flags = claims.and_then(|claims| claims.av_pairs.flags().ok());
        !self.negotiate.is_empty() && flags.is_some_and(|flags| flags.contains(AvFlags::MIC_PROVIDED))
    }

    /// What follows from the session key; none where SPNEGO's integrity codes show that it is another one.
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

/// Reads what two others send one another.
#[derive(Debug)]
pub struct PassiveSecurity {
    sides: Sides,
    /// How much may still be spent on reading on where messages are missing.
    effort: usize,
}

#[derive(Debug)]
enum Sides {
    /// Each direction has keys of its own.
    Apart { client: Box<NtlmSecurity>, server: Box<NtlmSecurity> },
    /// Both share one cipher, so that messages must come in the order in which they were sent.
    Shared(Box<NtlmSecurity>),
}

impl PassiveSecurity {
    fn new(flags: F, exported: &[u8; 16]) -> Self {
        let side = |client| Box::new(NtlmSecurity::new(flags, exported, client));
        let sides = if flags.contains(F::NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY) {
            // What the client sends is what a server receives.
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
    /// As there.
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
    /// As there.
    pub fn verify(
        &mut self,
        sender: Sender,
        (before, body, after): (&[u8], &[u8], &[u8]),
        signature: &[u8; SIGNATURE_SIZE],
    ) -> Result<(), MessageError> {
        self.side(sender).verify(before, body, after, signature)
    }
}
