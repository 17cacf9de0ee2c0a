//! An analyzed operation: request, response and ROPs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mapi::ErrorCode;
use mapi::inspect::Node;

use crate::call::Envelope;
use crate::time::Timestamp;

/// An analyzed call.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// When the request was recorded.
    pub time: Timestamp,
    /// The time until the response was recorded.
    pub elapsed: Option<Duration>,
    /// A number that operations of one session share.
    pub session: u64,
    /// The user, if the recording shows it.
    pub user: Option<Arc<str>>,
    /// The side of the proxy at which it was recorded; `None` if the recording is not MAPIProxy's.
    pub side: Option<Arc<str>>,
    /// The client's address.
    pub client: Option<SocketAddr>,
    /// The server's address.
    pub server: Option<SocketAddr>,
    /// The protocol that carried the operation.
    pub envelope: Envelope,
    /// The interface, or the path of the HTTP request.
    pub endpoint: String,
    /// The name of the operation, such as `nspi.QueryRows`.
    pub operation: String,
    /// The size of the request's body, in bytes.
    pub request_size: usize,
    /// The size of the response's body, in bytes; `None` without a response.
    pub response_size: Option<usize>,
    /// The status code of HTTP.
    pub status: Option<u16>,
    /// The `X-ResponseCode` of MAPI over HTTP.
    pub response_code: Option<u32>,
    /// The status of the fault, if the call failed with one.
    pub fault: Option<String>,
    /// The return value of the operation; `None` if it was not executed.
    pub return_value: Option<ErrorCode>,
    /// The decoded request.
    pub request: Node,
    /// The decoded response.
    pub response: Node,
    /// The ROPs of the operation.
    pub rops: Vec<Rop>,
    /// The parts that cannot be read, and why.
    pub problems: Vec<String>,
}

impl Operation {
    /// Whether the call, the operation or a ROP failed.
    pub fn failed(&self) -> bool {
        self.fault.is_some()
            || self.status.is_some_and(|status| status >= 400)
            || self.response_code.is_some_and(|code| code != 0)
            || self.return_value.is_some_and(|value| value.is_error_of(&self.operation))
            || !self.problems.is_empty()
            || self.rops.iter().any(|rop| rop.return_value.is_some_and(|value| !value.is_success()))
    }
}

/// A ROP with its response.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rop {
    /// The name of the ROP, such as `RopOpenFolder`.
    pub name: String,
    /// The `RopId` ([MS-OXCROPS] 2.2.2).
    pub id: u8,
    /// The `LogonId`; `None` for a response that belongs to no request.
    pub logon: Option<u8>,
    /// The handle of the object on which the ROP acts, if known.
    pub handle: Option<u32>,
    /// A description of that object, if known.
    pub object: Option<String>,
    /// The handle of the object that the ROP opened or created.
    pub opened_handle: Option<u32>,
    /// The return value; `None` without a response.
    pub return_value: Option<ErrorCode>,
    /// The decoded request; `None` for a response that belongs to no request.
    pub request: Option<Node>,
    /// The decoded response.
    pub response: Option<Node>,
}

impl Rop {
    /// Adds a response to the ROP. `opened` is the handle of the object that it opened or created.
    pub(super) fn add_response(&mut self, return_value: ErrorCode, shown: Node, opened: Option<u32>) {
        self.opened_handle = self.opened_handle.or(opened);
        self.return_value = Some(return_value);
        self.response = Some(match self.response.take() {
            None => shown,
            // A server that packs buffers responds to one ROP several times.
            Some(Node::List(mut several)) => {
                several.push(shown);
                Node::List(several)
            }
            Some(first) => Node::List(vec![first, shown]),
        });
    }
}
