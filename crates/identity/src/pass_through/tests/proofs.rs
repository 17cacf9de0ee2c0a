//! Tests of the proof that the server authenticated a client.

use std::time::Duration;

use super::*;

#[test]
fn only_the_servers_own_response_counts_as_acceptance() {
    let config = config();
    let credentials = basic_of("LAB\\alice:secret");
    let of = |answer: &Response<'_>| by(&config, Mechanism::BASIC, &credentials, answer).unwrap();
    for code in [400, 402, 403, 407, 408, 413, 414, 429, 431, 440, 500, 501, 502, 503] {
        assert!(matches!(of(&status(code)), Outcome::Inconclusive), "{code}");
    }
    assert!(matches!(of(&status(401)), Outcome::Rejected(AuthError::RejectedByPeer)));
    // Such responses may be those of a load balancer without a server, of a firewall, or of a gateway.
    for code in [200, 204, 301, 302, 307, 404, 405, 406, 411, 415] {
        assert!(matches!(of(&status(code)), Outcome::OtherProbe(_)), "{code}");
    }
    for other in [
        Response { request_type: None, ..CARRIED_OUT },
        Response { request_type: Some(b"Connect"), ..CARRIED_OUT },
        Response { response_code: None, ..CARRIED_OUT },
        Response { response_code: Some(b"10"), ..CARRIED_OUT },
        Response { response_code: Some(b"00"), ..CARRIED_OUT },
        Response { status: 202, ..CARRIED_OUT },
        Response { status: 404, ..CARRIED_OUT },
    ] {
        assert!(matches!(of(&other), Outcome::OtherProbe(_)), "{other:?}");
    }
    assert_eq!(config.contexts.opened(), 0);
    let accepted = settled(of(&CARRIED_OUT));
    let context = accepted.context();
    assert_eq!((context.principal().to_string(), context.proof()), ("LAB\\alice".into(), Proof::PassThrough));
    assert_eq!(context.authority(), "exch by Basic");
}

#[test]
fn a_server_that_later_responds_without_credentials_proves_no_user() {
    let config = config();
    for code in [200, 302, 403, 404, 503] {
        let outcome = by(&config, Mechanism::BASIC, &basic_of("alice:a"), &CARRIED_OUT).unwrap();
        let Outcome::Accepted(taken) = outcome else { panic!("not taken") };
        let checked = taken.on_unauthenticated_response(&status(code), NOW, &mut OsRandom);
        assert_eq!(checked.err(), Some(ProofError::AcceptedWithoutCredentials(code)));
    }
    assert_eq!(config.contexts.opened(), 0);
}

#[test]
fn a_get_proves_a_user_only_if_invalid_credentials_are_rejected() {
    let config = config();
    let credentials = [(Mechanism::BASIC, basic_of("alice:a")), (Mechanism::BEARER, b"abc".to_vec())];
    for (scheme, credentials) in credentials {
        let control = || {
            let sign_in = AuthAttempt::new(&config, scheme, &guarded(Probe::Get), NOW).unwrap();
            let sent = sign_in.send(&credentials).unwrap();
            let Outcome::Accepted(taken) = sent.on_response(&status(200), NOW) else { panic!("not taken") };
            match taken.on_unauthenticated_response(&refusal(), NOW, &mut OsRandom).unwrap() {
                Checked::Control(control) => control,
                Checked::Authenticated(_) => panic!("accepted without a control"),
            }
        };
        let (one, other) = (control(), control());
        assert_ne!(one.authorization(), other.authorization());
        let (sent, made_up) = split(one.authorization().as_bytes()).unwrap();
        assert_eq!(sent, scheme);
        assert!(begin(&config, scheme).send(made_up).is_ok(), "they are not of the scheme's form");
        assert_eq!(
            one.on_response(&status(200), NOW).err(),
            Some(ProofError::AcceptedInvalidCredentials(200))
        );
        assert!(other.on_response(&refusal(), NOW).is_ok());
    }
    // After a handshake, too: a gateway may accept each connection on which it received any token.
    let token = STANDARD.encode(handshakes::ticket_of(b"alice"));
    let control = || {
        let sign_in = AuthAttempt::new(&config, Mechanism::SPNEGO, &guarded(Probe::Get), NOW).unwrap();
        let outcome = sign_in.send(token.as_bytes()).unwrap().on_response(&status(200), NOW);
        let Outcome::Repeat(again) = outcome else { panic!("not over") };
        let Outcome::Accepted(taken) = again.send().on_response(&status(200), NOW) else {
            panic!("not taken")
        };
        match taken.on_unauthenticated_response(&refusal(), NOW, &mut OsRandom).unwrap() {
            Checked::Control(control) => control,
            Checked::Authenticated(_) => panic!("accepted without a control"),
        }
    };
    let (scheme, made_up) =
        control().authorization().split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert!(scheme == "Negotiate" && STANDARD.decode(&made_up).is_ok());
    for code in [200, 204, 302] {
        assert_eq!(
            control().on_response(&status(code), NOW).err(),
            Some(ProofError::AcceptedInvalidCredentials(code))
        );
    }
    for code in [400, 401, 403, 500] {
        let accepted = control().on_response(&status(code), NOW).unwrap();
        assert_eq!(accepted.probe(), Probe::Get);
    }
    // Nor does a response to a GET count as acceptance if it may be a load balancer's.
    for code in [302, 404, 405] {
        let sign_in = AuthAttempt::new(&config, Mechanism::BASIC, &guarded(Probe::Get), NOW).unwrap();
        let outcome = sign_in.send(&basic_of("alice:a")).unwrap().on_response(&status(code), NOW);
        assert!(matches!(outcome, Outcome::OtherProbe(_)), "{code}");
    }
}

#[test]
fn another_ping_may_show_what_the_first_did_not_and_nothing_else_may() {
    let config = config();
    let elsewhere = || match by(&config, Mechanism::BASIC, &basic_of("alice:a"), &status(302)).unwrap() {
        Outcome::OtherProbe(elsewhere) => elsewhere,
        _ => panic!("not elsewhere"),
    };
    let again = |answer: &Response<'_>| {
        elsewhere().with_probe(&guarded(Probe::Ping)).unwrap().on_response(answer, NOW)
    };
    assert!(matches!(again(&status(200)), Outcome::OtherProbe(_)));
    assert!(matches!(again(&CARRIED_OUT), Outcome::Accepted(_)));
    assert!(matches!(again(&status(401)), Outcome::Rejected(AuthError::RejectedByPeer)));
    assert_eq!(elsewhere().with_probe(&guarded(Probe::Get)).err(), Some(ProofError::NotMapiHttp));
}

#[test]
fn a_rejected_probe_is_valid_for_a_time_and_for_the_offered_mechanisms() {
    let config = config();
    for code in [200, 302, 403, 404, 500] {
        assert!(RejectedProbe::from_response(Probe::Ping, &status(code), NOW).is_none(), "{code}");
    }
    let guarded = guarded(Probe::Ping);
    let begins = |now: Now| AuthAttempt::new(&config, Mechanism::BASIC, &guarded, now).is_ok();
    let after = |age: Duration| Now { monotonic: NOW.monotonic + age, ..NOW };
    let just = Duration::from_nanos(59_999_999_999);
    assert!(begins(NOW) && begins(after(just)) && !begins(after(REJECTED_PROBE_VALID_FOR)));
    for wall in [FileTime(0), NOW.wall.after(10 * REJECTED_PROBE_VALID_FOR)] {
        assert!(begins(Now { wall, ..after(just) }), "the wall clock was set");
    }
    let offers = [Mechanism::BASIC];
    let basic =
        RejectedProbe::from_response(Probe::Ping, &Response { offers: &offers, ..refusal() }, NOW).unwrap();
    for (scheme, offered) in [
        (Mechanism::BASIC, true),
        (Mechanism::BEARER, true),
        (Mechanism::NTLM, false),
        (Mechanism::SPNEGO, false),
    ] {
        assert_eq!(AuthAttempt::new(&config, scheme, &basic, NOW).is_ok(), offered, "{scheme:?}");
    }
}

#[test]
fn an_expired_token_yields_no_context() {
    let config = config();
    let claims = |exp: u64| format!("{{\"iss\":\"a\",\"oid\":\"1\",\"exp\":{exp}}}");
    let seconds = NOW.wall.0 / 10_000_000 - 11_644_473_600;
    let of = |exp: u64| {
        let token = jwt(r#"{"alg":"RS256"}"#, &claims(exp), "s");
        by(&config, Mechanism::BEARER, &token, &CARRIED_OUT).unwrap()
    };
    assert!(matches!(of(seconds), Outcome::Rejected(AuthError::Expired)));
    assert!(matches!(of(seconds + 1), Outcome::Accepted(_)));
}

#[test]
fn the_same_credentials_at_another_authority_of_the_same_name_are_another_identity() {
    let identity = |config: &Arc<Config>| {
        accepted(config, Mechanism::BASIC, &basic_of("alice:a")).context().identity().clone()
    };
    let (one, other) = (config(), config());
    assert_eq!(identity(&one), identity(&one));
    assert_ne!(identity(&one), identity(&other));
}
