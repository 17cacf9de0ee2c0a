//! The server's end of an NTLM handshake ([MS-NLMP] 3.2).

use std::sync::Arc;

use subtle::{Choice, ConstantTimeEq as _};
use wire::{Decode as _, Encode as _, Error, ErrorKind, Now};

use super::av::{AvFlags, AvId, AvPairs, ClientChallenge};
use super::config::{NtlmAcceptorConfig, NtlmVersion};
use super::crypto::{self, Key, Response};
use super::flags::{NegotiateFlags as F, Version};
use super::messages::{Authenticate, Challenge, MAX_TOKEN, Negotiate};
use super::response::{exported_key, is_anonymous, split_v2};
use super::security::NtlmSecurity;
use crate::accounts::{Account, NtHash};
use crate::auth_config::{AcceptorConfig, BindingPolicy};
use crate::carrier::Carrier;
use crate::context::{ActingLevel, Expiry, Proven, SecurityContext};
use crate::error::AuthError;
use crate::handshake::{self, Step, check_size};
use crate::package::Channel;
use crate::principal::Principal;
use crate::random::Random;
use crate::secret::SessionKey;
use crate::target_name::TargetName;

/// The server's end of one NTLM handshake: a `NEGOTIATE_MESSAGE` in, a `CHALLENGE_MESSAGE` out, an
/// `AUTHENTICATE_MESSAGE` in ([MS-NLMP] 3.2.5.1).
pub(crate) struct Acceptor {
    config: Arc<AcceptorConfig>,
    ntlm: Arc<NtlmAcceptorConfig>,
    channel: Channel,
    state: State,
}

enum State {
    Start,
    Challenged(Challenged),
    Ended,
}

struct Challenged {
    negotiate: Vec<u8>,
    challenge: Vec<u8>,
    server_challenge: [u8; 8],
    flags: F,
}

/// The account that a response proved, and the keys that follow.
struct Verified {
    account: Account,
    version: NtlmVersion,
    key_exchange_key: Key,
    /// The client challenge of an NTLMv2 response.
    claims: Option<ClientChallenge>,
}

impl Acceptor {
    /// Creates an acceptor for one client, on `channel`.
    pub(crate) fn new(config: Arc<AcceptorConfig>, channel: Channel) -> Self {
        Self { ntlm: config.settings.get(), config, channel, state: State::Start }
    }

    fn challenge(
        &self,
        token: &[u8],
        now: Now,
        random: &mut dyn Random,
    ) -> Result<(Challenged, Vec<u8>), AuthError> {
        let flags = self.choose(Negotiate::from_bytes(token)?.flags)?;
        let mut server_challenge = [0; 8];
        random.fill(&mut server_challenge)?;

        let names = &self.ntlm.names;
        let mut pairs = AvPairs::default();
        pairs.push(AvId::MsvAvNbDomainName, wire::utf16le_bytes(&names.nb_domain));
        pairs.push(AvId::MsvAvNbComputerName, wire::utf16le_bytes(&names.nb_computer));
        if !names.dns_domain.is_empty() {
            pairs.push(AvId::MsvAvDnsDomainName, wire::utf16le_bytes(&names.dns_domain));
        }
        pairs.push(AvId::MsvAvDnsComputerName, wire::utf16le_bytes(&names.dns_computer));
        pairs.push(AvId::MsvAvTimestamp, now.wall.0.to_le_bytes());
        let target = match flags.contains(F::NTLMSSP_TARGET_TYPE_DOMAIN) {
            true => target_name(&names.nb_domain, flags),
            false if flags.contains(F::NTLMSSP_TARGET_TYPE_SERVER) => target_name(&names.nb_computer, flags),
            false => Vec::new(),
        };
        let version = Version::own(flags);
        let challenge = pairs
            .to_bytes()
            .and_then(|pairs| Challenge::new(flags, server_challenge, version, &target, &pairs))
            .and_then(|challenge| challenge.to_bytes())
            .map_err(AuthError::Unencodable)?;
        let challenged =
            Challenged { negotiate: token.to_vec(), challenge: challenge.clone(), server_challenge, flags };
        Ok((challenged, challenge))
    }

    /// The flags of the client's offer that the acceptor chooses ([MS-NLMP] 3.2.5.1.1).
    fn choose(&self, offer: F) -> Result<F, AuthError> {
        // UTF-16 is preferred if a client offers both character sets. curl offers only OEM.
        let texts = match charset(offer) {
            F::NONE => return Err(AuthError::TooWeak("UNICODE or OEM")),
            texts => texts,
        };
        let echoed = F::NTLMSSP_REQUEST_TARGET
            | F::NTLMSSP_NEGOTIATE_SIGN
            | F::NTLMSSP_NEGOTIATE_SEAL
            | F::NTLMSSP_NEGOTIATE_ALWAYS_SIGN
            | F::NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY
            | F::NTLMSSP_NEGOTIATE_IDENTIFY
            | F::NTLMSSP_NEGOTIATE_VERSION
            | F::NTLMSSP_NEGOTIATE_128
            | F::NTLMSSP_NEGOTIATE_KEY_EXCH
            | F::NTLMSSP_NEGOTIATE_56;
        let required = F::NTLMSSP_NEGOTIATE_NTLM | F::NTLMSSP_NEGOTIATE_TARGET_INFO;
        let mut flags = (offer & echoed) | texts | required;
        if offer.contains(F::NTLMSSP_REQUEST_TARGET) {
            flags = flags.with(if self.ntlm.names.nb_domain.is_empty() {
                F::NTLMSSP_TARGET_TYPE_SERVER
            } else {
                F::NTLMSSP_TARGET_TYPE_DOMAIN
            });
        }
        if !flags.protects() {
            // A key is exchanged only for signing and sealing. Without the offer it is certain which key is used.
            flags = flags.without(F::NTLMSSP_NEGOTIATE_KEY_EXCH);
        }
        self.check_strength(flags)?;
        Ok(flags)
    }

    fn check_strength(&self, flags: F) -> Result<(), AuthError> {
        let ntlm = &self.ntlm;
        if !ntlm.allow_legacy && !flags.contains(F::NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY) {
            return Err(AuthError::TooWeak("EXTENDED_SESSIONSECURITY"));
        }
        if ntlm.require_128 && flags.protects() && !flags.contains(F::NTLMSSP_NEGOTIATE_128) {
            return Err(AuthError::TooWeak("128"));
        }
        Ok(())
    }

    fn authenticate(&self, challenged: &Challenged, token: &[u8], now: Now) -> Result<Step, AuthError> {
        let message = Authenticate::from_bytes(token)?;
        // The client cannot choose what was not offered.
        let flags = message.flags & challenged.flags;
        if charset(flags) == F::NONE || charset(flags) != charset(message.flags) {
            return Err(AuthError::OtherCharset);
        }
        self.check_strength(flags)?;
        if is_anonymous(&message)? {
            return self.admit_anonymous(&message, flags);
        }

        let verified = self.verify(challenged, &message, flags)?;
        let exported = exported_key(&message, flags, &verified.key_exchange_key)?;
        self.check_mic(challenged, &message, token, verified.claims.as_ref(), &exported)?;
        if let Some(claims) = &verified.claims {
            let seconds = claims.timestamp.distance(now.wall).as_secs();
            if seconds > self.ntlm.max_skew.as_secs() {
                return Err(AuthError::ClockSkew { seconds });
            }
        }
        let pairs = verified.claims.as_ref().map(|claims| &claims.av_pairs);
        self.check_bindings(pairs)?;
        self.check_target(pairs)?;
        Ok(self.admit(&verified, flags, &exported, now))
    }

    /// Looks up the account and compares the client's response with the one computed from the password hash. An
    /// unknown or disabled account takes the same time and fails with the same error as a wrong password.
    fn verify(
        &self,
        challenged: &Challenged,
        message: &Authenticate,
        flags: F,
    ) -> Result<Verified, AuthError> {
        let (domain, user) = (message.domain()?, message.user()?);
        let response = message.nt_response()?;
        let found = self.config.accounts.find(&domain, &user);
        let admissible = Choice::from(u8::from(found.as_ref().is_some_and(|account| !account.disabled)));
        let hash = found.as_ref().map_or(NtHash::from_bytes([0; 16]), |account| account.nt_hash.clone());
        let server = challenged.server_challenge;

        let (claims, matches, version, key) = if let Some((proof, temp)) = split_v2(response) {
            let claims = ClientChallenge::from_bytes(temp)?;
            let own = crypto::response_v2(&crypto::ntowf_v2(&hash, &user, &domain), server, temp);
            // Some clients compute the key without the domain ([MS-NLMP] 3.2.5.1.2).
            let nil = crypto::response_v2(&crypto::ntowf_v2(&hash, &user, ""), server, temp);
            let (is_own, is_nil) = (own.proof().ct_eq(proof), nil.proof().ct_eq(proof));
            let chosen = if bool::from(is_own) { own } else { nil };
            (Some(claims), is_own | is_nil, NtlmVersion::V2, chosen.key_exchange_key)
        } else {
            let own = self.response_v1(message, flags, &hash, server)?;
            (None, own.proof().ct_eq(response), NtlmVersion::V1, own.key_exchange_key)
        };
        match found {
            Some(account) if bool::from(matches & admissible) => {
                Ok(Verified { account, version, key_exchange_key: key, claims })
            }
            _ => Err(AuthError::InvalidCredentials),
        }
    }

    fn response_v1(
        &self,
        message: &Authenticate,
        flags: F,
        hash: &NtHash,
        server: [u8; 8],
    ) -> Result<Response, AuthError> {
        if message.nt_response()?.is_empty() {
            return Err(AuthError::LmOnly);
        }
        if !self.ntlm.allow_legacy {
            return Err(AuthError::Legacy);
        }
        let client = if flags.contains(F::NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY) {
            let lm = message.lm_response()?;
            let truncated = ErrorKind::Truncated { needed: 8, available: lm.len() };
            Some(*lm.first_chunk().ok_or(Error::new(truncated, "LmChallengeResponse", 0))?)
        } else {
            None
        };
        Ok(crypto::response_v1(hash, server, client))
    }

    fn check_mic(
        &self,
        challenged: &Challenged,
        message: &Authenticate,
        token: &[u8],
        claims: Option<&ClientChallenge>,
        exported: &[u8; 16],
    ) -> Result<(), AuthError> {
        let flags = claims.map_or(Ok(AvFlags::NONE), |claims| claims.av_pairs.flags())?;
        if !flags.contains(AvFlags::MIC_PROVIDED) {
            return if self.ntlm.require_mic { Err(AuthError::MicAbsent) } else { Ok(()) };
        }
        let mic = message.mic.ok_or(AuthError::MicAbsent)?;
        if bool::from(crypto::mic(exported, &challenged.negotiate, &challenged.challenge, token).ct_eq(&mic))
        {
            Ok(())
        } else {
            Err(AuthError::MicMismatch)
        }
    }

    /// As Windows does at the levels Never, `WhenSupported` and Always of extended protection: a client whose value is
    /// sixteen zeros ([MS-NLMP] 3.1.5.1.2) supports bindings, and signed in elsewhere than over this TLS connection.
    fn check_bindings(&self, pairs: Option<&AvPairs>) -> Result<(), AuthError> {
        let policy = self.config.policy.bindings;
        let theirs = pairs.and_then(|pairs| pairs.get(AvId::MsvAvChannelBindings));
        let sent = theirs.filter(|value| *value != [0; 16]);
        match (policy, sent, self.channel.bindings) {
            (BindingPolicy::Ignore, ..) => Ok(()),
            (_, Some(sent), Some(ours)) if bool::from(ours.as_bytes().as_slice().ct_eq(sent)) => Ok(()),
            (_, Some(_), _) => Err(AuthError::BindingMismatch),
            // DCE/RPC has no channel bindings: messages are protected by the session key.
            (_, None, None) if self.channel.carrier == Carrier::Rpc => Ok(()),
            (BindingPolicy::Require, None, _) => Err(AuthError::BindingAbsent),
            (BindingPolicy::Allow, None, Some(_)) if theirs.is_some() => Err(AuthError::BindingAbsent),
            (BindingPolicy::Allow, None, _) => Ok(()),
        }
    }

    fn check_target(&self, pairs: Option<&AvPairs>) -> Result<(), AuthError> {
        let Some(pairs) = pairs else { return Ok(()) };
        let target = pairs.get(AvId::MsvAvTargetName).unwrap_or_default();
        if target.is_empty() {
            return Ok(());
        }
        let target = wire::utf16le_to_string(target, "MsvAvTargetName")?;
        let name = TargetName::parse(&target);
        if !name.belongs_to(self.channel.carrier) {
            return Err(AuthError::WrongService { target, carrier: self.channel.carrier });
        }
        // A name from an untrusted source does not show for which host the user signed in ([MS-NLMP] 2.2.2.1).
        let names = &self.config.policy.target_names;
        if names.is_empty() || pairs.flags()?.contains(AvFlags::UNTRUSTED_SPN) {
            return Ok(());
        }
        if names.iter().any(|host| host.eq_ignore_ascii_case(name.host)) {
            return Ok(());
        }
        Err(AuthError::WrongTarget(target))
    }

    fn admit(&self, verified: &Verified, flags: F, exported: &[u8; 16], now: Now) -> Step {
        let config = &self.config;
        let level = if flags.contains(F::NTLMSSP_NEGOTIATE_IDENTIFY) {
            ActingLevel::Identify
        } else {
            ActingLevel::Impersonate
        };
        let proven = Proven {
            principal: Principal::new(&verified.account.user, &verified.account.domain),
            proof: verified.version.proof(self.channel),
            level,
            authority: config.authority.clone(),
            expiry: Expiry::after(config.policy.lifetime, now),
            session_key: Some(SessionKey::new(*exported)),
            status: Some(verified.account.status.clone()),
        };
        Step::Done {
            token: None,
            context: SecurityContext::proven(proven, &config.contexts),
            security: Box::new(NtlmSecurity::new(flags, exported, false)),
        }
    }

    fn admit_anonymous(&self, message: &Authenticate, flags: F) -> Result<Step, AuthError> {
        let config = &self.config;
        if !config.policy.allow_anonymous {
            return Err(AuthError::Anonymous);
        }
        let exported = exported_key(message, flags, &[0; 16])?;
        let key = Some(SessionKey::new(*exported));
        Ok(Step::Done {
            token: None,
            context: SecurityContext::anonymous_with_key(&config.contexts, &config.authority, key),
            security: Box::new(NtlmSecurity::new(flags, &exported, false)),
        })
    }
}

impl handshake::Acceptor for Acceptor {
    fn step(&mut self, token: &[u8], now: Now, random: &mut dyn Random) -> Result<Step, AuthError> {
        check_size(token, MAX_TOKEN)?;
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Start => {
                let (challenged, answer) = self.challenge(token, now, random)?;
                self.state = State::Challenged(challenged);
                Ok(Step::Continue(answer))
            }
            State::Challenged(challenged) => self.authenticate(&challenged, token, now),
            State::Ended => Err(AuthError::Ended),
        }
    }
}

/// The character set of texts in `flags`, as a flag; empty if `flags` name no character set.
fn charset(flags: F) -> F {
    [F::NTLMSSP_NEGOTIATE_UNICODE, F::NTLM_NEGOTIATE_OEM]
        .into_iter()
        .find(|charset| flags.contains(*charset))
        .unwrap_or(F::NONE)
}

/// `TargetName`. Characters that are not in each OEM character set are only in the target information, which is
/// always UTF-16.
fn target_name(name: &str, flags: F) -> Vec<u8> {
    if flags.contains(F::NTLMSSP_NEGOTIATE_UNICODE) {
        wire::utf16le_bytes(name)
    } else {
        name.bytes().filter(u8::is_ascii).collect()
    }
}
