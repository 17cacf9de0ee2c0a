//! Simulations of the service account with a server, its domain and many users.

use std::time::Duration;

use identity::SecurityContext;
use tokio::time::Instant;

use super::UpstreamProtocol;
use super::account::{Admitted, Outcome, ServiceAccount};
use super::account_tests::{refused, users};
use super::lockout::LockoutLimits;

const SECOND: Duration = Duration::from_secs(1);

/// The server's responses to authentications with the account.
#[derive(Clone, Copy)]
struct Server {
    /// It accepts the password.
    accepts: bool,
    /// Its response to the proxy's probe shows whether it accepts the password.
    probes_are_conclusive: bool,
}

const RIGHT: Server = Server { accepts: true, probes_are_conclusive: true };
const WRONG: Server = Server { accepts: false, probes_are_conclusive: true };

/// The failures that the domain of the account counts.
#[derive(Debug, Default)]
struct Domain {
    /// The wrong passwords in a row, and when the last was sent.
    count: u32,
    last: Option<Instant>,
    /// When wrong passwords were sent.
    wrong: Vec<Instant>,
}

impl Domain {
    /// How long a domain counts a wrong password.
    const WINDOW: Duration = Duration::from_mins(30);
    /// The lowest lockout threshold that is common.
    const THRESHOLD: u32 = 5;

    fn evaluate(&mut self, is_right: bool, now: Instant) {
        if is_right || self.last.is_some_and(|last| now >= last + Self::WINDOW) {
            self.count = 0;
        }
        if !is_right {
            self.count += 1;
            self.last = Some(now);
            self.wrong.push(now);
        }
        assert!(self.count < Self::THRESHOLD, "the account is locked: {:?}", self.wrong);
    }
}

/// One proxy, one server and its domain.
struct Lab {
    account: ServiceAccount,
    domain: Domain,
    server: Server,
    begin: Instant,
    /// How many probes were sent.
    probes: u32,
}

impl Lab {
    fn new(server: Server) -> Self {
        let (account, begin) = (ServiceAccount::default(), Instant::now());
        Self { account, domain: Domain::default(), server, begin, probes: 0 }
    }

    /// A request of `user` to `service`, `seconds` after the start. The server refuses the user with 401 if
    /// `has_access` is false. Returns whether the request is served.
    fn request(&mut self, service: &str, user: &SecurityContext, has_access: bool, seconds: u64) -> bool {
        let now = self.begin + Duration::from_secs(seconds);
        loop {
            let accepts = self.server.accepts;
            let admitted = self.account.admit(UpstreamProtocol::Http, service, user, now);
            self.probes += u32::from(matches!(admitted, Ok(Admitted::Probe(_))));
            let (ticket, is_served) = match admitted {
                Ok(Admitted::Yes(ticket)) => (ticket, Some(accepts && has_access)),
                Ok(Admitted::Probe(ticket)) if self.server.probes_are_conclusive => (ticket, None),
                Ok(Admitted::Probe(ticket)) => {
                    self.account.record_auth(&ticket, Outcome::NotEvaluated, now);
                    continue;
                }
                Ok(Admitted::Wait(_)) => panic!("the request waits though no other is in progress"),
                Err(_) => return false,
            };
            self.domain.evaluate(accepts, now);
            let error = refused();
            let outcome =
                if is_served.unwrap_or(accepts) { Outcome::Accepted } else { Outcome::Failed(&error) };
            self.account.record_auth(&ticket, outcome, now);
            if let Some(is_served) = is_served {
                return is_served;
            }
        }
    }

    /// When wrong passwords were sent, in seconds after the start.
    fn wrong(&self) -> Vec<u64> {
        self.domain.wrong.iter().map(|at| at.duration_since(self.begin).as_secs()).collect()
    }
}

#[test]
fn a_wrong_password_is_tried_less_often_than_the_domain_permits() {
    let users = users::<500>();
    for probes_are_conclusive in [true, false] {
        for users in [&users[..1], &users[..2], &users[..]] {
            let mut lab = Lab::new(Server { probes_are_conclusive, ..WRONG });
            for seconds in (0..8000).step_by(5) {
                for (number, user) in users.iter().enumerate() {
                    let service = ["mapi", "ews", "oab"][number % 3];
                    assert!(!lab.request(service, user, true, seconds));
                }
            }
            let wrong = lab.wrong();
            let limits = LockoutLimits::default();
            for begin in &wrong {
                let end = begin + limits.pause.as_secs();
                let in_window = wrong.iter().filter(|at| (*begin..end).contains(at)).count();
                assert!(in_window <= 3, "{wrong:?}");
            }
            assert!(wrong.len() > 3, "the account is tried again: {wrong:?}");
            if probes_are_conclusive && users.len() > 2 {
                assert_eq!(wrong[..4], [0, 0, 30, 1830], "{wrong:?}");
            }
        }
    }
}

#[test]
fn users_whom_the_server_refuses_do_not_affect_others() {
    let users = users::<210>();
    let (bad, good) = users.split_at(200);
    for count in [1, 2, 20, 200] {
        for was_accepted in [false, true] {
            let mut lab = Lab::new(RIGHT);
            if was_accepted {
                assert!(lab.request("ews", &good[0], true, 0));
            }
            for seconds in (0..600).step_by(10) {
                for user in &bad[..count] {
                    assert!(!lab.request("ews", user, false, seconds));
                }
                for user in good {
                    assert!(lab.request("ews", user, true, seconds), "{count} {seconds}");
                }
            }
        }
    }
}

#[test]
fn users_whom_the_server_refuses_do_not_affect_a_user_whom_it_served_even_if_probes_have_no_outcome() {
    let [bad @ .., good] = users::<21>();
    let mut lab = Lab::new(Server { probes_are_conclusive: false, ..RIGHT });
    assert!(lab.request("ews", &good, true, 0));
    for seconds in 0..3600 {
        for user in &bad {
            assert!(!lab.request("ews", user, false, seconds));
        }
        assert!(lab.request("ews", &good, true, seconds), "{seconds}");
    }
}

#[test]
fn requests_that_fail_and_succeed_in_turn_are_delayed_and_cause_few_probes() {
    let ([alice, bob], mut lab) = (users(), Lab::new(RIGHT));
    assert!(lab.request("ews", &bob, true, 0));
    let (mut served, mut probes) = (Vec::new(), Vec::new());
    for seconds in 0..600 {
        for _ in 0..20 {
            if lab.request("ews", &alice, true, seconds) {
                served.push(seconds);
            }
            lab.request("ews", &alice, false, seconds);
            assert!(lab.request("ews", &bob, true, seconds), "{seconds}");
        }
        if std::mem::take(&mut lab.probes) > 0 {
            probes.push(seconds);
        }
    }
    assert_eq!(probes, [0, 30, 90, 210, 450]);
    assert_eq!(served, [0, 0, 30, 90, 210, 450], "the first failure has no delay");
    // Once requests of the user succeed for as long as the last delay, a failure is like the first.
    for seconds in 960..2000 {
        assert!(lab.request("ews", &alice, true, seconds));
    }
    lab.request("ews", &alice, false, 2000);
    assert!(lab.request("ews", &alice, true, 2000));
}

#[test]
fn probes_without_an_outcome_are_repeated_after_a_delay_that_doubles() {
    let (users, mut lab) = (users::<1001>(), Lab::new(Server { probes_are_conclusive: false, ..RIGHT }));
    let (good, bad) = users.split_last().unwrap();
    assert!(lab.request("ews", good, true, 0));
    let mut probes = Vec::new();
    for (seconds, bad) in (1..).zip(bad) {
        // Each user has one failure, so that no user is suspended.
        assert!(!lab.request("ews", bad, false, seconds));
        assert!(lab.request("ews", good, true, seconds), "{seconds}");
        if std::mem::take(&mut lab.probes) > 0 {
            probes.push(seconds);
        }
    }
    assert_eq!(probes, [1, 31, 91, 211, 451, 931]);
    // One with an outcome resets the delay.
    lab.server = RIGHT;
    for seconds in [1900, 1901, 1902] {
        assert!(!lab.request("oab", &bad[0], false, seconds));
        assert!(lab.request("oab", good, true, seconds));
    }
    assert_eq!(lab.probes, 2);
}

#[test]
fn a_user_whom_the_server_refuses_is_tried_again_after_a_delay_that_doubles() {
    let ([alice, bob], mut lab) = (users(), Lab::new(RIGHT));
    let mut tried = Vec::new();
    for seconds in 0..3600 {
        assert!(lab.request("ews", &bob, true, seconds));
        let now = lab.begin + Duration::from_secs(seconds);
        if let Ok(Admitted::Yes(ticket)) = lab.account.admit(UpstreamProtocol::Http, "ews", &alice, now) {
            lab.account.record_auth(&ticket, Outcome::Failed(&refused()), now);
            tried.push(seconds);
        }
    }
    assert_eq!(tried, [0, 1, 31, 91, 211, 451, 931, 1831, 2731]);
}

#[test]
fn a_password_that_is_changed_at_the_server_and_back_is_detected_within_the_limits() {
    let users = users::<500>();
    let mut lab = Lab::new(RIGHT);
    let served = |lab: &mut Lab, seconds| {
        let requests = users.iter().map(|user| lab.request("mapi", user, true, seconds));
        requests.filter(|is_served| *is_served).count()
    };
    assert_eq!(served(&mut lab, 0), 500);
    lab.server = WRONG;
    for seconds in 10..4000 {
        assert_eq!(served(&mut lab, seconds), 0);
    }
    assert_eq!(lab.wrong()[..4], [10, 10, 40, 1840]);
    // The account is tried again once in the pause.
    lab.server = RIGHT;
    let back = (4000..=4000 + 1800).find(|seconds| served(&mut lab, *seconds) == 500).unwrap();
    assert_eq!(served(&mut lab, back + 1), 500);
}

#[test]
fn reading_the_same_password_again_permits_one_attempt() {
    let ([alice, bob], mut lab) = (users(), Lab::new(WRONG));
    for seconds in 0..600 {
        lab.request("mapi", &alice, true, seconds);
        lab.request("mapi", &bob, true, seconds);
    }
    lab.server = RIGHT;
    assert!(!lab.request("mapi", &bob, true, 600));
    // Not at once after an attempt.
    lab.account.retry(lab.begin + 50 * SECOND);
    assert!(!lab.request("mapi", &bob, true, 600));
    lab.account.retry(lab.begin + 600 * SECOND);
    assert!(lab.request("mapi", &bob, true, 600) && lab.request("mapi", &alice, true, 600));
}

#[test]
fn a_service_at_which_the_account_fails_does_not_affect_other_services() {
    let (users, mut lab) = (users::<20>(), Lab::new(RIGHT));
    for seconds in 0..600 {
        for user in &users {
            assert!(!lab.request("ews", user, false, seconds));
            assert!(lab.request("mapi", user, true, seconds) || seconds == 0);
        }
    }
}

#[test]
fn each_password_that_is_set_is_tried_at_once_by_a_probe() {
    let ([alice, bob], mut lab) = (users(), Lab::new(WRONG));
    for seconds in 0..60 {
        lab.request("mapi", &alice, true, seconds);
        lab.request("mapi", &bob, true, seconds);
    }
    lab.account.reset();
    lab.server = RIGHT;
    // The first user is refused for another reason.
    assert!(!lab.request("mapi", &alice, false, 60));
    assert!(lab.request("mapi", &bob, true, 60));
}
