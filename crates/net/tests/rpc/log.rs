//! The log lines of calls that fail.

use std::fmt::{self, Write as _};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use engine::{
    Decision, Engine, FaultStatus, Interface, Module, Operation, Refusal, RefusalKind, Session, TIMED_OUT,
};
use net::{NoopObserver, RpcRelay};
use testkit::{RpcClient, Step};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::groups::upstream_with_account;
use crate::lost_groups::{CONNECT, NO_LINK, connect_request};
use crate::{LIMIT, ScriptedClient};

/// Records the lines of level info and above, with their fields.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

/// Refuses each operation.
struct Refuser(RefusalKind);

impl Module for Refuser {
    fn name(&self) -> &'static str {
        "refuser"
    }
    fn description(&self) -> &'static str {
        "Refuses each operation."
    }
    fn dispatch(&self, _: &mut Operation, _: &mut Session) -> Decision {
        Decision::Refuse(Refusal::new(self.0, "not during the audit"))
    }
}

#[tokio::test]
async fn a_call_that_a_module_refuses_is_logged_with_client_account_operation_and_fault() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let mut client = ScriptedClient::with(Box::new(Refuser(RefusalKind::AccessDenied)), channel().0, LIMIT);
    let call = client.call();
    assert_eq!(client.faults(1, LIMIT).await, [(call, FaultStatus::ACCESS_DENIED)]);
    let logged = lines.take();
    assert_eq!(logged.len(), 1, "{logged:#?}");
    for part in [
        "INFO ",
        "message=RPC call refused: not during the audit",
        "client=127.0.0.1:1",
        "account=ANONYMOUS",
        "operation=\"rfr.GetNewDSA\"",
        "fault=ACCESS_DENIED",
    ] {
        assert!(logged[0].contains(part), "{part}: {}", logged[0]);
    }
    // The lines are limited.
    for _ in 0..100 {
        client.call();
    }
    assert_eq!(client.faults(100, LIMIT).await.len(), 100);
    assert_eq!(lines.take().len(), 9);
    let mut client = ScriptedClient::with(Box::new(Refuser(RefusalKind::TooBusy)), channel().0, LIMIT);
    client.call();
    client.faults(1, LIMIT).await;
    let logged = lines.take();
    assert!(logged[0].starts_with("WARN message=operation refused as too busy: not during the audit"));
}

#[tokio::test]
async fn deferred_work_that_takes_too_long_is_logged() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let mut client = ScriptedClient::new(std::time::Duration::from_millis(50));
    let call = client.call();
    assert_eq!(client.faults(1, LIMIT).await, [(call, TIMED_OUT)]);
    let logged = lines.take();
    let why = "message=RPC call refused: deferred work of the module gate exceeded deferred.seconds";
    assert!(logged.len() == 1 && logged[0].contains(why), "{logged:#?}");
}

#[tokio::test]
async fn a_call_that_fails_at_the_upstream_is_not_logged_as_refused_too() {
    let lines = Lines::default();
    let mut client = ScriptedClient::new(LIMIT);
    client.open.send(()).unwrap();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let call = client.call();
    assert_eq!(client.faults(1, LIMIT).await, [(call, FaultStatus::RPC_S_SERVER_UNAVAILABLE)]);
    let logged = lines.take();
    assert!(!logged.iter().any(|line| line.contains("refused:")), "{logged:#?}");
}

#[tokio::test]
async fn a_session_whose_handle_the_server_issues_again_is_logged_with_its_user() {
    let engine = Arc::new(Engine::default());
    let upstream = upstream_with_account(([127, 0, 0, 1], 1).into());
    let _relay = RpcRelay::new("proxy.lab.test", Arc::clone(&engine), upstream, Arc::new(NoopObserver));
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let group = Arc::default();
    for user in ["alice", "bob"] {
        let [who, _] = testkit::http_auth::contexts_at_both_levels(user);
        let mut client = RpcClient::new(&engine, &group);
        let call = testkit::incoming(&who, (Interface::Emsmdb, CONNECT), connect_request(NO_LINK));
        let (mut flight, _) = client.relayed(call);
        let response = [&[0; 4][..], &[7; 16], &[0; 60]].concat();
        assert!(matches!(flight.respond(response), Step::Reply { .. }), "{user}");
    }
    let logged = lines.take();
    let line = "WARN message=upstream: session ended, since the server issued its context handle to another session;";
    assert!(logged.len() == 1 && logged[0].starts_with(line), "{logged:#?}");
    assert!(logged[0].contains("alice"), "{logged:#?}");
}
