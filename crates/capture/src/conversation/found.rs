//! What is found in a recording: calls, and what can't be read.

use std::net::SocketAddr;
use std::sync::Arc;

use super::association;
use super::message::{self, ExchangeEvent};
use crate::call::{Call, CallBody};
use crate::source::Problem;
use crate::time::Timestamp;

/// What a recording holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// A call.
    Call(Box<Call>),
    /// Something that can't be read.
    Problem(Problem),
}

/// What calls of one connection have in common.
#[derive(Debug, Default)]
pub(super) struct About {
    pub(super) connection: u64,
    pub(super) side: Option<Arc<str>>,
    pub(super) client: Option<SocketAddr>,
    pub(super) server: Option<SocketAddr>,
}

/// What was found in bytes.
#[derive(Debug, Default)]
pub(super) struct Out {
    pub(super) done: Vec<association::Done>,
    pub(super) events: Vec<ExchangeEvent>,
    pub(super) problems: Vec<String>,
}

impl Out {
    /// What was found, as calls of the connection `about`; none of `events`, which are taken out before.
    pub(super) fn found(self, about: &About, user: Option<&Arc<str>>) -> Vec<Found> {
        let place = format!("connection {}", about.connection);
        let problems =
            self.problems.into_iter().map(|what| Found::Problem(Problem { place: place.clone(), what }));
        let calls = self.done.into_iter().map(|done| {
            Found::Call(Box::new(Call {
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

/// How long an answer took; none where the recording has no times.
fn elapsed(asked: Timestamp, answered: Option<Timestamp>) -> Option<std::time::Duration> {
    answered.filter(|answered| answered.0 != 0).map(|answered| answered.since(asked))
}

/// The call that an exchange of the connection `about` is.
pub(super) fn http_call(about: &About, done: message::Done) -> Found {
    Found::Call(Box::new(Call {
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
