//! Sessions over HTTP that the server opens although the client does not wait for the response.

use std::cell::RefCell;
use std::collections::HashMap;

use engine::{
    CookieTable, Engine, Envelope, Incoming, OpeningSession, OperationKey, Refusal, RefusalKind, Reissued,
    SecurityContext, SessionLimits,
};
use mapi::mapihttp::{Endpoint, RequestType};
use testkit::http_auth::contexts_at_both_levels;
use testkit::{RecordedReports, TestFlight, incoming};

struct Proxy {
    engine: Engine,
    table: CookieTable,
    callers: RefCell<HashMap<String, SecurityContext>>,
}

impl Proxy {
    fn new(per_user: usize, total: usize) -> Self {
        let table = CookieTable::new(SessionLimits { per_user, total }).ending_at_server();
        Self { engine: Engine::default(), table, callers: RefCell::default() }
    }

    fn begin(&self, user: &str, request_type: RequestType, cookies: &str) -> Result<TestFlight, Refusal> {
        let key = OperationKey::Http(Endpoint::Emsmdb, request_type);
        let mut callers = self.callers.borrow_mut();
        let caller =
            callers.entry(user.to_owned()).or_insert_with(|| contexts_at_both_levels(user)[0].clone());
        let incoming = Incoming { envelope: Envelope::MAPI_HTTP, ..incoming(caller, key, vec![0; 64]) };
        let sent: Vec<&[u8]> = if cookies.is_empty() { vec![] } else { vec![cookies.as_bytes()] };
        self.engine.begin_by_cookie(&self.table, incoming, &sent).map(|next| TestFlight::new(next).0)
    }

    /// Opens a session as `user`.
    fn connect(&self, user: &str, set: &[&str]) {
        let mut flight = self.begin(user, RequestType::Connect, "").unwrap();
        flight.call().bind_cookies(set.iter().copied()).unwrap();
        flight.call().keep_logoff_cookies("/mapi/emsmdb/", set.iter().copied());
        flight.respond(vec![0; 64]);
    }

    /// A Connect of `user` whose client disconnects before the response.
    fn unanswered(&self, user: &str, cookies: &str) -> OpeningSession {
        let mut flight = self.begin(user, RequestType::Connect, cookies).unwrap();
        flight.call().take_opening().unwrap()
    }

    /// The cookies of the sessions that are to be ended at the server.
    fn orphaned(&self) -> Vec<String> {
        self.table.take_orphaned().0.into_iter().map(|session| session.cookies).collect()
    }

    fn is_refused(&self, user: &str, cookies: &str) -> bool {
        let begun = self.begin(user, RequestType::Execute, cookies);
        begun.is_err_and(|refusal| refusal.kind == RefusalKind::NoSession)
    }
}

#[test]
fn a_session_whose_client_does_not_wait_for_it_is_ended_at_the_server() {
    let proxy = Proxy::new(4, 100);
    let opening = proxy.unanswered("a", "");
    assert!(proxy.orphaned().is_empty() && proxy.table.is_empty());
    opening.opened("/mapi/emsmdb/?MailboxId=a", || ["sid=1; path=/", "old=; Max-Age=0"].into_iter());
    assert!(proxy.table.is_empty());
    let (orphaned, _) = proxy.table.take_orphaned();
    assert_eq!(
        orphaned.iter().map(|session| (&*session.cookies, &*session.target)).collect::<Vec<_>>(),
        [("sid=1", "/mapi/emsmdb/?MailboxId=a")]
    );
    // A server that opens no session sets no cookies.
    proxy.unanswered("a", "").opened("/", std::iter::empty);
    assert!(proxy.orphaned().is_empty());
}

#[test]
fn a_session_that_is_not_waited_for_ends_earlier_ones_like_any_other() {
    let proxy = Proxy::new(4, 100);
    proxy.connect("a", &["sid=1"]);
    proxy.connect("b", &["sid=2"]);
    proxy.connect("b", &["sid=3"]);
    // The server gives bob's new session the cookie of alice's, and replaces one of bob's.
    let reports = RecordedReports::of(&proxy.engine);
    proxy.unanswered("b", "sid=2").opened("/", || ["sid=1", "sequence=b"].into_iter());
    let lost: Vec<_> = reports.take().into_iter().map(|(_, lost)| lost).collect();
    assert_eq!(lost, [Reissued::Cookies], "the session that is replaced has lost nothing");
    assert!(proxy.is_refused("a", "sid=1") && proxy.is_refused("b", "sid=2"));
    assert!(!proxy.is_refused("b", "sid=3"));
    assert_eq!(proxy.orphaned(), ["sid=1; sequence=b"]);
    // It is not ended once the server has given its cookie to another session.
    proxy.unanswered("b", "").opened("/", || ["sid=4"].into_iter());
    proxy.connect("a", &["sid=4", "sequence=a"]);
    assert!(proxy.orphaned().is_empty());
}

#[test]
fn a_session_that_is_being_opened_counts_in_the_limits_until_its_response_is_known() {
    let proxy = Proxy::new(2, 3);
    let begin = |user| proxy.begin(user, RequestType::Connect, "");
    let refused = |user| begin(user).is_err_and(|refusal| refusal.kind == RefusalKind::TooBusy);
    let (waits, mut gone) = (begin("a").unwrap(), begin("a").unwrap());
    assert!(refused("a"), "of the user");
    let opening = gone.call().take_opening().unwrap();
    drop(gone);
    assert!(refused("a"));
    let bobs = begin("b").unwrap();
    assert!(refused("b"), "of all users");
    opening.opened("/", || ["sid=1"].into_iter());
    assert_eq!(proxy.orphaned(), ["sid=1"]);
    drop(begin("a").unwrap());
    drop((waits, bobs));
    // An idle session may end in favour of a new one, but only in favour of one.
    proxy.connect("a", &["sid=2"]);
    proxy.connect("a", &["sid=3"]);
    let both = [begin("a").unwrap(), begin("a").unwrap()];
    assert!(refused("a"));
    drop(both);
    let wait = proxy.begin("a", RequestType::NotificationWait, "sid=3").unwrap();
    let one = begin("a").unwrap();
    assert!(refused("a"));
    drop((wait, one));
}

#[test]
fn a_session_for_which_there_is_no_room_any_more_is_ended_at_the_server() {
    let proxy = Proxy::new(1, 100);
    proxy.connect("a", &["sid=1"]);
    let mut flight = proxy.begin("a", RequestType::Connect, "").unwrap();
    // Meanwhile the session that would have ended in favour of the new one is used.
    let wait = proxy.begin("a", RequestType::NotificationWait, "sid=1").unwrap();
    let refusal = flight.call().bind_cookies(["sid=2"].into_iter()).unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::TooBusy);
    flight.call().take_opening().unwrap().opened("/", || ["sid=2"].into_iter());
    assert_eq!(proxy.orphaned(), ["sid=2"]);
    drop(wait);
    assert!(!proxy.is_refused("a", "sid=1"));
    // A session that is in the table is not returned.
    let mut flight = proxy.begin("b", RequestType::Connect, "").unwrap();
    flight.call().bind_cookies(["sid=3"].into_iter()).unwrap();
    assert!(flight.call().take_opening().is_none());
}
