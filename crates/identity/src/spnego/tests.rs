//! Tests of SPNEGO handshakes.

use std::sync::Arc;

use wire::{Decode as _, Encode as _};

use super::acceptor::HINT_NAME;
use super::*;
use crate::auth_config::InitiatorConfig;
use crate::auth_config::{Policy, Protection};
use crate::context::Proof;
use crate::error::AuthError;
use crate::handshake::{Acceptor, Initiator, Step};
use crate::mechanism::Mechanism;
use crate::ntlm::tests as ntlm_tests;
use crate::package::Channel;
use ntlm_tests::{NOW, Script, client, converse, server, token};

fn initiator(config: &InitiatorConfig) -> Box<dyn Initiator> {
    Mechanism::SPNEGO.initiator(config, Channel::RPC).unwrap()
}

fn acceptor() -> Box<dyn Acceptor> {
    Mechanism::SPNEGO.acceptor(&Arc::new(server(Policy::default())), Channel::RPC).unwrap()
}

fn pair(protection: Protection) -> (Box<dyn Initiator>, Box<dyn Acceptor>) {
    let config = InitiatorConfig { protection, ..client("alice", "LAB", "wonderland") };
    (initiator(&config), acceptor())
}

fn step_i(initiator: &mut Box<dyn Initiator>, token: &[u8]) -> Result<Step, AuthError> {
    initiator.step(token, NOW, &mut Script::default())
}

fn step_a(acceptor: &mut Box<dyn Acceptor>, token: &[u8]) -> Result<Step, AuthError> {
    acceptor.step(token, NOW, &mut Script::default())
}

fn resp(token: &[u8]) -> NegTokenResp {
    NegTokenResp::from_bytes(token).unwrap()
}

#[test]
fn both_ends_finish_and_protect_messages() {
    for protection in [Protection::None, Protection::Sign, Protection::Seal] {
        let (mut initiator, mut acceptor) = pair(protection);
        let first = token(step_i(&mut initiator, &[]));
        let second = token(step_a(&mut acceptor, &first));
        let third = token(step_i(&mut initiator, &second));
        assert!(resp(&third).mech_list_mic.is_some());
        let Ok(Step::Done { token: Some(fourth), context, security: mut theirs }) =
            step_a(&mut acceptor, &third)
        else {
            panic!("not done")
        };
        assert_eq!(resp(&fourth).neg_state, Some(NegState::accept_completed));
        assert_eq!(context.proof(), Proof::Mechanism("SPNEGO with NTLMv2"));
        let Ok(Step::Done { token: None, security: mut own, .. }) = step_i(&mut initiator, &fourth) else {
            panic!("not done")
        };
        converse(&mut own, &mut theirs);
        assert!(step_a(&mut acceptor, &third).is_err());
        assert!(step_i(&mut initiator, &fourth).is_err());
    }
}

/// A client that prefers Kerberos; NTLM is chosen. `seen` is the list that arrives.
fn prefers_kerberos(seen: &[Oid], sent: &[Oid], with_mic: bool) -> Result<Step, AuthError> {
    let mut acceptor = acceptor();
    let init = NegTokenInit {
        mech_types: seen.to_vec(),
        mech_token: Some(b"a Kerberos ticket".to_vec()),
        ..NegTokenInit::default()
    };
    let chosen = resp(&token(step_a(&mut acceptor, &init.to_bytes().unwrap())));
    assert_eq!(chosen.neg_state, Some(NegState::request_mic));
    assert_eq!((chosen.supported_mech, chosen.response_token), (Some(Oid::NTLM), None));

    let mut ntlm = Mechanism::NTLM.initiator(&client("alice", "LAB", "wonderland"), Channel::RPC).unwrap();
    let negotiate = token(ntlm.step(&[], NOW, &mut Script::default()));
    let next = NegTokenResp { response_token: Some(negotiate), ..NegTokenResp::default() };
    let challenge = resp(&token(step_a(&mut acceptor, &next.to_bytes().unwrap()))).response_token.unwrap();
    let Ok(Step::Done { token: response_token, mut security, .. }) =
        ntlm.step(&challenge, NOW, &mut Script::default())
    else {
        panic!("not done")
    };
    let mic = security.sign_list(&tokens::mech_type_list(sent).unwrap(), None).unwrap();
    let mech_list_mic = with_mic.then_some(mic);
    let last = NegTokenResp { response_token, mech_list_mic, ..NegTokenResp::default() };
    step_a(&mut acceptor, &last.to_bytes().unwrap())
}

#[test]
fn kerberos_is_skipped_and_the_list_protected() {
    let list = [Oid::MS_KERBEROS, Oid::KERBEROS, Oid::NEGOEX, Oid::NTLM];
    let Ok(Step::Done { token: Some(last), .. }) = prefers_kerberos(&list, &list, true) else {
        panic!("not done")
    };
    assert!(resp(&last).mech_list_mic.is_some());
}

#[test]
fn a_list_that_is_changed_in_transit_is_rejected() {
    let list = [Oid::NEGOEX, Oid::KERBEROS, Oid::NTLM];
    let seen = [Oid::KERBEROS, Oid::NTLM];
    assert_eq!(prefers_kerberos(&seen, &list, true).unwrap_err(), AuthError::Downgrade);
    // A list without the code is rejected too if another mechanism was preferred.
    assert_eq!(prefers_kerberos(&seen, &list, false).unwrap_err(), AuthError::Downgrade);
}

#[test]
fn a_wrong_integrity_code_is_rejected_by_both_ends() {
    for bit in 0..128 {
        let (mut initiator, mut acceptor) = pair(Protection::Sign);
        let first = token(step_i(&mut initiator, &[]));
        let second = token(step_a(&mut acceptor, &first));
        let third = token(step_i(&mut initiator, &second));
        let mut changed = resp(&third);
        changed.mech_list_mic.as_mut().unwrap()[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(step_a(&mut acceptor, &changed.to_bytes().unwrap()).unwrap_err(), AuthError::Downgrade);

        let (mut initiator, mut acceptor) = pair(Protection::Sign);
        let first = token(step_i(&mut initiator, &[]));
        let second = token(step_a(&mut acceptor, &first));
        let third = token(step_i(&mut initiator, &second));
        let mut changed = resp(&token(step_a(&mut acceptor, &third)));
        changed.mech_list_mic.as_mut().unwrap()[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(step_i(&mut initiator, &changed.to_bytes().unwrap()).unwrap_err(), AuthError::Downgrade);
    }
}

#[test]
fn a_server_that_requests_protection_must_send_its_code() {
    let (mut initiator, mut acceptor) = pair(Protection::Sign);
    let first = token(step_i(&mut initiator, &[]));
    let mut second = resp(&token(step_a(&mut acceptor, &first)));
    second.neg_state = Some(NegState::request_mic);
    let third = token(step_i(&mut initiator, &second.to_bytes().unwrap()));
    let mut fourth = resp(&token(step_a(&mut acceptor, &third)));
    fourth.mech_list_mic = None;
    assert_eq!(step_i(&mut initiator, &fourth.to_bytes().unwrap()).unwrap_err(), AuthError::Downgrade);
}

#[test]
fn other_mechanisms_and_rejections_end_the_handshake() {
    let (mut initiator, mut acceptor) = pair(Protection::Sign);
    let first = token(step_i(&mut initiator, &[]));
    let second = resp(&token(step_a(&mut acceptor, &first)));
    let rejected = NegTokenResp { neg_state: Some(NegState::reject), ..second.clone() };
    assert_eq!(step_i(&mut initiator, &rejected.to_bytes().unwrap()).unwrap_err(), AuthError::RejectedByPeer);

    let (mut initiator, _) = pair(Protection::Sign);
    token(step_i(&mut initiator, &[]));
    let other = NegTokenResp { supported_mech: Some(Oid::KERBEROS), ..second };
    assert_eq!(step_i(&mut initiator, &other.to_bytes().unwrap()).unwrap_err(), AuthError::NoMechanism);

    let (_, mut acceptor) = pair(Protection::Sign);
    let only = NegTokenInit { mech_types: vec![Oid::KERBEROS], ..NegTokenInit::default() };
    assert_eq!(step_a(&mut acceptor, &only.to_bytes().unwrap()).unwrap_err(), AuthError::NoMechanism);
}

#[test]
fn a_client_that_waits_receives_one_hint() {
    let (mut initiator, mut acceptor) = pair(Protection::Sign);
    let hint = NegTokenInit::from_bytes(&token(step_a(&mut acceptor, &[]))).unwrap();
    assert_eq!(hint.mech_types, [Oid::NTLM]);
    assert_eq!(hint.neg_hints.unwrap().hint_name.as_deref(), Some(HINT_NAME));
    let first = token(step_i(&mut initiator, &[]));
    token(step_a(&mut acceptor, &first));

    let (_, mut acceptor) = pair(Protection::Sign);
    token(step_a(&mut acceptor, &[]));
    assert!(step_a(&mut acceptor, &[]).is_err());
}

#[test]
fn a_wrong_password_is_rejected_within_spnego() {
    let config = client("alice", "LAB", "wrong");
    let (mut initiator, mut acceptor) = (initiator(&config), pair(Protection::Seal).1);
    let first = token(step_i(&mut initiator, &[]));
    let second = token(step_a(&mut acceptor, &first));
    let third = token(step_i(&mut initiator, &second));
    assert_eq!(step_a(&mut acceptor, &third).unwrap_err(), AuthError::InvalidCredentials);
}

#[test]
fn a_client_that_names_a_service_of_another_protocol_is_rejected_within_spnego() {
    for (target, channel, ok) in [
        ("HTTP/proxy.lab.test", Channel::http(None), true),
        ("HTTP/proxy.lab.test", Channel::RPC, false),
        ("exchangeMDB/proxy.lab.test", Channel::RPC, true),
        ("exchangeMDB/proxy.lab.test", Channel::http(None), false),
    ] {
        let config = InitiatorConfig { target_name: target.into(), ..client("alice", "LAB", "wonderland") };
        let mut initiator = Mechanism::SPNEGO.initiator(&config, channel).unwrap();
        let mut acceptor = Mechanism::SPNEGO.acceptor(&Arc::new(server(Policy::default())), channel).unwrap();
        let mut random = Script::default();
        let mut token = Vec::new();
        let result = loop {
            token = match initiator.step(&token, NOW, &mut random).unwrap() {
                Step::Continue(token) => token,
                Step::Done { token, .. } => token.unwrap(),
            };
            match acceptor.step(&token, NOW, &mut random) {
                Ok(Step::Continue(next)) => token = next,
                Ok(Step::Done { .. }) => break Ok(()),
                Err(refusal) => break Err(refusal),
            }
        };
        let refusal = AuthError::WrongService { target: target.into(), carrier: channel.carrier };
        assert_eq!(result, if ok { Ok(()) } else { Err(refusal) }, "{target}");
    }
}
