use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::ntlm::tests::{client, server};
use crate::ntlm::{InitiatorConfig, Policy, Protection};
use crate::spnego::{Oid, der};
use crate::{Initiator, Mechanism, OsRandom, Step};

const NOW: FileTime = FileTime(133_000_000_000_000_000);

fn config() -> Arc<Config> {
    Arc::new(Config { authority: Authority::new("exch"), lifetime: None, registry: Registry::new() })
}

fn begin(config: &Arc<Config>, scheme: Scheme) -> SignIn {
    SignIn::new(config, scheme, Guarded::by(401).unwrap())
}

/// What the server's `status` makes of credentials that each request has.
fn by(config: &Arc<Config>, scheme: Scheme, credentials: &[u8], status: u16) -> Result<Outcome, Refusal> {
    Ok(begin(config, scheme).sent(credentials)?.answered(Answer { status, token: None }, NOW))
}

#[track_caller]
fn accepted(outcome: Result<Outcome, Refusal>) -> Accepted {
    match outcome.unwrap() {
        Outcome::Accepted(accepted) => accepted,
        _ => panic!("not accepted"),
    }
}

fn basic_of(text: &str) -> Vec<u8> {
    STANDARD.encode(text).into_bytes()
}

#[test]
fn only_the_servers_acceptance_makes_a_context() {
    let config = config();
    let credentials = basic_of("LAB\\alice:secret");
    for status in [400, 402, 403, 407, 408, 413, 414, 429, 431, 440, 500, 501, 502, 503] {
        let outcome = by(&config, Scheme::Basic, &credentials, status).unwrap();
        assert!(matches!(outcome, Outcome::Unclear), "{status}");
    }
    assert!(matches!(by(&config, Scheme::Basic, &credentials, 401).unwrap(), Outcome::Refused));
    assert_eq!(config.registry.opened(), 0);
    for status in [200, 204, 404, 405, 406, 411, 415] {
        let accepted = accepted(by(&config, Scheme::Basic, &credentials, status));
        let context = accepted.context();
        assert_eq!((context.principal().to_string(), context.proof()), ("LAB\\alice".into(), Proof::Relayed));
        assert_eq!(context.authority(), "exch by Basic");
    }
    for status in [300, 301, 302, 307, 308] {
        let Outcome::Redirected(led) = by(&config, Scheme::Basic, &credentials, status).unwrap() else {
            panic!("{status}")
        };
        let again = |status| Answer { status, token: None };
        let sent = led.again(Guarded::by(401).unwrap());
        let Outcome::Redirected(led) = sent.answered(again(302), NOW) else { panic!("{status}") };
        let sent = led.again(Guarded::by(401).unwrap());
        assert!(matches!(sent.answered(again(401), NOW), Outcome::Refused));
    }
    assert_eq!(config.registry.open(), 0);
    for status in [200, 302, 403, 404, 500] {
        assert!(Guarded::by(status).is_none(), "{status}");
    }
}

#[test]
fn who_a_password_is_of_is_who_it_was_sent_for() {
    let config = config();
    let names = ["alice:a", "LAB\\alice:a", "alice@lab.test:a", "bob:a", "LAB\\alice\\x:a", " alice:a"];
    let contexts: Vec<_> =
        names.iter().map(|name| accepted(by(&config, Scheme::Basic, &basic_of(name), 200))).collect();
    for (at, one) in contexts.iter().enumerate() {
        for (other_at, other) in contexts.iter().enumerate() {
            assert_eq!(one.context().identity() == other.context().identity(), at == other_at);
        }
    }
    let again = accepted(by(&config, Scheme::Basic, &basic_of("ALICE:other"), 200));
    assert_eq!(again.context().identity(), contexts[0].context().identity());
    assert!(again.covers(Scheme::Basic, &basic_of("ALICE:other")));
    for (scheme, text) in
        [(Scheme::Basic, "ALICE:a"), (Scheme::Basic, "alice:other"), (Scheme::Bearer, "ALICE:other")]
    {
        assert!(!again.covers(scheme, &basic_of(text)), "{scheme:?} {text}");
    }
    for bad in [&b"?"[..], &basic_of("alice"), &basic_of(":a"), &basic_of("LAB\\:a"), &basic_of("a\nb:c")] {
        assert!(by(&config, Scheme::Basic, bad, 200).is_err(), "{bad:?}");
    }
    let latin = STANDARD.encode(b"ren\xe9:a").into_bytes();
    assert!(by(&config, Scheme::Basic, &latin, 200).is_err());
}

fn jwt(header: &str, claims: &str, signature: &str) -> Vec<u8> {
    [header, claims, signature].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".").into_bytes()
}

#[test]
fn a_token_is_its_accounts_only_if_it_is_one_signed_jwt() {
    let config = config();
    let token = |header: &str, claims: &str, signature: &str| {
        accepted(by(&config, Scheme::Bearer, &jwt(header, claims, signature), 200)).context().clone()
    };
    let rs = r#"{"alg":"RS256"}"#;
    let alice = token(rs, r#"{"iss":"a","tid":"t","oid":"1","upn":"alice@lab.test","exp":1700000000}"#, "s");
    assert_eq!(alice.principal().to_string(), "alice@lab.test");
    assert_eq!(alice.authority(), "exch by Bearer of \"a\"");
    assert_eq!(alice.expires(), Some(FileTime(133_444_736_000_000_000)));
    let renamed = token(
        rs,
        r#"{"iss":"a","tid":"t","oid":"1","sub":"2","upn":"alba@lab.test","exp":1800000000}"#,
        "other",
    );
    assert_eq!((renamed.principal().user(), renamed.identity()), ("alba@lab.test", alice.identity()));
    let nameless = token(rs, r#"{"iss":"a","tid":"t","oid":"1","upn":"","unique_name":"a\nb"}"#, "s");
    assert_eq!((nameless.principal().user(), nameless.identity()), ("1", alice.identity()));
    for (header, claims, signature) in [
        (rs, r#"{"iss":"b","tid":"t","oid":"1","upn":"alice@lab.test"}"#, "s"),
        (rs, r#"{"iss":"a","tid":"u","oid":"1","upn":"alice@lab.test"}"#, "s"),
        (rs, r#"{"iss":"a","oid":"1","upn":"alice@lab.test"}"#, "s"),
        // The name is another's now.
        (rs, r#"{"iss":"a","tid":"t","oid":"2","upn":"alice@lab.test"}"#, "s"),
        (rs, r#"{"iss":"a","tid":"t","sub":"1","upn":"alice@lab.test"}"#, "s"),
        (rs, r#"{"iss":"a","tid":"t","upn":"alice@lab.test"}"#, "s"),
        (rs, r#"{"iss":"a","tid":"t","oid":"2","oid":"1"}"#, "s"),
        (rs, r#"{"tid":"t","oid":"1","upn":"alice@lab.test"}"#, "s"),
        (rs, r#"{"iss":"a","tid":"t","oid":"1","upn":"alice@lab.test"}"#, ""),
        (r#"{"alg":"none"}"#, r#"{"iss":"a","tid":"t","oid":"1","upn":"alice@lab.test"}"#, "s"),
    ] {
        assert_ne!(alice.identity(), token(header, claims, signature).identity(), "{header} {claims}");
    }
    // Identifiers are no names: `a` and `A` are two.
    let subject =
        |sub: &str| token(rs, &format!(r#"{{"iss":"a","sub":"{sub}","upn":"x"}}"#), "s").identity().clone();
    assert_eq!(subject("a"), subject("a"));
    assert_ne!(subject("a"), subject("A"));
    // Without an account the name alone makes nobody, nor does one that cannot be shown.
    for claims in
        [r#"{"iss":"a","upn":"x"}"#, r#"{"iss":"a","oid":"","upn":"x"}"#, r#"{"iss":"a","oid":"\n"}"#]
    {
        let one = token(rs, claims, "s");
        assert!(one.principal().user().starts_with("token "), "{claims}");
        assert_ne!(one.identity(), token(rs, claims, "other").identity(), "{claims}");
    }
}

#[test]
fn what_is_no_jwt_is_somebody_of_its_own() {
    let config = config();
    let opaque = |token: &[u8]| accepted(by(&config, Scheme::Bearer, token, 200)).context().clone();
    assert_eq!(opaque(b"one").identity(), opaque(b"one").identity());
    assert_ne!(opaque(b"one").identity(), opaque(b"two").identity());
    assert!(!opaque(b"a-secret-token").principal().to_string().contains("secret"));
    let alice = jwt(r#"{"alg":"RS256"}"#, r#"{"iss":"a","oid":"1"}"#, "s");
    assert_ne!(opaque(&[&alice[..], b".x"].concat()).identity(), opaque(&alice).identity());
    for bad in [&b""[..], b"a b", b"a'", b"<a>", b"\xe9"] {
        assert!(by(&config, Scheme::Bearer, bad, 200).is_err(), "{bad:?}");
    }
}

/// Both ends of a handshake that passes us.
struct Ends {
    client: Initiator,
    server: crate::Acceptor,
}

impl Ends {
    fn new(mechanism: Mechanism, user: &str) -> Self {
        let server = server(Policy::default());
        let client = InitiatorConfig { protection: Protection::None, ..client(user, "LAB", "wonderland") };
        Self {
            client: Initiator::new(mechanism, client),
            server: crate::Acceptor::new(mechanism, Arc::new(server), None),
        }
    }

    fn client(&mut self, token: &[u8]) -> Vec<u8> {
        match self.client.step(token, NOW, &mut OsRandom).unwrap() {
            Step::Continue(token) | Step::Done { token: Some(token), .. } => token,
            Step::Done { .. } => Vec::new(),
        }
    }

    /// The server's status and token.
    fn server(&mut self, token: &[u8]) -> (u16, Option<Vec<u8>>) {
        match self.server.step(token, NOW, &mut OsRandom) {
            Ok(Step::Continue(token)) => (401, Some(token)),
            Ok(Step::Done { token, .. }) => (200, token),
            Err(_) => (401, None),
        }
    }
}

/// A handshake from its beginning to its end.
fn shake(config: &Arc<Config>, scheme: Scheme, user: &str) -> Outcome {
    let mechanism = if scheme == Scheme::Ntlm { Mechanism::Ntlm } else { Mechanism::Spnego };
    let (mut ends, mut sign_in, mut said) = (Ends::new(mechanism, user), begin(config, scheme), Vec::new());
    loop {
        let token = ends.client(&said);
        let (status, answer) = ends.server(&token);
        let sent = sign_in.sent(STANDARD.encode(token).as_bytes()).unwrap();
        match sent.answered(Answer { status, token: answer.as_deref() }, NOW) {
            Outcome::GoesOn(goes_on) => (sign_in, said) = (goes_on, answer.unwrap()),
            outcome => return outcome,
        }
    }
}

#[test]
fn a_handshake_names_who_answered_the_challenge() {
    let config = config();
    let mut identities = Vec::new();
    for scheme in [Scheme::Ntlm, Scheme::Negotiate] {
        let accepted = accepted(Ok(shake(&config, scheme, "alice")));
        assert_eq!(accepted.context().principal().to_string(), "LAB\\alice");
        assert!(!accepted.covers(scheme, b""));
        identities.push(accepted.context().identity().clone());
        assert!(matches!(shake(&config, scheme, "mallory"), Outcome::Refused));
    }
    assert_eq!(identities[0], identities[1]);
}

#[test]
fn a_name_counts_only_as_the_answer_to_a_challenge() {
    let config = config();
    let mut ends = Ends::new(Mechanism::Ntlm, "alice");
    let first = ends.client(&[]);
    let (_, challenge) = ends.server(&first);
    let last = ends.client(challenge.as_deref().unwrap());
    let encoded = |token: &[u8]| STANDARD.encode(token).into_bytes();
    // First of all, or wrapped into a first token.
    assert!(begin(&config, Scheme::Ntlm).sent(&encoded(&last)).is_err());
    let init = |mech: Oid, token: &[u8]| {
        let init = NegTokenInit {
            mech_types: vec![mech],
            mech_token: Some(token.to_vec()),
            ..NegTokenInit::default()
        };
        wire::Encode::to_bytes(&init).unwrap()
    };
    for mech in [Oid::NTLM, Oid::KERBEROS] {
        assert!(begin(&config, Scheme::Negotiate).sent(&encoded(&init(mech, &last))).is_err());
    }
    // After the server went on with another mechanism, or after it went on again.
    let went_on = |token: &[u8]| {
        let sent = begin(&config, Scheme::Ntlm).sent(&encoded(&first)).unwrap();
        match sent.answered(Answer { status: 401, token: Some(token) }, NOW) {
            Outcome::GoesOn(sign_in) => sign_in,
            _ => panic!("not going on"),
        }
    };
    assert!(went_on(b"another").sent(&encoded(&last)).is_err());
    assert!(went_on(challenge.as_deref().unwrap()).sent(&encoded(&first)).is_err());
    let sent = went_on(challenge.as_deref().unwrap()).sent(&encoded(&last)).unwrap();
    match sent.answered(Answer { status: 401, token: challenge.as_deref() }, NOW) {
        Outcome::GoesOn(sign_in) => assert!(sign_in.sent(&encoded(&last)).is_err()),
        _ => panic!("not going on"),
    }
    // In another character set than the challenge asked for.
    let mut other = ntlm_authenticate(&last);
    other.flags = other.flags.without(NegotiateFlags::NTLMSSP_NEGOTIATE_UNICODE);
    let other = wire::Encode::to_bytes(&other).unwrap();
    assert!(went_on(challenge.as_deref().unwrap()).sent(&encoded(&other)).is_err());
}

fn ntlm_authenticate(token: &[u8]) -> Authenticate {
    Authenticate::from_bytes(token).unwrap()
}

/// A first token of Kerberos's with this ticket and authenticator.
fn kerberos(ticket: &[u8], authenticator: &[u8]) -> Vec<u8> {
    let wrap = |tag, contents: &[u8]| der::wrap(tag, contents).unwrap();
    let fields = [
        wrap(der::context(0), &[2, 1, 5]),
        wrap(der::context(1), &[2, 1, 14]),
        wrap(der::context(2), &[3, 5, 0, 0, 0, 0, 0]),
        wrap(der::context(3), &wrap(0x61, ticket)),
        wrap(der::context(4), authenticator),
    ];
    let request = wrap(0x6e, &wrap(der::SEQUENCE, &fields.concat()));
    let inner = [wrap(der::OID, Oid::KERBEROS.as_der()), vec![1, 0], request].concat();
    wrap(der::APPLICATION_0, &inner)
}

#[test]
fn one_ticket_is_one_identity_and_everything_else_is_its_own() {
    let config = config();
    let wrapped = |token: Vec<u8>| {
        let init = NegTokenInit {
            mech_types: vec![Oid::MS_KERBEROS, Oid::KERBEROS, Oid::NTLM],
            mech_token: Some(token),
            ..NegTokenInit::default()
        };
        wire::Encode::to_bytes(&init).unwrap()
    };
    let legs = |tokens: &[Vec<u8>]| {
        let mut sign_in = begin(&config, Scheme::Negotiate);
        for (left, token) in tokens.iter().enumerate().map(|(at, token)| (tokens.len() - at - 1, token)) {
            let sent = sign_in.sent(STANDARD.encode(token).as_bytes()).unwrap();
            let status = if left == 0 { 200 } else { 401 };
            match sent.answered(Answer { status, token: Some(b"token") }, NOW) {
                Outcome::GoesOn(goes_on) => sign_in = goes_on,
                Outcome::Accepted(accepted) => return accepted.context().clone(),
                _ => panic!("refused"),
            }
        }
        panic!("no end")
    };
    let alice = legs(&[wrapped(kerberos(b"alice", b"1"))]);
    assert_eq!(alice.principal().user().split(' ').take(2).collect::<Vec<_>>(), ["Kerberos", "ticket"]);
    assert_eq!(alice.identity(), legs(&[wrapped(kerberos(b"alice", b"2"))]).identity());
    assert_eq!(alice.identity(), legs(&[kerberos(b"alice", b"3")]).identity());
    let mut trailing = kerberos(b"alice", b"1");
    trailing.push(0);
    for others in [
        vec![wrapped(kerberos(b"bob", b"1"))],
        vec![trailing],
        vec![wrapped(kerberos(b"alice", b"1")), kerberos(b"bob", b"1")],
        vec![b"other".to_vec()],
    ] {
        assert_ne!(alice.identity(), legs(&others).identity());
    }
    // Whoever has this name as a password's is somebody else.
    let named = basic_of(&format!("{}:x", alice.principal().user()));
    assert_ne!(alice.identity(), accepted(by(&config, Scheme::Basic, &named, 200)).context().identity());
}

#[test]
fn schemes_are_told_apart_in_any_case() {
    assert_eq!(Scheme::split(b"bAsic  abc "), Some((Scheme::Basic, &b"abc"[..])));
    assert_eq!(Scheme::split(b"negotiate"), Some((Scheme::Negotiate, &b""[..])));
    assert_eq!(Scheme::split(b"Digest x"), None);
    assert_eq!(Scheme::split(b""), None);
}
