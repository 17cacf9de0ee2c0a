//! Tests of pass-through authentication, with the configuration and requests that they share.

mod handshakes;
mod proofs;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use wire::{FileTime, Now};

use super::*;
use crate::http_auth::Authorization;
use crate::{AuthError, Authority, ContextCounters, Mechanism, OsRandom, Proof};

const NOW: Now = Now::at(FileTime(133_000_000_000_000_000));

/// The headers by which a PING shows that the server carried it out.
const CARRIED_OUT: Response<'static> = Response {
    status: 200,
    token: None,
    request_type: Some(b"PING"),
    response_code: Some(b"0"),
    offers: &[],
};

fn config() -> Arc<Config> {
    Arc::new(Config { authority: Authority::new("exch"), lifetime: None, contexts: ContextCounters::new() })
}

fn refusal() -> Response<'static> {
    Response { status: 401, offers: &Mechanism::ALL, ..Response::default() }
}

fn status(status: u16) -> Response<'static> {
    Response { status, ..Response::default() }
}

fn guarded(probe: Probe) -> RejectedProbe {
    RejectedProbe::from_response(probe, &refusal(), NOW).unwrap()
}

fn begin(config: &Arc<Config>, scheme: Mechanism) -> AuthAttempt {
    AuthAttempt::new(config, scheme, &guarded(Probe::Ping), NOW).unwrap()
}

/// The result of the server's `answer` to a request with credentials.
fn by(
    config: &Arc<Config>,
    scheme: Mechanism,
    credentials: &[u8],
    answer: &Response<'_>,
) -> Result<Outcome, AuthError> {
    Ok(begin(config, scheme).send(credentials)?.on_response(answer, NOW))
}

/// The user, after the server refused a request without credentials again.
#[track_caller]
fn settled(outcome: Outcome) -> Authenticated {
    let Outcome::Accepted(taken) = outcome else { panic!("not taken") };
    match taken.on_unauthenticated_response(&refusal(), NOW, &mut OsRandom).unwrap() {
        Checked::Authenticated(accepted) => accepted,
        Checked::Control(_) => panic!("a control"),
    }
}

/// The user of the credentials, if the server accepts them.
#[track_caller]
fn accepted(config: &Arc<Config>, scheme: Mechanism, credentials: &[u8]) -> Authenticated {
    settled(by(config, scheme, credentials, &CARRIED_OUT).unwrap())
}

/// The mechanism and the credentials of a header's value.
fn split(value: &[u8]) -> Option<(Mechanism, &[u8])> {
    let read = Authorization::read(value);
    Some((read.mechanism()?, read.credentials))
}

fn basic_of(text: &str) -> Vec<u8> {
    STANDARD.encode(text).into_bytes()
}

#[test]
fn limits_of_a_user_are_counted_once_for_all_spellings_with_the_same_domain() {
    let config = config();
    let identity = |name: &str| {
        let accepted = accepted(&config, Mechanism::BASIC, &basic_of(&format!("{name}:a")));
        accepted.context().identity().clone()
    };
    // The names of one account in a domain with one UPN suffix. Which domains are the same, only the server knows.
    let mut identities = std::collections::HashSet::new();
    let mut users = std::collections::HashSet::new();
    for spellings in [
        ["dora", "\\dora", "dórà", "ｄora", "do\u{200b}ra"],
        ["LAB\\dora", "lab\\DORA", "LAB\\dorá", "LAB\\ⓓora", "LÁB\\dora"],
        ["lab.test\\dora", "LAB.test\\dora", "lab.test.\\dora", "lab.test\\ｄora", "lab.test\\do\u{ad}ra"],
        ["dora@lab.test", "Dora@LAB.test", "dora＠lab.test", "dörä@lab.test", "dora@lab.test."],
        ["dora@LAB", "dora@lab", "DORA@lab", "ďora@lab", "d\u{200d}ora@lab"],
    ] {
        let of_domain = spellings.map(identity);
        assert!(of_domain.iter().all(|one| one.user() == of_domain[0].user()), "{spellings:?}");
        users.insert(of_domain[0].user().clone());
        identities.extend(of_domain);
    }
    assert_eq!(users.len(), 5);
    // They are different identities, except for those that differ in case only.
    assert_eq!(identities.len(), 25 - 1 - 1 - 1 - 2);
    // Users of other domains, and other users, are apart.
    for other in ["dora@other.test", "OTHER\\dora", "dora2", "fedora"] {
        assert!(!users.contains(identity(other).user()), "{other}");
    }
}

#[test]
fn the_context_is_that_of_the_account_whose_password_was_sent() {
    let config = config();
    let names = ["alice:a", "LAB\\alice:a", "alice@lab.test:a", "bob:a", "LAB\\alice\\x:a", " alice:a"];
    let contexts: Vec<_> =
        names.iter().map(|name| accepted(&config, Mechanism::BASIC, &basic_of(name))).collect();
    for (at, one) in contexts.iter().enumerate() {
        for (other_at, other) in contexts.iter().enumerate() {
            assert_eq!(one.context().identity() == other.context().identity(), at == other_at);
        }
    }
    let again = accepted(&config, Mechanism::BASIC, &basic_of("ALICE:other"));
    assert_eq!(again.context().identity(), contexts[0].context().identity());
    assert!(again.covers(Mechanism::BASIC, &basic_of("ALICE:other")));
    for (scheme, text) in
        [(Mechanism::BASIC, "ALICE:a"), (Mechanism::BASIC, "alice:other"), (Mechanism::BEARER, "ALICE:other")]
    {
        assert!(!again.covers(scheme, &basic_of(text)), "{scheme:?} {text}");
    }
    for bad in [&b"?"[..], &basic_of("alice"), &basic_of(":a"), &basic_of("LAB\\:a"), &basic_of("a\nb:c")] {
        assert!(by(&config, Mechanism::BASIC, bad, &CARRIED_OUT).is_err(), "{bad:?}");
    }
    let latin = STANDARD.encode(b"ren\xe9:a").into_bytes();
    assert!(by(&config, Mechanism::BASIC, &latin, &CARRIED_OUT).is_err());
}

fn jwt(header: &str, claims: &str, signature: &str) -> Vec<u8> {
    [header, claims, signature].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".").into_bytes()
}

#[test]
fn a_token_denotes_an_account_only_if_it_is_one_signed_jwt() {
    let config = config();
    let token = |header: &str, claims: &str, signature: &str| {
        accepted(&config, Mechanism::BEARER, &jwt(header, claims, signature)).context().clone()
    };
    let rs = r#"{"alg":"RS256"}"#;
    let alice = token(rs, r#"{"iss":"a","tid":"t","oid":"1","upn":"alice@lab.test","exp":1700000000}"#, "s");
    assert_eq!(alice.principal().to_string(), "token:alice@lab.test:a");
    assert_eq!(alice.authority(), "exch by Bearer of \"a\"");
    let at = |wall| alice.check(|| Now { wall: FileTime(wall), ..NOW }).is_ok();
    assert!(at(133_444_736_000_000_000 - 1) && !at(133_444_736_000_000_000), "`exp` of the token");
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
    // Without an account the name alone makes no context, nor does one that cannot be shown.
    for claims in
        [r#"{"iss":"a","upn":"x"}"#, r#"{"iss":"a","oid":"","upn":"x"}"#, r#"{"iss":"a","oid":"\n"}"#]
    {
        let one = token(rs, claims, "s");
        assert!(one.principal().to_string().starts_with("token:"), "{claims}");
        assert_eq!(one.principal().to_string().matches(':').count(), 1, "{claims}");
        assert_ne!(one.identity(), token(rs, claims, "other").identity(), "{claims}");
    }
}

#[test]
fn a_token_that_is_not_a_jwt_has_an_identity_of_its_own() {
    let config = config();
    let opaque = |token: &[u8]| accepted(&config, Mechanism::BEARER, token).context().clone();
    assert_eq!(opaque(b"one").identity(), opaque(b"one").identity());
    assert_ne!(opaque(b"one").identity(), opaque(b"two").identity());
    assert!(!opaque(b"a-secret-token").principal().to_string().contains("secret"));
    let alice = jwt(r#"{"alg":"RS256"}"#, r#"{"iss":"a","oid":"1"}"#, "s");
    assert_ne!(opaque(&[&alice[..], b".x"].concat()).identity(), opaque(&alice).identity());
    for bad in [&b""[..], b"a b", b"a'", b"<a>", b"\xe9"] {
        assert!(by(&config, Mechanism::BEARER, bad, &CARRIED_OUT).is_err(), "{bad:?}");
    }
}

#[test]
fn schemes_are_distinguished_in_any_letter_case() {
    assert_eq!(split(b"bAsic  abc "), Some((Mechanism::BASIC, &b"abc"[..])));
    assert_eq!(split(b"negotiate"), Some((Mechanism::SPNEGO, &b""[..])));
    assert_eq!(split(b"Digest x"), None);
    assert_eq!(split(b""), None);
}
