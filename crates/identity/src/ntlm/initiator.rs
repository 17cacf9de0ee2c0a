//! The client's end of an NTLM handshake ([MS-NLMP] 3.1).

use std::sync::Arc;

use wire::{Decode as _, Encode as _, Now};
use zeroize::Zeroizing;

use super::av::{AvFlags, AvId, AvPairs, ClientChallenge};
use super::config::{NtlmInitiatorConfig, NtlmVersion};
use super::crypto::{self, Key};
use super::flags::{NegotiateFlags as F, Version};
use super::messages::{Authenticate, AuthenticateParts, Challenge, MAX_TOKEN, Negotiate};
use super::security::NtlmSecurity;
use crate::accounts::NtHash;
use crate::auth_config::{InitiatorConfig, Protection};
use crate::context::{ActingLevel, Expiry, Proven, SecurityContext};
use crate::credentials::Credentials;
use crate::error::AuthError;
use crate::handshake::{self, Step, check_size};
use crate::package::Channel;
use crate::principal::Principal;
use crate::random::Random;
use crate::secret::SessionKey;

/// The client's end of one NTLM handshake: a `NEGOTIATE_MESSAGE` out, a `CHALLENGE_MESSAGE` in, an
/// `AUTHENTICATE_MESSAGE` out ([MS-NLMP] 3.1.5.1).
///
/// The resulting context is that of the initiator's own account.
pub(crate) struct Initiator {
    config: InitiatorConfig,
    ntlm: Arc<NtlmInitiatorConfig>,
    channel: Channel,
    state: State,
}

enum State {
    Start,
    Negotiating { flags: F, negotiate: Vec<u8> },
    Ended,
}

/// The responses of NTLMv1 ([MS-NLMP] 3.3.1), with `extended` session security or without.
fn responses_v1(nt_hash: &NtHash, server: [u8; 8], client: [u8; 8], extended: bool) -> Responses {
    let response = crypto::response_v1(nt_hash, server, extended.then_some(client));
    let nt_response = response.proof().to_vec();
    // Without extensions the NT response is also sent as the LM response, which is never computed.
    let mut lm_response = nt_response.clone();
    if extended {
        lm_response.fill(0);
        lm_response.iter_mut().zip(client).for_each(|(place, byte)| *place = byte);
    }
    Responses { lm_response, nt_response, key_exchange_key: response.key_exchange_key, with_mic: false }
}

/// The parts of an `AUTHENTICATE_MESSAGE` that depend on the credentials.
struct Responses {
    lm_response: Vec<u8>,
    nt_response: Vec<u8>,
    key_exchange_key: Key,
    with_mic: bool,
}

impl Initiator {
    /// Creates an initiator for one handshake, on `channel`.
    pub(crate) fn new(config: InitiatorConfig, channel: Channel) -> Self {
        // Signing protects SPNEGO's list of mechanisms.
        let least = if channel.negotiated { Protection::Sign } else { Protection::None };
        let protection = config.protection.max(least);
        let ntlm = config.settings.get();
        Self { config: InitiatorConfig { protection, ..config }, ntlm, channel, state: State::Start }
    }

    /// An initiator that has sent an offer of these flags, and the offer.
    #[cfg(test)]
    pub(super) fn with_offer(config: InitiatorConfig, flags: F) -> (Self, Vec<u8>) {
        let negotiate = Negotiate::new(flags, Version::own(flags)).to_bytes().unwrap_or_default();
        let state = State::Negotiating { flags, negotiate: negotiate.clone() };
        (Self { state, ..Self::new(config, Channel::RPC) }, negotiate)
    }

    fn offer(&self) -> F {
        let mut flags = F::NTLMSSP_NEGOTIATE_UNICODE
            | F::NTLMSSP_REQUEST_TARGET
            | F::NTLMSSP_NEGOTIATE_NTLM
            | F::NTLMSSP_NEGOTIATE_ALWAYS_SIGN
            | F::NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY
            | F::NTLMSSP_NEGOTIATE_TARGET_INFO
            | F::NTLMSSP_NEGOTIATE_VERSION
            | F::NTLMSSP_NEGOTIATE_128
            | F::NTLMSSP_NEGOTIATE_56;
        if self.config.protection >= Protection::Sign {
            flags = flags | F::NTLMSSP_NEGOTIATE_SIGN | F::NTLMSSP_NEGOTIATE_KEY_EXCH;
        }
        if self.config.protection >= Protection::Seal {
            flags = flags | F::NTLMSSP_NEGOTIATE_SEAL;
        }
        if self.config.level == ActingLevel::Identify {
            flags = flags | F::NTLMSSP_NEGOTIATE_IDENTIFY;
        }
        flags
    }

    /// The flags that both sides offer, if they include those that the configuration requires.
    fn agree(&self, offer: F, chosen: F) -> Result<F, AuthError> {
        let mut needed = vec![(F::NTLMSSP_NEGOTIATE_UNICODE, "UNICODE")];
        if self.ntlm.version == NtlmVersion::V2 || !self.ntlm.allow_legacy {
            needed.push((F::NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY, "EXTENDED_SESSIONSECURITY"));
        }
        if self.config.protection >= Protection::Sign {
            needed.push((F::NTLMSSP_NEGOTIATE_SIGN, "SIGN"));
            if !self.ntlm.allow_legacy {
                needed.push((F::NTLMSSP_NEGOTIATE_128, "128"));
            }
        }
        if self.config.protection >= Protection::Seal {
            needed.push((F::NTLMSSP_NEGOTIATE_SEAL, "SEAL"));
        }
        let agreed = offer & chosen;
        match needed.into_iter().find(|(flag, _)| !agreed.contains(*flag)) {
            Some((_, name)) => Err(AuthError::TooWeak(name)),
            None => Ok(agreed),
        }
    }

    fn authenticate(
        &self,
        offer: F,
        negotiate: &[u8],
        token: &[u8],
        now: Now,
        random: &mut dyn Random,
    ) -> Result<Step, AuthError> {
        let challenge = Challenge::from_bytes(token)?;
        let flags = self.agree(offer, challenge.flags)?;
        let responses = self.responses(&challenge, flags, now, random)?;

        let mut exported = responses.key_exchange_key.clone();
        let mut session_key = Vec::new();
        if flags.contains(F::NTLMSSP_NEGOTIATE_KEY_EXCH) && flags.protects() {
            random.fill(&mut *exported)?;
            let mut encrypted = *exported;
            crypto::rc4k(&responses.key_exchange_key, &mut encrypted);
            session_key = encrypted.to_vec();
        }
        let (user, domain) = match &self.config.credentials {
            Credentials::Account { user, domain, .. } => (user.as_str(), domain.as_str()),
            Credentials::Anonymous => ("", ""),
        };
        let sent = match self.config.credentials {
            Credentials::Account { .. } => flags,
            Credentials::Anonymous => flags.with(F::NTLMSSP_ANONYMOUS),
        };
        let parts = AuthenticateParts {
            lm_response: &responses.lm_response,
            nt_response: &responses.nt_response,
            domain: &wire::utf16le_bytes(domain),
            user: &wire::utf16le_bytes(user),
            workstation: &wire::utf16le_bytes(&self.ntlm.workstation),
            session_key: &session_key,
        };
        let message = Authenticate::new(sent, Version::own(flags), parts);
        let mut message = message.map_err(AuthError::Unencodable)?;
        if responses.with_mic {
            let unsigned = message.to_bytes().map_err(AuthError::Unencodable)?;
            message.mic = Some(crypto::mic(&exported, negotiate, token, &unsigned));
        }
        let token = Some(message.to_bytes().map_err(AuthError::Unencodable)?);
        let context = self.context(&exported);
        let security = Box::new(NtlmSecurity::new(flags, &exported, true));
        Ok(Step::Done { token, context, security })
    }

    fn responses(
        &self,
        challenge: &Challenge,
        flags: F,
        now: Now,
        random: &mut dyn Random,
    ) -> Result<Responses, AuthError> {
        let Credentials::Account { user, domain, secret } = &self.config.credentials else {
            let key_exchange_key = Zeroizing::new([0; 16]);
            let (lm_response, nt_response) = (vec![0], Vec::new());
            return Ok(Responses { lm_response, nt_response, key_exchange_key, with_mic: false });
        };
        let nt_hash = &secret.nt_hash();
        let mut client = [0; 8];
        random.fill(&mut client)?;
        if self.ntlm.version == NtlmVersion::V1 {
            let extended = flags.contains(F::NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY);
            return Ok(responses_v1(nt_hash, challenge.server_challenge, client, extended));
        }
        let response_key = crypto::ntowf_v2(nt_hash, user, domain);
        self.responses_v2(&response_key, challenge, client, now)
    }

    fn responses_v2(
        &self,
        response_key: &Key,
        challenge: &Challenge,
        client: [u8; 8],
        now: Now,
    ) -> Result<Responses, AuthError> {
        let server = challenge.server_challenge;
        let mut av_pairs = match challenge.target_info()? {
            [] => AvPairs::default(),
            pairs => AvPairs::from_bytes(pairs)?,
        };
        let server_time = av_pairs.timestamp()?;
        self.describe(&mut av_pairs)?;
        let claims = ClientChallenge {
            reserved1: 0,
            reserved2: 0,
            timestamp: server_time.unwrap_or(now.wall),
            challenge_from_client: client,
            reserved3: 0,
            av_pairs,
        };
        let temp = claims.to_bytes().map_err(AuthError::Unencodable)?;
        let response = crypto::response_v2(response_key, server, &temp);
        let mut nt_response = response.proof().to_vec();
        nt_response.extend_from_slice(&temp);
        let lm_response = match server_time {
            Some(_) => vec![0; 24],
            None => crypto::lm_v2(response_key, server, client),
        };
        let key_exchange_key = response.key_exchange_key;
        Ok(Responses { lm_response, nt_response, key_exchange_key, with_mic: true })
    }

    /// Adds the client's values to the server's pairs ([MS-NLMP] 3.1.5.1.2).
    fn describe(&self, pairs: &mut AvPairs) -> Result<(), AuthError> {
        let flags = pairs.flags()?.with(AvFlags::MIC_PROVIDED);
        pairs.set(AvId::MsvAvFlags, flags.0.to_le_bytes());
        let bindings = self.channel.bindings.map_or([0; 16], |bindings| *bindings.as_bytes());
        pairs.set(AvId::MsvAvChannelBindings, bindings);
        pairs.set(AvId::MsvAvTargetName, wire::utf16le_bytes(&self.config.target_name));
        // Four zero bytes close the response ([MS-NLMP] 3.3.2).
        pairs.rest = (Vec::new(), vec![0; 4]);
        Ok(())
    }

    fn context(&self, exported: &[u8; 16]) -> SecurityContext {
        let config = &self.config;
        let session_key = Some(SessionKey::new(*exported));
        let Credentials::Account { user, domain, .. } = &config.credentials else {
            return SecurityContext::anonymous_with_key(&config.contexts, &config.authority, session_key);
        };
        let proven = Proven {
            principal: Principal::new(user, domain),
            proof: self.ntlm.version.proof(self.channel),
            level: config.level,
            authority: config.authority.clone(),
            expiry: Expiry::default(),
            session_key,
            status: None,
        };
        SecurityContext::proven(proven, &config.contexts)
    }
}

impl handshake::Initiator for Initiator {
    fn step(&mut self, token: &[u8], now: Now, random: &mut dyn Random) -> Result<Step, AuthError> {
        check_size(token, MAX_TOKEN)?;
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Start if token.is_empty() => {
                let flags = self.offer();
                let message = Negotiate::new(flags, Version::own(flags));
                let negotiate = message.to_bytes().map_err(AuthError::Unencodable)?;
                self.state = State::Negotiating { flags, negotiate: negotiate.clone() };
                Ok(Step::Continue(negotiate))
            }
            State::Start => Err(AuthError::OutOfOrder { expected: "an empty token" }),
            State::Negotiating { flags, negotiate } => {
                self.authenticate(flags, &negotiate, token, now, random)
            }
            State::Ended => Err(AuthError::Ended),
        }
    }
}
