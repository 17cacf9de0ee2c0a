//! Replays recorded calls, and compares the responses with the recorded ones.
//!
//! Values that a server generates anew each time are mapped: context handles, server object handles, cookies, ids.
//! These and times are not compared.

mod compare;
mod http;
mod ids;
mod mapped;
mod not_sent;
mod rpc;

use engine::{HandleUse, handle_use};
use mapi::Interface;
use mapi::mapihttp::RequestType;

use crate::analyze::{Analyzer, Operation};
use crate::call::{Call, CallBody, HttpCall, HttpMessage, HttpResponse, RpcOutcome};

use self::compare::Comparison;
pub use self::compare::Difference;
pub use self::http::HttpStep;
use self::http::Jars;
use self::mapped::Mapped;
pub use self::not_sent::NotSent;
use self::rpc::ContextHandles;
pub use self::rpc::RpcStep;

/// A call to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An RPC call.
    Rpc(RpcStep),
    /// A request of MAPI over HTTP.
    Http(HttpStep),
}

impl Step {
    /// Whether the session with the mailbox store ends with the call.
    fn ends_mailbox(&self) -> bool {
        match self {
            Self::Rpc(step) => {
                let closes = handle_use(step.interface, step.opnum) == HandleUse::Closes;
                closes && step.interface == Interface::Emsmdb
            }
            Self::Http(step) => step.request_type == RequestType::Disconnect,
        }
    }
}

/// The outcome of a replayed call.
#[derive(Debug, Clone, PartialEq)]
pub enum ReplayedOutcome {
    /// The outcome of an RPC call.
    Rpc(RpcOutcome),
    /// The outcome of a request of HTTP.
    Http(HttpResponse),
}

/// Prepares recorded calls to be sent again, and compares the responses.
#[derive(Debug, Default)]
pub struct Replay {
    recorded: Analyzer,
    replayed: Analyzer,
    handles: ContextHandles,
    jars: Jars,
    mapped: Mapped,
}

impl Replay {
    /// Analyzes `call`, and prepares the call to send in its place, or returns why none is sent. Call it for all
    /// calls of a recording, in their order.
    pub fn prepare(&mut self, call: &Call) -> (Operation, Result<Step, NotSent>) {
        let operation = self.recorded.operation(call);
        let step = match &call.body {
            CallBody::Rpc(rpc) => self.handles.prepare(&self.mapped, &operation, rpc).map(Step::Rpc),
            CallBody::Http(http) => self.jars.prepare(&self.mapped, &operation, http).map(Step::Http),
        };
        (operation, step)
    }

    /// Compares the outcome of `step` with that of the recorded `call`, whose analysis is `recorded`. Returns the
    /// differences; none if no response was recorded.
    pub fn compare(
        &mut self,
        call: &Call,
        recorded: &Operation,
        step: &Step,
        outcome: ReplayedOutcome,
    ) -> Vec<Difference> {
        let body = match (&call.body, step, outcome) {
            (CallBody::Rpc(rpc), Step::Rpc(step), ReplayedOutcome::Rpc(outcome)) => {
                let sent = step.sent_call(rpc, outcome);
                self.handles.learn(step.interface, rpc, &sent);
                CallBody::Rpc(sent)
            }
            (CallBody::Http(http), Step::Http(step), ReplayedOutcome::Http(response)) => {
                self.jars.learn(recorded.session, step, http, &response);
                let request = HttpMessage {
                    fields: step.fields.clone(),
                    body: step.body.clone().into(),
                    ..HttpMessage::default()
                };
                CallBody::Http(HttpCall { request, response: Some(response), ..http.clone() })
            }
            _ => return Vec::new(),
        };
        let replayed = self.replayed.operation(&Call { body, elapsed: None, ..call.clone() });
        self.mapped.learn_objects(recorded, &replayed);
        if step.ends_mailbox() {
            self.mapped.forget(recorded.session);
        }
        let mut comparison = Comparison::new(&mut self.mapped.ids);
        comparison.operations(recorded, &replayed);
        comparison.differences
    }
}
