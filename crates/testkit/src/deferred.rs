//! Deferred Executes over HTTP: a module that decides about them, work that a test holds back, and a server that
//! requires the requests of a session to be in sequence.

use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use engine::{Decision, Delivery, Module, Operation, OperationKey, Session, Work};
use http1::RequestHead;
use mapi::mapihttp::{Endpoint, RequestType};

/// The Executes of mailboxes.
const EXECUTE: OperationKey = OperationKey::Http(Endpoint::Emsmdb, RequestType::Execute);

type Decide = Box<dyn Fn(&mut Operation) -> Decision + Send + Sync>;
type Deliver = Box<dyn Fn(&mut Operation) -> Delivery + Send + Sync>;

/// A module that decides about Executes, and about their responses, as a test specifies.
pub struct Decider(Decide, Deliver);

impl Decider {
    /// A module that calls `decide` for each Execute, and `deliver` for each response.
    pub fn new(
        decide: impl Fn(&mut Operation) -> Decision + Send + Sync + 'static,
        deliver: impl Fn(&mut Operation) -> Delivery + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(decide), Box::new(deliver))
    }
}

impl fmt::Debug for Decider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decider")
    }
}

impl Module for Decider {
    fn name(&self) -> &'static str {
        "decider"
    }
    fn description(&self) -> &'static str {
        "Decides as the test specifies."
    }
    fn dispatch(&self, operation: &mut Operation, _: &mut Session) -> Decision {
        if operation.key() == EXECUTE { (self.0)(operation) } else { Decision::Forward }
    }
    fn deliver(&self, operation: &mut Operation, _: &mut Session) -> Delivery {
        if operation.key() == EXECUTE { (self.1)(operation) } else { Delivery::Pass }
    }
}

/// Work that continues when the test permits it.
#[derive(Debug, Clone)]
pub struct HeldWork(Arc<Mutex<Receiver<()>>>);

impl HeldWork {
    /// Returns the work, and the sender that permits one piece of it with each message. All continues once the sender
    /// is dropped.
    pub fn new() -> (Self, Sender<()>) {
        let (permit, permitted) = channel();
        (Self(Arc::new(Mutex::new(permitted))), permit)
    }

    /// A piece of work, whose result is that of `then`.
    pub fn then<D: Send + 'static>(&self, then: impl FnOnce() -> D + Send + 'static) -> Work<D> {
        let held = self.clone();
        Work::new(
            move |_| held.0.lock().unwrap_or_else(PoisonError::into_inner).recv().is_ok(),
            move |_, _, _| then(),
        )
    }
}

/// A server with one session, whose sequence rises with each Execute. It responds with the number of the sequence.
#[derive(Debug, Default)]
pub struct SequenceServer {
    turn: u32,
}

impl SequenceServer {
    /// The response to the request with this `head`.
    pub fn response(&mut self, head: &RequestHead) -> String {
        let fields = &head.fields;
        let (mut code, mut set) = (0, String::new());
        match fields.text("x-requesttype") {
            Some("Connect") => set.push_str("Set-Cookie: sid=one\r\nSet-Cookie: sequence=s0; secure\r\n"),
            Some("Execute") => {
                let newest = format!("sequence=s{}", self.turn);
                if fields.text("cookie").is_some_and(|cookies| cookies.ends_with(&newest)) {
                    self.turn = self.turn.saturating_add(1);
                    set = format!("Set-Cookie: sequence=s{}; secure\r\n", self.turn);
                } else {
                    code = 15;
                }
            }
            _ => {}
        }
        let (kind, body) = match code {
            0 => (
                "application/mapi-http",
                format!("PROCESSING\r\nDONE\r\nX-ElapsedTime: 7\r\n\r\n{}", Self::payload(self.turn)),
            ),
            _ => ("text/html", "no".to_owned()),
        };
        let length = body.len();
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{set}X-ResponseCode: {code}\r\n\
             Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
        )
    }

    /// The payload of the response in this `turn` of the sequence.
    pub fn payload(turn: u32) -> String {
        format!("\0\0\0\0\0\0\0\0answer {turn}")
    }
}
