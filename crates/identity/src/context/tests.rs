//! Tests of security contexts, and contexts for other tests.

use super::*;

thread_local! {
    /// The directory of the users in these tests.
    pub(crate) static ACCOUNTS: Authority = Authority::new("accounts");
}

fn proven(user: &str, domain: &str, authority: &Authority) -> Proven {
    Proven {
        principal: Principal::new(user, domain),
        proof: Proof::Mechanism("NTLMv2"),
        level: ActingLevel::Impersonate,
        authority: authority.clone(),
        expiry: Expiry::default(),
        session_key: None,
        status: None,
    }
}

/// A context of `user` of LAB.
pub(crate) fn person(
    user: &str,
    contexts: &Arc<ContextCounters>,
    expires: Option<FileTime>,
) -> SecurityContext {
    ACCOUNTS.with(|accounts| {
        let expiry = Expiry { credentials: expires, lifetime: None };
        SecurityContext::proven(Proven { expiry, ..proven(user, "LAB", accounts) }, contexts)
    })
}

/// A context at `level` of `user`, whom `authority` authenticated.
pub(crate) fn person_by(
    user: &str,
    level: ActingLevel,
    authority: &Authority,
    contexts: &Arc<ContextCounters>,
) -> SecurityContext {
    SecurityContext::proven(Proven { level, ..proven(user, "LAB", authority) }, contexts)
}

#[test]
fn a_context_closes_with_its_last_clone() {
    let contexts = ContextCounters::new();
    for _ in 0..100_000 {
        let context = person("alice", &contexts, None);
        let clone = context.clone();
        drop(context);
        assert_eq!(contexts.open(), 1);
        drop(clone);
    }
    assert_eq!((contexts.opened(), contexts.closed(), contexts.open()), (100_000, 100_000, 0));
}

#[test]
fn an_identity_is_principal_authority_and_level() {
    let contexts = ContextCounters::new();
    let base = person("alice", &contexts, None);
    let same = person("ALICE", &contexts, None);
    assert_eq!(base.identity(), same.identity());
    assert!(!base.is_same(&same));
    for other in [
        person("bob", &contexts, None),
        ACCOUNTS.with(|accounts| person_by("alice", ActingLevel::Identify, accounts, &contexts)),
        person_by("alice", ActingLevel::Impersonate, &Authority::new("elsewhere"), &contexts),
    ] {
        assert_ne!(base.identity(), other.identity());
    }
}

#[test]
fn one_user_at_two_levels_has_two_identities_and_one_key_for_limits() {
    let contexts = ContextCounters::new();
    let by = |level, authority: &Authority| person_by("alice", level, authority, &contexts);
    ACCOUNTS.with(|accounts| {
        let (identify, impersonate) =
            (by(ActingLevel::Identify, accounts), by(ActingLevel::Impersonate, accounts));
        assert_ne!(identify.identity(), impersonate.identity());
        assert_eq!(identify.identity().user(), impersonate.identity().user());
        assert!(identify.level() < impersonate.level());
        let elsewhere = by(ActingLevel::Impersonate, &Authority::new("elsewhere"));
        assert_ne!(elsewhere.identity().user(), impersonate.identity().user());
        assert_ne!(person("bob", &contexts, None).identity().user(), impersonate.identity().user());
        assert_eq!(SecurityContext::anonymous(&contexts, accounts).level(), ActingLevel::Identify);
    });
}

#[test]
fn identities_of_two_authorities_of_the_same_name_differ() {
    let contexts = ContextCounters::new();
    let by = |by: &Authority| person_by("alice", ActingLevel::Impersonate, by, &contexts);
    let (one, other) = (Authority::new("accounts"), Authority::new("accounts"));
    let clone = one.clone();
    assert_eq!(by(&one).identity(), by(&clone).identity());
    assert_eq!(by(&one).authority(), by(&other).authority());
    assert_ne!(by(&one).identity(), by(&other).identity());
    let anonymous = |authority| SecurityContext::anonymous(&contexts, authority).identity().clone();
    assert_eq!(anonymous(&one), anonymous(&one));
    assert_ne!(anonymous(&one), anonymous(&other));
    // Nor are its users the same by each scheme.
    let known = |source: &str| {
        let key = Key::name(&Principal::new("alice", "LAB")).known_by(source);
        SecurityContext::known_by(key, proven("alice", "LAB", &one), &contexts)
    };
    assert_eq!(known("Basic").identity(), known("Basic").identity());
    assert_ne!(known("Basic").identity(), known("NTLM").identity());
    assert_eq!(known("Basic").authority(), "accounts by Basic");
}

#[test]
fn names_whose_letters_only_share_an_upper_case_differ() {
    let contexts = ContextCounters::new();
    let identity = |user: &str| person(user, &contexts, None).identity().clone();
    for (one, other) in [("\u{131}an", "ian"), ("\u{17f}am", "sam"), ("\u{212a}arl", "karl"), ("ΠΟΣ", "πος")]
    {
        assert_ne!(identity(one), identity(other), "{one} {other}");
    }
    assert_eq!(identity("jürgen иван straße"), identity("JÜRGEN Иван Straße"));
}

#[test]
fn a_user_named_system_has_another_identity_than_the_system() {
    let contexts = ContextCounters::new();
    let system = SecurityContext::system(&contexts);
    let person = SecurityContext::proven(proven("SYSTEM", "", &Authority::new("")), &contexts);
    assert_ne!(system.identity(), person.identity());
    assert!(system.is_system() && !person.is_system());
}

const fn at(time: u64) -> Now {
    Now::at(FileTime(time))
}

#[test]
fn a_lifetime_ends_by_the_monotonic_clock_and_credentials_by_the_wall_clock() {
    let contexts = ContextCounters::new();
    let now = at(1000 * 10_000_000);
    let [second, day] = [1, 86_400].map(Duration::from_secs);
    let valid_after = |expiry, wall: Duration, monotonic: Duration| {
        let context = SecurityContext::proven(
            Proven { expiry, ..proven("alice", "LAB", &Authority::new("accounts")) },
            &contexts,
        );
        let then = Now { wall: now.wall.after(wall), monotonic: now.monotonic + monotonic };
        context.check(|| then).is_ok()
    };
    let lifetime = Expiry::after(Some(2 * second), now);
    assert!(valid_after(lifetime, day, second), "the wall clock was set forward");
    assert!(!valid_after(lifetime, Duration::ZERO, 2 * second), "the wall clock was set back");
    let token = Expiry { credentials: Some(now.wall.after(2 * second)), lifetime: None };
    assert!(!valid_after(token, 2 * second, Duration::ZERO));
    assert!(valid_after(token, second, day));
    let both = Expiry { credentials: token.credentials, ..lifetime };
    assert!(valid_after(both, second, second));
    assert!(!valid_after(both, 2 * second, second) && !valid_after(both, second, 2 * second));
}

#[test]
fn expired_and_revoked_contexts_are_refused() {
    let contexts = ContextCounters::new();
    let context = person("alice", &contexts, Some(FileTime(100)));
    assert_eq!(context.check(|| at(99)), Ok(()));
    assert_eq!(context.check(|| at(100)), Err(ContextError::Expired));
    let clone = context.clone();
    clone.revoke();
    assert_eq!(context.check(|| at(0)), Err(ContextError::Revoked));
    let status = AccountStatus::new();
    let rests = Proven { status: Some(status.clone()), ..proven("bob", "LAB", &Authority::new("accounts")) };
    let bob = SecurityContext::proven(rests, &contexts);
    assert_eq!(bob.check(|| at(0)), Ok(()));
    status.revoke();
    assert_eq!(bob.check(|| at(0)), Err(ContextError::Revoked));
}

#[test]
fn no_clock_is_read_for_a_context_that_cannot_expire() {
    let context = person("alice", &ContextCounters::new(), None);
    assert_eq!(context.check(|| unreachable!("the context cannot expire")), Ok(()));
}

#[test]
fn the_session_key_is_never_printed() {
    let contexts = ContextCounters::new();
    let session_key = Some(SessionKey::new([0x5a; 16]));
    let alice = Proven { session_key, ..proven("alice", "LAB", &Authority::new("accounts")) };
    let text = format!("{:?}", SecurityContext::proven(alice, &contexts));
    assert!(text.contains("[redacted]") && text.contains("LAB\\\\alice"), "{text}");
    assert!(!text.contains("90"), "{text}");
}
