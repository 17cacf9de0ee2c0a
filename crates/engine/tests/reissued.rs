//! Cookies that a server, which has lost its sessions, gives to sessions of another user.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use engine::{
    CookieTable, Engine, Envelope, Incoming, OperationKey, Reissued, SecurityContext, SessionLimits,
    response_code,
};
use mapi::mapihttp::{Endpoint, RequestType, ResponseCode};
use testkit::http_auth::contexts_at_both_levels;
use testkit::{RecordedReports, TestFlight};
use wire::{FileTime, Now};

/// The sessions of a server, and the engine before it.
#[derive(Default)]
struct Table {
    engine: Engine,
    cookies: CookieTable,
    callers: RefCell<HashMap<String, SecurityContext>>,
    /// How many requests there were, which is the time.
    requests: Cell<u64>,
}

impl Table {
    fn caller(&self, user: &str) -> SecurityContext {
        let mut callers = self.callers.borrow_mut();
        let context = callers.entry(user.to_owned()).or_insert_with(|| {
            let [context, _] = contexts_at_both_levels(user);
            context
        });
        context.clone()
    }

    /// Sends a request, to which the server responds with the cookies `set`. Returns the refusal of the request or of
    /// the response.
    fn exchange(
        &self,
        user: &str,
        request_type: RequestType,
        sent: &str,
        set: &[&str],
    ) -> Result<(), ResponseCode> {
        let key = OperationKey::Http(Endpoint::Emsmdb, request_type);
        let incoming = testkit::incoming(&self.caller(user), key, vec![0; 64]);
        self.requests.set(self.requests.get() + 1);
        let at = Now::at(FileTime(self.requests.get()));
        let incoming = Incoming { envelope: Envelope::MAPI_HTTP, at, ..incoming };
        let sent = if sent.is_empty() { vec![] } else { vec![sent.as_bytes()] };
        let next = self.engine.begin_by_cookie(&self.cookies, incoming, &sent);
        let (mut flight, _) = TestFlight::new(next.map_err(|refusal| response_code(refusal.kind))?);
        let bound = flight.call().bind_cookies(set.iter().copied());
        bound.map_err(|refusal| response_code(refusal.kind))?;
        flight.call().keep_logoff_cookies("/mapi/emsmdb/", set.iter().copied());
        flight.respond(vec![0; 64]);
        Ok(())
    }

    fn connect(&self, user: &str, set: &[&str]) -> Result<(), ResponseCode> {
        self.exchange(user, RequestType::Connect, "", set)
    }

    fn execute(&self, user: &str, sent: &str, set: &[&str]) -> Result<(), ResponseCode> {
        self.exchange(user, RequestType::Execute, sent, set)
    }
}

#[test]
fn a_session_context_cookie_that_another_user_gets_ends_every_session_that_ever_had_it() {
    let table = Table::default();
    // Two sessions of one user with the same cookie, and one that had it and got another one.
    table.connect("a", &["MapiContext=1", "MapiSequence=a"]).unwrap();
    table.connect("a", &["MapiContext=1", "MapiSequence=b"]).unwrap();
    table.connect("a", &["MapiContext=2", "MapiSequence=c"]).unwrap();
    table.execute("a", "MapiContext=2; MapiSequence=c", &["MapiContext=3"]).unwrap();
    table.connect("b", &["MapiContext=2", "MapiSequence=d"]).unwrap();
    assert_eq!(table.cookies.len(), 3);
    let reports = RecordedReports::of(&table.engine);
    table.connect("c", &["mapicontext=1", "MapiSequence=e"]).unwrap();
    assert_eq!(table.cookies.len(), 2);
    let lost = (table.caller("a").identity().clone(), Reissued::Cookies);
    assert_eq!(reports.take(), [lost.clone(), lost]);
    for own in ["MapiContext=1; MapiSequence=a", "MapiSequence=b", "MapiContext=3; MapiSequence=c"] {
        assert_eq!(table.execute("a", own, &[]), Err(ResponseCode::ContextNotFound), "{own}");
    }
    table.execute("b", "MapiContext=2; MapiSequence=d", &[]).unwrap();
    table.execute("c", "MapiContext=1; MapiSequence=e", &[]).unwrap();
}

#[test]
fn a_cookie_with_another_name_ends_only_sessions_whose_newest_cookies_are_all_set_for_another_user() {
    let table = Table::default();
    table.connect("a", &["SERVERID=node1", "session=a1"]).unwrap();
    // The server renews one cookie of the session, and sets the other again.
    for (old, new) in [("a1", "a2"), ("a2", "a3")] {
        let sent = format!("SERVERID=node1; session={old}");
        table.execute("a", &sent, &["SERVERID=node1", &format!("session={new}")]).unwrap();
    }
    // A load balancer's cookie and an old value do not end it.
    table.connect("b", &["SERVERID=node1", "session=b1"]).unwrap();
    table.connect("b", &["SERVERID=node1", "session=a1", "more=1"]).unwrap();
    table.execute("a", "SERVERID=node1; session=a3", &[]).unwrap();
    // The newest value does, although it had other ones before.
    table.connect("b", &["session=a3", "more=2"]).unwrap();
    let refused = table.execute("a", "SERVERID=node1; session=a2", &[]);
    assert_eq!(refused, Err(ResponseCode::ContextNotFound));
    table.execute("b", "SERVERID=node1; session=b1", &[]).unwrap();
}

#[test]
fn a_session_ends_when_the_server_gives_all_its_cookies_to_a_new_session_of_the_same_user() {
    let table = Table::default();
    let all = ["SERVERID=node1", "MapiContext=1", "MapiSequence=a"];
    table.connect("b", &["SERVERID=node1", "MapiContext=9", "MapiSequence=z"]).unwrap();
    // With the same sequence, and after it was renewed.
    table.connect("a", &all).unwrap();
    table.connect("a", &all).unwrap();
    assert_eq!(table.cookies.len(), 2);
    table.execute("a", "SERVERID=node1; MapiContext=1; MapiSequence=a", &["MapiSequence=b"]).unwrap();
    table.connect("a", &all).unwrap();
    assert_eq!(table.cookies.len(), 2);
    table.execute("a", "SERVERID=node1; MapiContext=1; MapiSequence=a", &[]).unwrap();
    let refused = table.execute("b", "SERVERID=node1; MapiContext=1; MapiSequence=a", &[]);
    assert_eq!(refused, Err(ResponseCode::NoPrivilege));
    table.execute("b", "SERVERID=node1; MapiContext=9; MapiSequence=z", &[]).unwrap();
}

#[test]
fn a_session_continues_when_a_new_session_of_its_user_gets_only_cookies_that_are_no_session_context() {
    let table = Table::default();
    table.connect("a", &["SERVERID=node1", "session=1"]).unwrap();
    assert_eq!(table.connect("a", &["SERVERID=node1"]), Err(ResponseCode::UnknownFailure));
    table.execute("a", "SERVERID=node1; session=1", &[]).unwrap();
    // A session context cookie of another identity does not end that identity's session for the same reason.
    let all = ["MapiContext=1", "MapiSequence=a"];
    table.connect("b", &all).unwrap();
    assert_eq!(table.connect("c", &all), Err(ResponseCode::UnknownFailure));
}

#[test]
fn an_orphaned_session_is_withdrawn_when_its_cookie_is_set_for_another_session() {
    let limits = SessionLimits { per_user: 1, total: 100 };
    let table = Table { cookies: CookieTable::new(limits).ending_at_server(), ..Table::default() };
    // By the session context cookie, or without one by any cookie that identified the session.
    table.connect("a", &["sid=a1", "SERVERID=node1"]).unwrap();
    table.connect("b", &["session=b1", "SERVERID=node1"]).unwrap();
    table.connect("a", &["sid=a2", "SERVERID=node1"]).unwrap();
    table.connect("b", &["session=b2", "SERVERID=node1"]).unwrap();
    table.connect("a", &["sid=a3", "SERVERID=node1"]).unwrap();
    table.connect("c", &["sid=a1", "session=c", "SERVERID=node1"]).unwrap();
    let (orphaned, dropped) = table.cookies.take_orphaned();
    assert_eq!((orphaned.len(), dropped), (2, 0));
    assert!(orphaned.iter().all(|session| !session.cookies.contains("a1") && session.may_be_ended()));
    table.connect("d", &["session=b1", "more=1"]).unwrap();
    let left: Vec<&str> =
        orphaned.iter().filter(|session| session.may_be_ended()).map(|session| &*session.cookies).collect();
    assert_eq!(left, ["sid=a2; SERVERID=node1"]);
}

#[test]
fn a_session_is_not_ended_at_the_server_while_another_has_its_session_context_cookie() {
    let limits = SessionLimits { per_user: 2, total: 100 };
    let table = Table { cookies: CookieTable::new(limits).ending_at_server(), ..Table::default() };
    for set in [["sid=a1", "more=1"], ["sid=a1", "more=2"], ["sid=a2", "more=3"], ["sid=a3", "more=4"]] {
        table.connect("a", &set).unwrap();
    }
    let (orphaned, _) = table.cookies.take_orphaned();
    assert_eq!(orphaned.iter().map(|session| &*session.cookies).collect::<Vec<_>>(), ["sid=a1; more=2"]);
}
