//! A hook that panics ends its session, and no other one.

use std::sync::{Arc, Mutex};

use engine::{
    CookieTable, Engine, FaultStatus, Interface, Module, Operation, Refusal, Session, Stack, fault_status,
};
use mapi::mapihttp::{Endpoint, RequestType, ResponseCode};
use testkit::{Counter, MapiHttpClient, RpcClient, Step, caller, incoming};

/// Panics for requests and responses that end with a marker, and counts the sessions that ended.
struct Panics {
    ended: Arc<Mutex<usize>>,
}

/// The markers of requests and of responses.
const REQUEST: u8 = 0x77;
const RESPONSE: u8 = 0x78;

impl Module for Panics {
    fn name(&self) -> &'static str {
        "panics"
    }

    fn description(&self) -> &'static str {
        "panics"
    }

    fn request(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        session.module_state::<Counter>().0 += 1;
        assert!(!operation.request.original().ends_with(&[REQUEST; 8]), "as the test wants it");
        Ok(())
    }

    fn response(&self, operation: &mut Operation, _session: &mut Session) -> Result<(), Refusal> {
        let answer = operation.response.as_ref().unwrap();
        assert!(!answer.original().ends_with(&[RESPONSE; 8]), "as the test wants it");
        Ok(())
    }

    fn unbind(&self, session: &mut Session) {
        *self.ended.lock().unwrap() += 1;
        assert!(session.module_state::<Counter>().0 < 3, "a third request: and this panics, too");
    }
}

fn engine() -> (Engine, Arc<Mutex<usize>>) {
    let ended = Arc::<Mutex<usize>>::default();
    let module = Panics { ended: Arc::clone(&ended) };
    (Engine::new(Stack::new(vec![Box::new(module)])), ended)
}

#[test]
fn a_context_handle_ends_with_the_hook_that_panicked() {
    let (engine, ended) = engine();
    for (count, (sent, answered)) in [(REQUEST, 0), (0, RESPONSE)].into_iter().enumerate() {
        let group = Arc::default();
        let (mut first, mut second) = (RpcClient::new(&engine, &group), RpcClient::new(&engine, &group));
        let who = caller("a");
        let (handle, other) = (first.bind(&who, 1), first.bind(&who, 2));
        let call = |handle: &[u8; 20], byte: u8| {
            incoming(&who, (Interface::Nspi, 3), [&handle[..], &[byte; 44]].concat())
        };
        let next = match first.send(call(&handle, sent)).unwrap() {
            (mut flight, Step::Relay { .. }) => first.respond(&mut flight, vec![answered; 44]),
            (_, next) => next,
        };
        let Step::Fault { status, why, .. } = next else { panic!("{next:?}") };
        assert_eq!(status, FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH, "{why}");
        assert_eq!((group.len(), *ended.lock().unwrap()), (1, 2 * count + 1));
        // On any connection of the group.
        for talk in [&mut first, &mut second] {
            let refusal = talk.send(call(&handle, 0)).unwrap_err();
            assert_eq!(fault_status(refusal.kind), FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH);
        }
        // The other session continues, though the module panics once more when it ends.
        for _ in 0..2 {
            let (mut flight, _) = second.relayed(call(&other, 0));
            second.delivered(&mut flight, vec![0; 44]);
        }
        engine.end(&mut second.conversation, true);
        assert_eq!(*ended.lock().unwrap(), 2 * count + 2);
    }
}

#[test]
fn a_session_without_a_handle_is_replaced_after_a_hook_panicked() {
    let (engine, ended) = engine();
    let mut talk = RpcClient::new(&engine, &Arc::default());
    let who = caller("a");
    let call = |byte: u8| incoming(&who, (Interface::Rfr, 0), vec![byte; 40]);
    let (first, _) = talk.relayed(call(0));
    let (panicked, next) = talk.send(call(REQUEST)).unwrap();
    assert!(matches!(next, Step::Fault { .. }), "{next:?}");
    let (after, _) = talk.relayed(call(0));
    assert_eq!(first.session_id(), panicked.session_id());
    assert_ne!(after.session_id(), panicked.session_id());
    assert_eq!(*ended.lock().unwrap(), 1);
}

#[test]
fn cookies_end_with_the_hook_that_panicked() {
    let (engine, ended) = engine();
    for (count, (sent, answered)) in [(REQUEST, 0), (0, RESPONSE)].into_iter().enumerate() {
        let table = CookieTable::default();
        let web = MapiHttpClient::new(&engine, &table, Endpoint::Emsmdb, "a");
        let (mut flight, _) = web.relayed(RequestType::Connect, vec![0; 20]);
        web.delivered(&mut flight, vec![0; 40]);
        let next = match web.send(RequestType::Execute, vec![sent; 16]).unwrap() {
            (mut flight, Step::Relay { .. }) => web.respond(&mut flight, vec![answered; 40]),
            (_, next) => next,
        };
        let Step::Fault { code, why, .. } = next else { panic!("{next:?}") };
        assert_eq!(code, ResponseCode::InvalidContextCookie, "{why}");
        assert_eq!((table.len(), *ended.lock().unwrap()), (0, count + 1));
        let refusal = web.send(RequestType::Execute, vec![0; 16]).unwrap_err();
        assert_eq!(engine::response_code(refusal.kind), ResponseCode::ContextNotFound);
    }
}
