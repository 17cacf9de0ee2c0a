//! Clients that violate the protocol, and omit or invent values.

use wire::{Decode as _, Encode as _};

use super::super::crypto::{self, mic};
use super::super::flags::NegotiateFlags as F;
use super::super::messages::AuthenticateParts;
use super::*;

/// An `AUTHENTICATE_MESSAGE` that violates the protocol.
struct Forgery {
    password: &'static str,
    flags: F,
    /// The bit in `MsvAvFlags`, the field in the message, and whether it holds the right code.
    mic: (bool, bool, bool),
    bindings: Option<[u8; 16]>,
    timestamp: bool,
}

impl Forgery {
    fn make(&self, negotiate: &[u8], challenge: &[u8]) -> Vec<u8> {
        let theirs = Challenge::from_bytes(challenge).unwrap();
        let mut pairs = AvPairs::from_bytes(theirs.target_info().unwrap()).unwrap();
        if !self.timestamp {
            pairs.pairs.retain(|pair| pair.id != AvId::MsvAvTimestamp);
        }
        if let Some(bindings) = self.bindings {
            pairs.push(AvId::MsvAvChannelBindings, bindings);
        }
        if self.mic.0 {
            pairs.push(AvId::MsvAvFlags, [2, 0, 0, 0]);
        }
        let claims = ClientChallenge {
            reserved1: 0,
            reserved2: 0,
            timestamp: NOW.wall,
            challenge_from_client: [3; 8],
            reserved3: 0,
            av_pairs: pairs,
        };
        let temp = claims.to_bytes().unwrap();
        let key = crypto::ntowf_v2(&NtHash::from_password(self.password), "alice", "LAB");
        let response = crypto::response_v2(&key, theirs.server_challenge, &temp);
        let exported = [9; 16];
        let mut session_key = exported;
        crypto::rc4k(&response.key_exchange_key, &mut session_key);
        let unicode = self.flags.contains(F::NTLMSSP_NEGOTIATE_UNICODE);
        let text = |text: &str| if unicode { wire::utf16le_bytes(text) } else { text.as_bytes().to_vec() };
        let parts = AuthenticateParts {
            nt_response: &[response.proof(), &temp].concat(),
            domain: &text("LAB"),
            user: &text("alice"),
            session_key: &session_key,
            ..AuthenticateParts::default()
        };
        let mut message = Authenticate::new(self.flags, Version::default(), parts).unwrap();
        if !self.mic.1 {
            message.mic = None;
            let fields = [
                &mut message.domain,
                &mut message.user,
                &mut message.workstation,
                &mut message.lm_response,
                &mut message.nt_response,
                &mut message.session_key,
            ];
            for field in fields {
                field.offset -= 16;
            }
        }
        let key = if crypto_exchange(self.flags) { exported } else { *response.key_exchange_key };
        if self.mic.1 && self.mic.2 {
            message.mic = Some(mic(&key, negotiate, challenge, &message.to_bytes().unwrap()));
        }
        message.to_bytes().unwrap()
    }

    fn try_in(&self, rules: impl Into<Rules>, ours: Option<ChannelBindings>) -> Result<Step, AuthError> {
        self.try_on(Channel::http(ours), rules)
    }

    fn try_on(&self, channel: Channel, rules: impl Into<Rules>) -> Result<Step, AuthError> {
        let mut acceptor = Acceptor::new(Arc::new(server(rules)), channel);
        let negotiate = Negotiate::new(self.flags, Version::default()).to_bytes().unwrap();
        let challenge = token(acceptor.step(&negotiate, NOW, &mut Script::default()));
        acceptor.step(&self.make(&negotiate, &challenge), NOW, &mut Script::default())
    }
}

#[test]
fn lm_and_ntlm_v1_responses_are_refused_for_different_reasons() {
    for (nt_response, expected) in [(&[][..], AuthError::LmOnly), (&[7; 24], AuthError::Legacy)] {
        let flags = F(0xe288_8235);
        let mut acceptor = acceptor(Policy::default());
        let negotiate = Negotiate::new(flags, Version::default()).to_bytes().unwrap();
        token(acceptor.step(&negotiate, NOW, &mut Script::default()));
        let [domain, user] = ["LAB", "alice"].map(wire::utf16le_bytes);
        let (domain, user) = (&domain[..], &user[..]);
        let parts = AuthenticateParts {
            lm_response: &[7; 24],
            nt_response,
            domain,
            user,
            ..AuthenticateParts::default()
        };
        let message = Authenticate::new(flags, Version::default(), parts).unwrap().to_bytes().unwrap();
        assert_eq!(acceptor.step(&message, NOW, &mut Script::default()).unwrap_err(), expected);
        assert_eq!(acceptor.step(&message, NOW, &mut Script::default()).unwrap_err(), AuthError::Ended);
    }
}

fn crypto_exchange(flags: F) -> bool {
    flags.contains(F::NTLMSSP_NEGOTIATE_KEY_EXCH) && flags.protects()
}

#[test]
fn a_wrong_password_is_never_accepted_whatever_is_left_out() {
    let channel = ChannelBindings::tls_server_end_point(b"certificate");
    let bools = [false, true];
    let mut let_in = 0;
    let flags: Vec<F> = combinations()
        .filter(|flags| {
            flags.contains(F::NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY | F::NTLMSSP_NEGOTIATE_128)
        })
        .filter(|flags| !flags.intersects(F::NTLMSSP_REQUEST_TARGET | F::NTLMSSP_NEGOTIATE_56))
        .collect();
    assert_eq!(flags.len(), 64);
    for flags in flags {
        for mic in bools
            .iter()
            .flat_map(|bit| bools.map(|field| [(*bit, field, false), (*bit, field, true)]))
            .flatten()
        {
            for bindings in [None, Some([0; 16]), Some([1; 16]), Some(*channel.as_bytes())] {
                for timestamp in bools {
                    for (require_mic, policy) in bools.iter().flat_map(|mic| {
                        [BindingPolicy::Ignore, BindingPolicy::Allow, BindingPolicy::Require]
                            .map(|p| (*mic, p))
                    }) {
                        let make = |password| {
                            let forgery = Forgery { password, flags, mic, bindings, timestamp };
                            let policy = Policy { bindings: policy, ..Policy::default() };
                            let ntlm = NtlmAcceptorConfig { require_mic, ..NtlmAcceptorConfig::default() };
                            forgery.try_in(Rules { policy, ntlm }, Some(channel))
                        };
                        assert_eq!(make("Wonderland").unwrap_err(), AuthError::InvalidCredentials);
                        let mic_right = if mic.0 { mic.1 && mic.2 } else { !require_mic };
                        let sent = bindings.filter(|bindings| *bindings != [0; 16]);
                        let ours = sent == Some(*channel.as_bytes());
                        let bound = match policy {
                            BindingPolicy::Ignore => true,
                            BindingPolicy::Allow => bindings.is_none() || ours,
                            BindingPolicy::Require => ours,
                        };
                        let right = make("wonderland");
                        assert_eq!(
                            right.is_ok(),
                            mic_right && bound,
                            "{mic:?} {bindings:?} {policy:?} {right:?}"
                        );
                        let_in += u32::from(right.is_ok());
                    }
                }
            }
        }
    }
    assert!(let_in > 0);
}

#[test]
fn bindings_match_no_connection_without_bindings() {
    let channel = ChannelBindings::tls_server_end_point(b"certificate");
    let flags = F(0xe288_8235);
    for bindings in [None, Some([0; 16]), Some(*channel.as_bytes())] {
        let make = |policy| {
            let forgery =
                Forgery { password: "wonderland", flags, mic: (true, true, true), bindings, timestamp: true };
            forgery.try_in(Policy { bindings: policy, ..Policy::default() }, None).map(|_| ())
        };
        assert_eq!(make(BindingPolicy::Ignore), Ok(()));
        let absent = bindings.is_none_or(|bindings| bindings == [0; 16]);
        assert_eq!(make(BindingPolicy::Allow).is_ok(), absent);
        assert!(make(BindingPolicy::Require).is_err());
        // DCE/RPC has no bindings that could be required.
        let policy = Policy { bindings: BindingPolicy::Require, ..Policy::default() };
        let forgery =
            Forgery { password: "wonderland", flags, mic: (true, true, true), bindings, timestamp: true };
        assert_eq!(forgery.try_on(Channel::RPC, policy).is_ok(), absent);
    }
}

#[test]
fn a_client_cannot_choose_a_flag_that_it_did_not_offer() {
    let offered = F(0xe288_8235).without(F::NTLMSSP_NEGOTIATE_SEAL);
    let mut acceptor = acceptor(Policy::default());
    let negotiate = Negotiate::new(offered, Version::default()).to_bytes().unwrap();
    let challenge = token(acceptor.step(&negotiate, NOW, &mut Script::default()));
    let forgery = Forgery {
        password: "wonderland",
        flags: offered | F::NTLMSSP_NEGOTIATE_SEAL,
        mic: (true, true, true),
        bindings: None,
        timestamp: true,
    };
    let authenticate = forgery.make(&negotiate, &challenge);
    let Ok(Step::Done { security, .. }) = acceptor.step(&authenticate, NOW, &mut Script::default()) else {
        panic!("not done")
    };
    assert!(security.can_sign() && !security.can_seal());
}

#[test]
fn a_client_without_unicode_is_served_in_ascii() {
    let oem = F(0xe288_8235).without(F::NTLMSSP_NEGOTIATE_UNICODE) | F::NTLM_NEGOTIATE_OEM;
    let forgery = |password, flags| Forgery {
        password,
        flags,
        mic: (true, true, true),
        bindings: None,
        timestamp: true,
    };
    let Ok(Step::Done { context, .. }) = forgery("wonderland", oem).try_in(Policy::default(), None) else {
        panic!("not done")
    };
    assert_eq!(context.principal().to_string(), "LAB\\alice");
    assert_eq!(
        forgery("wrong", oem).try_in(Policy::default(), None).unwrap_err(),
        AuthError::InvalidCredentials
    );

    // The challenge names the target in the same character set; who offers both gets UTF-16.
    for (offer, chosen, target) in [
        (oem, F::NTLM_NEGOTIATE_OEM, b"LAB".to_vec()),
        (oem | F::NTLMSSP_NEGOTIATE_UNICODE, F::NTLMSSP_NEGOTIATE_UNICODE, wire::utf16le_bytes("LAB")),
    ] {
        let negotiate = Negotiate::new(offer, Version::default()).to_bytes().unwrap();
        let mut acceptor = acceptor(Policy::default());
        let challenge = token(acceptor.step(&negotiate, NOW, &mut Script::default()));
        let challenge = Challenge::from_bytes(&challenge).unwrap();
        assert_eq!(challenge.flags & F(3), chosen);
        assert_eq!(challenge.target_name().unwrap(), target);
    }
    // Texts come in the character set that was chosen, and in no other.
    let mut acceptor = acceptor(Policy::default());
    let negotiate = Negotiate::new(oem, Version::default()).to_bytes().unwrap();
    let challenge = token(acceptor.step(&negotiate, NOW, &mut Script::default()));
    let other = forgery("wonderland", oem | F::NTLMSSP_NEGOTIATE_UNICODE).make(&negotiate, &challenge);
    let refusal = acceptor.step(&other, NOW, &mut Script::default());
    assert_eq!(refusal.unwrap_err(), AuthError::OtherCharset);
    // What is not ASCII could be anything.
    let mut message = Authenticate::from_bytes(&other).unwrap();
    message.flags = oem;
    message.payload.fill(0xe9);
    assert!(message.user().is_err());
}
