//! An operation, as it is shown: what was asked and answered, with the ROPs in it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mapi::ErrorCode;
use mapi::inspect::Node;

use crate::call::Envelope;
use crate::time::Timestamp;

/// A call, analyzed.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// When the request was recorded.
    pub time: Timestamp,
    /// How long the answer took.
    pub elapsed: Option<Duration>,
    /// A number that operations of one session share.
    pub session: u64,
    /// The user, as far as it is recorded.
    pub user: Option<Arc<str>>,
    /// The side of the proxy at which it was recorded; `None` if the recording is not MAPIProxy's.
    pub side: Option<Arc<str>>,
    /// The client's address.
    pub client: Option<SocketAddr>,
    /// The server's address.
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
    /// What of it cannot be read.
    pub problems: Vec<String>,
}

impl Operation {
    /// Whether something in it failed: the call, the operation, or a ROP.
    pub fn failed(&self) -> bool {
        self.fault.is_some()
            || self.status.is_some_and(|status| status >= 400)
            || self.response_code.is_some_and(|code| code != 0)
            || self.return_value.is_some_and(|value| value.is_error_of(&self.operation))
            || !self.problems.is_empty()
            || self.rops.iter().any(|rop| rop.return_value.is_some_and(|value| !value.is_success()))
    }
}

/// A ROP with its answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rop {
    /// Which ROP it is, as `RopOpenFolder`.
    pub name: String,
    /// Its number.
    pub id: u8,
    /// The logon that it belongs to; none for what the server sends of its own.
    pub logon: Option<u8>,
    /// The handle of the object that it acts on, if there is one and it is known.
    pub handle: Option<u32>,
    /// What that object is, as far as it is known.
    pub object: Option<String>,
    /// The handle of the object that it made.
    pub made: Option<u32>,
    /// What it returned; none where it was not answered.
    pub return_value: Option<ErrorCode>,
    /// What it asks; none for what the server sends of its own.
    pub request: Option<Node>,
    /// What it was answered.
    pub response: Option<Node>,
}

impl Rop {
    /// Adds a reply.
    pub(super) fn answered(&mut self, return_value: ErrorCode, shown: Node, made: Option<u32>) {
        self.made = self.made.or(made);
        self.return_value = Some(return_value);
        self.response = Some(match self.response.take() {
            None => shown,
            // A server that packs buffers answers one ROP several times.
            Some(Node::List(mut several)) => {
                several.push(shown);
                Node::List(several)
            }
            Some(first) => Node::List(vec![first, shown]),
        });
    }
}
