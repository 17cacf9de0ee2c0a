//! The items of a recording: calls, and problems.

use std::net::SocketAddr;
use std::sync::Arc;

use super::message::{EndedExchange, ExchangeEvent};
use super::problem::ConversationProblem;
use super::rpc_calls::EndedRpcCall;
use crate::call::{Call, CallBody};
use crate::source::Problem;
use crate::time::Timestamp;

/// An item of a recording.
#[derive(Debug, Clone, PartialEq)]
pub enum RecordedItem {
    /// A call.
    Call(Box<Call>),
    /// Something that cannot be read.
    Problem(Problem),
}

/// The fields that the items of one connection share.
#[derive(Debug, Default)]
pub(super) struct ConnectionInfo {
    pub(super) connection: u64,
    /// The file or exchange that is the connection, in recordings that number none.
    pub(super) place: Option<Arc<str>>,
    pub(super) side: Option<Arc<str>>,
    pub(super) client: Option<SocketAddr>,
    pub(super) server: Option<SocketAddr>,
}

/// The results of decoding bytes of one connection.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    pub(super) ended: Vec<EndedRpcCall>,
    pub(super) events: Vec<ExchangeEvent>,
    pub(super) problems: Vec<ConversationProblem>,
}

impl Decoded {
    /// The RPC calls and problems as items of a connection. The caller has taken the `events` before.
    pub(super) fn into_items(self, info: &ConnectionInfo, user: Option<&Arc<str>>) -> Vec<RecordedItem> {
        let number = || format!("connection {}", info.connection);
        let place = info.place.as_deref().map_or_else(number, str::to_owned);
        let problems = self.problems.into_iter().map(|problem| {
            RecordedItem::Problem(Problem { place: place.clone(), what: problem.to_string() })
        });
        let calls = self.ended.into_iter().map(|ended| {
            RecordedItem::Call(Box::new(Call {
                time: ended.requested,
                elapsed: elapsed(ended.requested, ended.responded),
                connection: info.connection,
                user: user.cloned(),
                side: info.side.clone(),
                client: info.client,
                server: info.server,
                body: CallBody::Rpc(ended.call),
            }))
        });
        problems.chain(calls).collect()
    }
}

/// The time until the response; `None` if the recording has no times.
fn elapsed(requested: Timestamp, responded: Option<Timestamp>) -> Option<std::time::Duration> {
    responded.filter(|responded| responded.0 != 0).map(|responded| responded.since(requested))
}

/// The item of an HTTP exchange.
pub(super) fn http_call(info: &ConnectionInfo, ended: EndedExchange) -> RecordedItem {
    RecordedItem::Call(Box::new(Call {
        time: ended.requested,
        elapsed: elapsed(ended.requested, ended.responded),
        connection: info.connection,
        user: ended.user,
        side: info.side.clone(),
        client: info.client,
        server: info.server,
        body: CallBody::Http(ended.call),
    }))
}
