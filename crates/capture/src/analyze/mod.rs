//! Analyzes calls: which operation and which ROPs each one is, in which session.

mod autodiscover;
mod bodies;
mod guess;
pub(crate) mod handles;
mod mapper;
mod normalize;
mod objects;
mod rops;
mod sessions;
mod transfer;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mapi::inspect::Node;
use mapi::{ErrorCode, Interface};

use crate::Timestamp;
use crate::call::{Call, CallBody, Envelope};

use self::guess::Guesses;
pub use self::rops::Rop;
use self::sessions::Sessions;

/// A call, analyzed.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// When it was asked.
    pub time: Timestamp,
    /// How long the answer took.
    pub elapsed: Option<Duration>,
    /// A number that operations of one session share.
    pub session: u64,
    /// Who asked, as far as the recording says.
    pub user: Option<Arc<str>>,
    /// Which side of the proxy it was recorded at; none where the recording is not one of ours.
    pub side: Option<Arc<str>>,
    /// Who connected.
    pub client: Option<SocketAddr>,
    /// To where.
    pub server: Option<SocketAddr>,
    /// What it travelled in.
    pub envelope: Envelope,
    /// The interface or the path that it is for.
    pub endpoint: String,
    /// What was asked, as `nspi.QueryRows`.
    pub operation: String,
    /// Bytes of the request's body.
    pub request_size: usize,
    /// Bytes of the answer's body; none where there is no answer.
    pub response_size: Option<usize>,
    /// The status of HTTP.
    pub status: Option<u16>,
    /// The `X-ResponseCode` of MAPI over HTTP.
    pub response_code: Option<u32>,
    /// Why the call failed, where it got a fault.
    pub fault: Option<String>,
    /// What the operation returned; none where it did not come to that.
    pub return_value: Option<ErrorCode>,
    /// What was asked.
    pub request: Node,
    /// What was answered.
    pub response: Node,
    /// The ROPs in it.
    pub rops: Vec<Rop>,
    /// What of it can't be read.
    pub problems: Vec<String>,
}

impl Operation {
    /// Whether something in it failed: the call, the operation, or a ROP.
    pub fn failed(&self) -> bool {
        self.fault.is_some()
            || self.status.is_some_and(|status| status >= 400)
            || self.response_code.is_some_and(|code| code != 0)
            || self.return_value.is_some_and(|value| value != ErrorCode::SUCCESS)
            || !self.problems.is_empty()
            || self.rops.iter().any(|rop| rop.return_value.is_some_and(|value| value != ErrorCode::SUCCESS))
    }
}

/// Analyzes calls, one after the other, and keeps of each session what later calls depend on.
#[derive(Debug, Default)]
pub struct Analyzer {
    sessions: Sessions,
    guesses: Guesses,
}

impl Analyzer {
    /// What `call` means.
    pub fn operation(&mut self, call: &Call) -> Operation {
        let mut operation = Operation {
            time: call.time,
            elapsed: call.elapsed,
            session: 0,
            user: call.user.clone(),
            side: call.side.clone(),
            client: call.client,
            server: call.server,
            envelope: call.envelope(),
            endpoint: String::new(),
            operation: String::new(),
            request_size: 0,
            response_size: None,
            status: None,
            response_code: None,
            fault: None,
            return_value: None,
            request: Node::Nothing,
            response: Node::Nothing,
            rops: Vec::new(),
            problems: Vec::new(),
        };
        match &call.body {
            CallBody::Rpc(rpc) => {
                let interface = match rpc.interface {
                    Some(syntax) => Interface::by_uuid(syntax.uuid),
                    None => self.guesses.interface(call.connection, rpc),
                };
                bodies::rpc(&mut operation, &mut self.sessions, call.connection, (rpc, interface));
            }
            CallBody::Http(http) if http.is_mapi() => {
                bodies::mapi_http(&mut operation, &mut self.sessions, call.connection, http);
            }
            CallBody::Http(http) => {
                autodiscover::http(&mut operation, &mut self.sessions, call.connection, http);
            }
        }
        self.normalize(&mut operation);
        operation
    }

    fn normalize(&mut self, operation: &mut Operation) {
        let objects = self.sessions.objects(operation.session);
        if let Some(code_page) = normalize::code_page(&operation.request) {
            objects.code_page = Some(code_page);
        }
        let terms = normalize::Terms { names: &objects.names, code_page: objects.code_page };
        let normalize = |shown: &mut Node| {
            *shown = normalize::normalize(std::mem::replace(shown, Node::Nothing), &terms);
        };
        normalize(&mut operation.request);
        normalize(&mut operation.response);
        for rop in &mut operation.rops {
            rop.request.iter_mut().for_each(normalize);
            rop.response.iter_mut().for_each(normalize);
        }
    }
}

#[cfg(test)]
mod tests;
