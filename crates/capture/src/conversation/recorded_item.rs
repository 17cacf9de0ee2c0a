//! The items of a recording: calls, and problems.

use std::net::SocketAddr;
use std::sync::Arc;

use super::association;
use super::message::{self, ExchangeEvent};
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

/// The fields that calls of one connection share.
#[derive(Debug, Default)]
pub(super) struct About {
    pub(super) connection: u64,
    pub(super) side: Option<Arc<str>>,
    pub(super) client: Option<SocketAddr>,
    pub(super) server: Option<SocketAddr>,
}

/// The results of decoding bytes of one connection.
#[derive(Debug, Default)]
pub(super) struct Out {
    pub(super) done: Vec<association::Done>,
    pub(super) events: Vec<ExchangeEvent>,
    pub(super) problems: Vec<String>,
}

impl Out {
    /// The calls and problems as items of the connection `about`. Without `events`, which the caller takes out before.
    pub(super) fn found(self, about: &About, user: Option<&Arc<str>>) -> Vec<RecordedItem> {
        let place = format!("connection {}", about.connection);
        let problems = self
            .problems
            .into_iter()
            .map(|what| RecordedItem::Problem(Problem { place: place.clone(), what }));
        let calls = self.done.into_iter().map(|done| {
            RecordedItem::Call(Box::new(Call {
                time: done.asked,
                elapsed: elapsed(done.asked, done.answered),
                connection: about.connection,
                user: user.cloned(),
                side: about.side.clone(),
                client: about.client,
                server: about.server,
                body: CallBody::Rpc(done.call),
            }))
        });
        problems.chain(calls).collect()
    }
}

/// The time until the response; `None` if the recording has no times.
fn elapsed(asked: Timestamp, answered: Option<Timestamp>) -> Option<std::time::Duration> {
    answered.filter(|answered| answered.0 != 0).map(|answered| answered.since(asked))
}

/// The item of an HTTP exchange of the connection `about`.
pub(super) fn http_call(about: &About, done: message::Done) -> RecordedItem {
    RecordedItem::Call(Box::new(Call {
        time: done.asked,
        elapsed: elapsed(done.asked, done.answered),
        connection: about.connection,
        user: done.user,
        side: about.side.clone(),
        client: about.client,
        server: about.server,
        body: CallBody::Http(done.call),
    }))
}
