//! Sessions whose security context was revoked: a new account with the same name cannot continue them, even before
//! they are ended.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use engine::{
    CookieTable, Engine, Envelope, FaultStatus, Incoming, Interface, Module, ModuleState, Operation,
    OperationKey, Refusal, SecurityContext, Session, Stack, fault_status,
};
use mapi::mapihttp::{Endpoint, RequestType, ResponseCode};
use testkit::{RpcClient, Step, TestFlight, caller, incoming};

/// The number of the session, kept in its slot.
#[derive(Default)]
struct Id(u64);

impl ModuleState for Id {
    fn owned_bytes(&self) -> usize {
        0
    }
}

/// Records the numbers of the sessions that ended.
#[derive(Debug)]
struct Ended(Arc<Mutex<Vec<u64>>>);

impl Module for Ended {
    fn name(&self) -> &'static str {
        "ended"
    }

    fn description(&self) -> &'static str {
        "keeps the numbers of the sessions that ended"
    }

    fn request(&self, _operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        let id = session.id();
        session.module_state::<Id>().0 = id;
        Ok(())
    }

    fn unbind(&self, session: &mut Session) {
        self.0.lock().unwrap().push(session.module_state::<Id>().0);
    }
}

fn engine() -> (Engine, Arc<Mutex<Vec<u64>>>) {
    let ended = Arc::default();
    (Engine::new(Stack::new(vec![Box::new(Ended(Arc::clone(&ended)))])), ended)
}

/// `NspiQueryColumns` on the session `handle`.
fn query_columns(who: &SecurityContext, handle: &[u8; 20]) -> Incoming {
    incoming(who, (Interface::Nspi, 16), [&handle[..], &[0; 8]].concat())
}

#[test]
fn a_context_handle_of_a_revoked_context_is_refused() {
    let (engine, ended) = engine();
    let group = Arc::default();
    let (mut first, mut second) = (RpcClient::new(&engine, &group), RpcClient::new(&engine, &group));
    let (before, after) = (caller("a"), caller("a"));
    assert_eq!(before.identity(), after.identity());
    let handle = first.bind(&before, 1);
    second.relayed(query_columns(&after, &handle));
    before.revoke();
    for _ in 0..2 {
        let refusal = second.send(query_columns(&after, &handle)).unwrap_err();
        assert_eq!(fault_status(refusal.kind), FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH);
        assert_eq!(ended.lock().unwrap().len(), 1);
    }
    let own = second.bind(&after, 2);
    second.relayed(query_columns(&after, &own));
}

#[test]
fn a_session_without_a_handle_does_not_outlive_its_context() {
    let (engine, ended) = engine();
    let mut talk = RpcClient::new(&engine, &Arc::default());
    let (before, after) = (caller("a"), caller("a"));
    let ask = |who: &SecurityContext| incoming(who, (Interface::Rfr, 1), vec![0; 16]);
    let session = |talk: &mut RpcClient<'_>, who: &SecurityContext| talk.relayed(ask(who)).0.session_id();
    let first = session(&mut talk, &before);
    assert_eq!(session(&mut talk, &after), first);
    before.revoke();
    assert_ne!(session(&mut talk, &after), first);
    assert_eq!(*ended.lock().unwrap(), [first]);
}

/// A request of MAPI over HTTP, with the session's cookie.
fn ask(
    engine: &Engine,
    table: &CookieTable,
    who: &SecurityContext,
    request_type: RequestType,
) -> Result<(TestFlight, Step), Refusal> {
    let key = OperationKey::Http(Endpoint::Nspi, request_type);
    let incoming = Incoming { envelope: Envelope::MAPI_HTTP, ..incoming(who, key, vec![0; 64]) };
    engine.begin_by_cookie(table, incoming, &[b"session=1"]).map(TestFlight::new)
}

#[test]
fn a_cookie_of_a_revoked_context_is_refused() {
    let (engine, ended) = engine();
    let table = CookieTable::default();
    let (before, after) = (caller("a"), caller("a"));
    let (mut flight, _) = ask(&engine, &table, &before, RequestType::Bind).unwrap();
    flight.call().bind_cookies(["session=1"].into_iter()).unwrap();
    flight.respond(Bytes::from_static(&[0; 32]));
    assert!(ask(&engine, &table, &after, RequestType::QueryColumns).is_ok());
    before.revoke();
    for _ in 0..2 {
        let refusal = ask(&engine, &table, &after, RequestType::QueryColumns).unwrap_err();
        assert_eq!(engine::response_code(refusal.kind), ResponseCode::ContextNotFound);
        assert_eq!((ended.lock().unwrap().len(), table.len()), (1, 0));
    }
}
