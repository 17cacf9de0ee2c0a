//! Handshakes between the proxy's own ends.

use std::time::Instant;

use wire::{Decode as _, Encode as _};

use super::super::flags::NegotiateFlags as F;
use super::*;
use crate::context::Proof;

/// The messages of a handshake, the last of which the server has not got yet.
fn messages(initiator: &mut Initiator, acceptor: &mut Acceptor) -> [Vec<u8>; 3] {
    let negotiate = token(initiator.step(&[], NOW, &mut Script::default()));
    let challenge = token(acceptor.step(&negotiate, NOW, &mut Script::default()));
    let authenticate = token(initiator.step(&challenge, NOW, &mut Script::default()));
    [negotiate, challenge, authenticate]
}

fn with_flags(
    password: &str,
    version: NtlmVersion,
    flags: F,
    rules: NtlmAcceptorConfig,
) -> Result<(Side, Side), AuthError> {
    let protection = Protection::None;
    let ntlm = NtlmInitiatorConfig { version, allow_legacy: true, ..NtlmInitiatorConfig::default() };
    let settings = Settings::of(ntlm);
    let config = InitiatorConfig { protection, settings, ..client("alice", "LAB", password) };
    let (mut initiator, negotiate) = Initiator::with_offer(config, flags);
    shake_from(&mut initiator, &mut acceptor(rules), &negotiate)
}

/// The flags that the handshake negotiated.
fn flags_of(security: &dyn MessageSecurity) -> F {
    let any: &dyn std::any::Any = security;
    any.downcast_ref::<NtlmSecurity>().unwrap().flags()
}

/// Flags that only the server's CHALLENGE message has ([MS-NLMP] 2.2.2.5).
const OF_SERVER: F =
    F(F::NTLMSSP_TARGET_TYPE_DOMAIN.0 | F::NTLMSSP_TARGET_TYPE_SERVER.0 | F::NTLMSSP_NEGOTIATE_TARGET_INFO.0);

#[test]
fn every_combination_of_flags_is_accepted_or_refused_and_a_wrong_password_always_refused() {
    for flags in combinations() {
        let extended = flags.contains(F::NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY);
        let strong = flags.contains(F::NTLMSSP_NEGOTIATE_128) || !flags.protects();
        for version in [NtlmVersion::V1, NtlmVersion::V2] {
            let lenient_works = version == NtlmVersion::V1 || extended;
            let strict_works = version == NtlmVersion::V2 && extended && strong;
            for (rules, works) in [(lenient(), lenient_works), (NtlmAcceptorConfig::default(), strict_works)]
            {
                let wrong = with_flags("Wonderland", version, flags, rules.clone());
                assert!(wrong.is_err(), "{version:?} {flags:?}");
                match with_flags("wonderland", version, flags, rules) {
                    Ok(((_, mut client), (context, mut server))) => {
                        assert!(works, "{version:?} {flags:?}");
                        assert_eq!(context.principal().to_string(), "LAB\\alice");
                        assert_eq!(context.proof(), proof(version));
                        let identify = flags.contains(F::NTLMSSP_NEGOTIATE_IDENTIFY);
                        assert_eq!(context.level() == ActingLevel::Identify, identify);
                        let [client_flags, server_flags] =
                            [&*client, &*server].map(|security| flags_of(security).without(OF_SERVER));
                        assert_eq!(client_flags, server_flags);
                        converse(&mut client, &mut server);
                    }
                    Err(refusal) => assert!(!works, "{version:?} {flags:?}: {refusal}"),
                }
            }
        }
    }
}

#[test]
fn both_ends_hold_one_key_and_the_account_is_spelled_as_the_directory_does() {
    let config = Arc::new(server(Policy::default()));
    let contexts = Arc::clone(&config.contexts);
    let mut acceptor = Acceptor::new(config, Channel::http(None));
    let mut initiator = Initiator::new(client("ALICE", "lab", "wonderland"), Channel::http(None));
    let ((client, mut a), (server, mut b)) = shake(&mut initiator, &mut acceptor).unwrap();
    assert_eq!(client.session_key().unwrap().expose(), server.session_key().unwrap().expose());
    assert_eq!(server.principal().to_string(), "LAB\\alice");
    assert_eq!((server.authority(), server.level()), ("accounts", ActingLevel::Impersonate));
    converse(&mut a, &mut b);
    assert_eq!(contexts.open(), 1);
    drop(server);
    assert_eq!((contexts.opened(), contexts.open()), (1, 0));
}

#[test]
fn every_spelling_of_an_accounts_name_signs_in_and_names_of_other_domains_do_not() {
    let own = DomainNames { netbios: "LAB".into(), dns: "lab.test".into() };
    let mut file = AccountFile::clone(&accounts()).in_domain(own).unwrap();
    file.set(Account::new("dora@mail.test", "", NtHash::from_password("dormouse"))).unwrap();
    let config = Arc::new(AcceptorConfig { accounts: Arc::new(file), ..server(Policy::default()) });
    let sign_in = |user: &str, domain: &str, password: &str| {
        let mut initiator = Initiator::new(client(user, domain, password), Channel::http(None));
        let shaken = shake(&mut initiator, &mut Acceptor::new(Arc::clone(&config), Channel::http(None)));
        shaken.map(|(_, (context, _))| context.principal().to_string())
    };
    for (user, domain) in
        [("alice", ""), ("alice@lab.test", ""), ("Alice@lab", ""), ("LAB\\alice", ""), ("alice", "lab.test")]
    {
        assert_eq!(sign_in(user, domain, "wonderland").unwrap(), "LAB\\alice", "{domain} {user}");
        assert_eq!(
            sign_in(user, domain, "Wonderland"),
            Err(AuthError::InvalidCredentials),
            "{domain} {user}"
        );
    }
    for (user, domain) in [("dora@mail.test", ""), ("DORA@mail.test", ""), ("dora", "mail.test")] {
        assert_eq!(sign_in(user, domain, "dormouse").unwrap(), "dora@mail.test", "{domain} {user}");
    }
    for (user, domain) in [("alice@LAB.evil", ""), ("alice", "LAB.evil"), ("carol@lab.test", "")] {
        assert_eq!(
            sign_in(user, domain, "wonderland"),
            Err(AuthError::InvalidCredentials),
            "{domain} {user}"
        );
    }
}

#[test]
fn unknown_and_disabled_accounts_fail_like_a_wrong_password() {
    for (user, domain, password) in [
        ("alice", "LAB", "wrong"),
        ("alice", "LAB", ""),
        ("mallory", "LAB", "wonderland"),
        ("mallory", "LAB", ""),
        ("alice", "OTHER", "wonderland"),
        ("carol", "LAB", "gone"),
        ("carol", "LAB", "wrong"),
    ] {
        let refusal = shake(
            &mut Initiator::new(client(user, domain, password), Channel::http(None)),
            &mut acceptor(Policy::default()),
        );
        assert_eq!(refusal.unwrap_err(), AuthError::InvalidCredentials, "{user}");
    }
    // The response for an unknown account is checked with a hash of zeros, which is not accepted as a password either.
    let zero = Credentials::nt_hash("mallory", "LAB", NtHash::from_bytes([0; 16]));
    let config = InitiatorConfig { credentials: zero, ..client("", "", "") };
    let refusal = shake(&mut Initiator::new(config, Channel::http(None)), &mut acceptor(Policy::default()));
    assert_eq!(refusal.unwrap_err(), AuthError::InvalidCredentials);
}

#[test]
fn an_unknown_name_takes_as_long_as_a_wrong_password() {
    let config = Arc::new(server(Policy::default()));
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..400 {
        for (user, times) in ["alice", "nobod"].into_iter().zip(&mut times) {
            let mut acceptor = Acceptor::new(Arc::clone(&config), Channel::http(None));
            let mut initiator = Initiator::new(client(user, "LAB", "wrong"), Channel::http(None));
            let [.., authenticate] = messages(&mut initiator, &mut acceptor);
            let start = Instant::now();
            acceptor.step(&authenticate, NOW, &mut Script::default()).unwrap_err();
            times.push(start.elapsed());
        }
    }
    let [known, unknown] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    });
    let ratio = known / unknown;
    assert!((0.5..2.0).contains(&ratio), "known {known}, unknown {unknown}");
}

#[test]
fn a_handshake_with_other_or_no_channel_bindings_is_rejected_if_they_are_required() {
    let channel = ChannelBindings::tls_server_end_point(b"certificate");
    let other = ChannelBindings::tls_server_end_point(b"another");
    let rules = Rules {
        policy: Policy { bindings: BindingPolicy::Require, ..Policy::default() },
        ntlm: NtlmAcceptorConfig { require_mic: true, ..NtlmAcceptorConfig::default() },
    };
    for (bindings, expected) in [
        (Some(channel), None),
        (Some(other), Some(AuthError::BindingMismatch)),
        (None, Some(AuthError::BindingAbsent)),
    ] {
        let config = client("alice", "LAB", "wonderland");
        let mut acceptor = Acceptor::new(Arc::new(server(rules.clone())), Channel::http(Some(channel)));
        assert_eq!(
            shake(&mut Initiator::new(config, Channel::http(bindings)), &mut acceptor).err(),
            expected
        );
    }
}

#[test]
fn a_bit_flipped_anywhere_in_the_handshake_fails_the_authentication() {
    let strict = || NtlmAcceptorConfig { require_mic: true, ..NtlmAcceptorConfig::default() };
    let mut initiator = Initiator::new(client("alice", "LAB", "wonderland"), Channel::http(None));
    let messages = messages(&mut initiator, &mut acceptor(strict()));
    for (which, message) in messages.iter().enumerate() {
        for bit in 0..message.len() * 8 {
            let flip = |at: usize, mut token: Vec<u8>| {
                if at == which {
                    token[bit / 8] ^= 1 << (bit % 8);
                }
                token
            };
            let mut initiator = Initiator::new(client("alice", "LAB", "wonderland"), Channel::http(None));
            let mut acceptor = acceptor(strict());
            let negotiate = flip(0, token(initiator.step(&[], NOW, &mut Script::default())));
            let Ok(Step::Continue(challenge)) = acceptor.step(&negotiate, NOW, &mut Script::default()) else {
                continue;
            };
            let challenge = flip(1, challenge);
            let Ok(Step::Done { token: Some(authenticate), .. }) =
                initiator.step(&challenge, NOW, &mut Script::default())
            else {
                continue;
            };
            let result = acceptor.step(&flip(2, authenticate), NOW, &mut Script::default());
            assert!(result.is_err(), "message {which}, bit {bit}: {result:?}");
        }
    }
}

#[test]
fn a_handshake_is_not_accepted_twice() {
    let mut initiator = Initiator::new(client("alice", "LAB", "wonderland"), Channel::http(None));
    let config = Arc::new(server(Policy::default()));
    let mut first = Acceptor::new(Arc::clone(&config), Channel::http(None));
    let [negotiate, _, authenticate] = messages(&mut initiator, &mut first);
    assert!(matches!(first.step(&authenticate, NOW, &mut Script::default()), Ok(Step::Done { .. })));
    let again = first.step(&authenticate, NOW, &mut Script::default());
    assert!(matches!(again, Err(AuthError::Ended)), "{again:?}");

    let mut second = Acceptor::new(config, Channel::http(None));
    token(second.step(&negotiate, NOW, &mut Script(Vec::new(), 99)));
    assert_eq!(
        second.step(&authenticate, NOW, &mut Script::default()).unwrap_err(),
        AuthError::InvalidCredentials
    );
    // After a refusal the right token comes too late as well.
    assert!(second.step(&authenticate, NOW, &mut Script::default()).is_err());
}

#[test]
fn a_response_with_an_old_timestamp_is_rejected() {
    let mut initiator = Initiator::new(client("alice", "LAB", "wonderland"), Channel::http(None));
    let mut acceptor =
        acceptor(NtlmAcceptorConfig { max_skew: Duration::from_mins(5), ..NtlmAcceptorConfig::default() });
    let [.., authenticate] = messages(&mut initiator, &mut acceptor);
    let later = Now { wall: NOW.wall.after(Duration::from_secs(301)), ..NOW };
    let refusal = acceptor.step(&authenticate, later, &mut Script::default()).unwrap_err();
    assert_eq!(refusal, AuthError::ClockSkew { seconds: 301 });
}

#[test]
fn a_context_expires_after_the_lifetime_in_the_policy() {
    let policy = Policy { lifetime: Some(Duration::from_mins(1)), ..Policy::default() };
    let mut initiator = Initiator::new(client("alice", "LAB", "wonderland"), Channel::http(None));
    let (_, (context, _)) = shake(&mut initiator, &mut acceptor(policy)).unwrap();
    let after = |age: Duration| Now { monotonic: NOW.monotonic + age, ..NOW };
    assert_eq!(context.check(|| after(Duration::from_nanos(59_999_999_999))), Ok(()));
    assert!(context.check(|| after(Duration::from_mins(1))).is_err());
}

#[test]
fn anonymous_clients_are_accepted_only_if_the_policy_allows_them() {
    for allow_anonymous in [false, true] {
        for protection in [Protection::None, Protection::Seal] {
            let credentials = Credentials::Anonymous;
            let config = InitiatorConfig { credentials, protection, ..client("", "", "") };
            let mut acceptor = acceptor(Policy { allow_anonymous, ..Policy::default() });
            match shake(&mut Initiator::new(config, Channel::http(None)), &mut acceptor) {
                Ok(((_, mut a), (context, mut b))) => {
                    assert!(allow_anonymous && context.is_anonymous());
                    assert_eq!(context.proof(), Proof::Anonymous);
                    converse(&mut a, &mut b);
                }
                Err(refusal) => {
                    assert_eq!(refusal, AuthError::Anonymous);
                    assert!(!allow_anonymous);
                }
            }
        }
    }
}

/// The result of a handshake over `channel` by a client that names `target`, with a server of these `hosts`.
fn naming(target: &str, channel: Channel, hosts: &[&str]) -> Result<(), AuthError> {
    let target_names = hosts.iter().map(|host| (*host).to_owned()).collect();
    let policy = Policy { target_names, ..Policy::default() };
    let config = InitiatorConfig { target_name: target.into(), ..client("alice", "LAB", "wonderland") };
    let mut acceptor = Acceptor::new(Arc::new(server(policy)), channel);
    shake(&mut Initiator::new(config, channel), &mut acceptor).map(|_| ())
}

#[test]
fn a_client_that_names_another_host_is_rejected() {
    for (target, ok) in [
        ("HTTP/Proxy.lab.test", true),
        ("HTTP/proxy.lab.test:443", true),
        ("HTTP/proxy.lab.test./lab.test", true),
        ("http/PROXY", true),
        ("HTTP/[::1]:443", true),
        ("HTTP/::1", true),
        ("", true),
        ("HTTP/other", false),
        ("HTTP/proxy.lab.test.evil", false),
        ("HTTP/evil/proxy.lab.test", false),
        ("HTTP/lab.test", false),
        ("HTTP/", false),
    ] {
        let result = naming(target, Channel::http(None), &["proxy.lab.test", "proxy", "::1"]);
        assert_eq!(result.is_ok(), ok, "{target}");
        let is_expected = matches!(result, Ok(()) | Err(AuthError::WrongTarget(_)));
        assert!(is_expected, "{target}: {result:?}");
    }
}

#[test]
fn a_client_that_names_a_service_of_another_protocol_is_rejected_whatever_the_host() {
    let tls = Channel::http(Some(ChannelBindings::tls_server_end_point(b"certificate")));
    for (target, over_http, over_rpc) in [
        ("HTTP/proxy.lab.test", true, false),
        ("hTTp/proxy.lab.test:443", true, false),
        ("", true, true),
        // What Outlook names, and scapy, and impacket.
        ("exchangeMDB/proxy.lab.test", false, true),
        ("exchangeRFR/proxy.lab.test", false, true),
        ("exchangeAB/proxy.lab.test", false, true),
        ("host/proxy.lab.test", false, true),
        ("cifs/proxy.lab.test", false, true),
        ("proxy.lab.test", false, true),
        ("/proxy.lab.test", false, true),
        ("ldap/proxy.lab.test", false, false),
        ("SMTP/proxy.lab.test", false, false),
        ("imap/proxy.lab.test", false, false),
        ("POP/proxy.lab.test", false, false),
        ("WSMAN/proxy.lab.test", false, false),
        ("MSSQLSvc/proxy.lab.test:1433", false, false),
    ] {
        for hosts in [&["proxy.lab.test"][..], &[]] {
            for (channel, ok) in
                [(Channel::http(None), over_http), (tls, over_http), (Channel::RPC, over_rpc)]
            {
                let result = naming(target, channel, hosts);
                let carrier = channel.carrier;
                let refusal = AuthError::WrongService { target: target.into(), carrier };
                assert_eq!(result, if ok { Ok(()) } else { Err(refusal) }, "{target} over {carrier}");
            }
        }
    }
}

#[test]
fn an_empty_domain_finds_the_account() {
    for (user, domain) in [("alice", ""), ("Alice", "")] {
        let mut initiator = Initiator::new(client(user, domain, "wonderland"), Channel::http(None));
        let (_, (context, _)) = shake(&mut initiator, &mut acceptor(Policy::default())).unwrap();
        assert_eq!(context.principal().to_string(), "LAB\\alice");
    }
}

#[test]
fn the_initiator_rejects_a_server_that_offers_too_little() {
    for (taken, name) in [
        (F::NTLMSSP_NEGOTIATE_SIGN, "SIGN"),
        (F::NTLMSSP_NEGOTIATE_SEAL, "SEAL"),
        (F::NTLMSSP_NEGOTIATE_128, "128"),
        (F::NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY, "EXTENDED_SESSIONSECURITY"),
        (F::NTLMSSP_NEGOTIATE_UNICODE, "UNICODE"),
    ] {
        let mut initiator = Initiator::new(client("alice", "LAB", "wonderland"), Channel::http(None));
        let negotiate = token(initiator.step(&[], NOW, &mut Script::default()));
        let challenge = token(acceptor(Policy::default()).step(&negotiate, NOW, &mut Script::default()));
        let mut challenge = Challenge::from_bytes(&challenge).unwrap();
        challenge.flags = challenge.flags.without(taken);
        let result = initiator.step(&challenge.to_bytes().unwrap(), NOW, &mut Script::default());
        assert_eq!(result.unwrap_err(), AuthError::TooWeak(name));
    }
}

#[test]
fn the_acceptor_rejects_a_client_that_offers_too_little() {
    for (taken, name) in [
        (F::NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY, "EXTENDED_SESSIONSECURITY"),
        (F::NTLMSSP_NEGOTIATE_128, "128"),
        (F::NTLMSSP_NEGOTIATE_UNICODE, "UNICODE or OEM"),
    ] {
        let offer = Negotiate::new(F(0xe288_8235).without(taken), Version::default()).to_bytes().unwrap();
        let refusal = acceptor(Policy::default()).step(&offer, NOW, &mut Script::default());
        assert_eq!(refusal.unwrap_err(), AuthError::TooWeak(name));
    }
}
