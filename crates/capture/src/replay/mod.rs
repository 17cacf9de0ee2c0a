//! Recorded calls made once more, and what is different about the answers.
//!
//! What a server makes up anew each time is mapped: context handles, server object handles, cookies, ids. Of
//! such things, and of times, it is not compared what they are.

mod compare;
mod http;
mod ids;
mod rpc;

use std::collections::HashMap;

use engine::{HandleUse, handle_use};
use mapi::Interface;
use mapi::compress::{self, ExtendedBuffer};
use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use mapi::mapihttp::RequestType;
use wire::{Decode as _, Encode as _, Guid};

use crate::analyze::{Analyzer, Operation};
use crate::call::{Call, CallBody, HttpCall, HttpMessage, HttpResponse, RpcAnswer};

use self::compare::Comparison;
pub use self::compare::Difference;
pub use self::http::HttpStep;
use self::http::Jars;
use self::ids::Ids;
pub use self::rpc::RpcStep;

/// How many ids are mapped at most.
const MAX_IDS: usize = 65_536;

/// A call to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A remote procedure call.
    Rpc(RpcStep),
    /// A request of MAPI over HTTP.
    Http(HttpStep),
}

impl Step {
    /// Whether the session with the mailbox store is over when it is answered.
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

/// What came of a call that was made once more.
#[derive(Debug, Clone, PartialEq)]
pub enum Came {
    /// Of a remote procedure call.
    Rpc(RpcAnswer),
    /// Of a request of HTTP.
    Http(HttpResponse),
}

/// Makes recorded calls ready to be made once more, and compares the answers.
#[derive(Debug, Default)]
pub struct Replay {
    recorded: Analyzer,
    came: Analyzer,
    /// Context handles.
    handles: HashMap<Guid, Guid>,
    jars: Jars,
    mapped: Mapped,
}

/// What was recorded, and what it is now.
#[derive(Debug, Default)]
struct Mapped {
    /// Server object handles, with the recorded session that they are of.
    objects: HashMap<(u64, u32), u32>,
    ids: Ids,
}

impl Replay {
    /// What `call` means, and the call to be made in its place; why none can be made, where that is so. All
    /// calls of a recording go through here, each before the next is prepared or compared.
    pub fn prepare(&mut self, call: &Call) -> (Operation, Result<Step, &'static str>) {
        let operation = self.recorded.operation(call);
        let step = match &call.body {
            CallBody::Rpc(rpc) => self.prepare_rpc(&operation, rpc).map(Step::Rpc),
            CallBody::Http(http) => self.prepare_http(&operation, http).map(Step::Http),
        };
        (operation, step)
    }

    /// Compares `came`, which came now of `step`, with what was recorded of `call` and means `recorded`.
    /// Returns what is different; where nothing was recorded to compare it with, nothing is.
    pub fn compare(&mut self, call: &Call, recorded: &Operation, step: &Step, came: Came) -> Vec<Difference> {
        let body = match (&call.body, step, came) {
            (CallBody::Rpc(then), Step::Rpc(step), Came::Rpc(answer)) => {
                let now = step.made(then, answer);
                self.learn_handles(step.interface, then, &now);
                CallBody::Rpc(now)
            }
            (CallBody::Http(then), Step::Http(step), Came::Http(response)) => {
                self.jars.learn(recorded.session, step, then, &response);
                let request = HttpMessage {
                    fields: step.fields.clone(),
                    body: step.body.clone().into(),
                    ..HttpMessage::default()
                };
                CallBody::Http(HttpCall { request, response: Some(response), ..then.clone() })
            }
            _ => return Vec::new(),
        };
        let came = self.came.operation(&Call { body, elapsed: None, ..call.clone() });
        self.mapped.learn_objects(recorded, &came);
        if step.ends_mailbox() {
            self.mapped.forget(recorded.session);
        }
        let mut comparison = Comparison::new(&mut self.mapped.ids);
        comparison.operations(recorded, &came);
        comparison.differences
    }
}

impl Mapped {
    fn learn_objects(&mut self, recorded: &Operation, came: &Operation) {
        for (then, now) in compare::asked(recorded).zip(compare::asked(came)) {
            if let (Some(then), Some(now)) = (then.made, now.made)
                && then != NO_OBJECT
                && self.objects.len() < MAX_IDS
            {
                self.objects.insert((recorded.session, then), now);
            }
        }
    }

    /// Forgets the server objects of a session that has ended.
    fn forget(&mut self, session: u64) {
        self.objects.retain(|(of, _), _| *of != session);
    }

    /// The same extended buffers with what is of now; none where that is what was recorded.
    fn chain(&self, session: u64, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut chain = compress::decode_chain(bytes, compress::Limits::default()).ok()?;
        let mut changed = false;
        for ExtendedBuffer { payload, .. } in &mut chain {
            if let Some(mapped) = self.buffer(session, payload) {
                *payload = mapped.into();
                changed = true;
            }
        }
        changed.then(|| compress::encode_chain(&chain).ok()).flatten()
    }

    /// The same ROPs with the handles and ids of now; none where these are those that were recorded.
    fn buffer(&self, session: u64, payload: &[u8]) -> Option<Vec<u8>> {
        let mut buffer = RopBuffer::from_bytes(payload).ok()?;
        let mut rops = Vec::from(buffer.rops);
        let mut changed = self.ids.put_in(&mut rops);
        buffer.rops = rops.into();
        for handle in &mut buffer.handles {
            if let Some(now) = self.objects.get(&(session, *handle)).filter(|now| **now != *handle) {
                *handle = *now;
                changed = true;
            }
        }
        changed.then(|| buffer.to_bytes().ok()).flatten()
    }
}
