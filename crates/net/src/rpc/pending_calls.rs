//! The calls of one client connection that wait: for the upstream, for a module's work, or for an earlier call.

use std::collections::{HashMap, VecDeque};
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use engine::{AwaitsUpstream, AwaitsWork, Flight, Next};
use tokio::time::{Instant, Sleep, sleep};
use wire::Guid;

use crate::rpc::upstream_associations::UpstreamKey;

/// A client's call in flight: the operation, which is an [`AwaitsUpstream`] or an [`AwaitsWork`], and its call.
pub(super) struct InFlight<S> {
    pub(super) operation: S,
    pub(super) call: ClientCall,
}

/// A client's call.
pub(super) struct ClientCall {
    pub(super) id: u32,
    pub(super) since: Instant,
    /// The upstream connection that it is sent on.
    pub(super) upstream: UpstreamKey,
    /// The object that it is for (C706 12.6.4.9).
    pub(super) object: Option<Guid>,
    /// Whether it was sent on a second connection already.
    pub(super) retried: bool,
}

/// A call that waits for a module's work, and until when.
struct Deferred {
    in_flight: InFlight<AwaitsWork>,
    until: Pin<Box<Sleep>>,
}

impl Deferred {
    /// Ready once the work is done, or has to be by now.
    fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        let done = self.in_flight.operation.poll(task);
        if done.is_ready() { done } else { self.until.as_mut().poll(task) }
    }
}

/// The calls in flight of one client connection, by what they wait for.
#[derive(Default)]
pub(super) struct InFlightTable {
    /// Those that wait for the upstream, by the tokens of the calls there.
    sent: HashMap<u64, InFlight<AwaitsUpstream>>,
    last_token: u64,
    /// Those that wait for a module's work.
    deferred: Vec<Deferred>,
    /// Those that wait for an earlier call of their session, and are sent then.
    held: VecDeque<InFlight<AwaitsUpstream>>,
}

impl InFlightTable {
    /// `in_flight` is sent to the upstream. Returns the token of the call there.
    pub(super) fn send(&mut self, in_flight: InFlight<AwaitsUpstream>) -> u64 {
        self.last_token += 1;
        self.sent.insert(self.last_token, in_flight);
        self.last_token
    }

    /// `in_flight` waits for a module's work.
    pub(super) fn defer(&mut self, in_flight: InFlight<AwaitsWork>) {
        let until = Box::pin(sleep(in_flight.operation.limit()));
        self.deferred.push(Deferred { in_flight, until });
    }

    /// `in_flight` waits for an earlier call of its session.
    pub(super) fn hold(&mut self, in_flight: InFlight<AwaitsUpstream>) {
        self.held.push_back(in_flight);
    }

    /// The call that waits for the upstream's answer to `token`.
    pub(super) fn sent(&mut self, token: u64) -> Option<&mut InFlight<AwaitsUpstream>> {
        self.sent.get_mut(&token)
    }

    /// The calls that wait for the upstream, with their tokens.
    pub(super) fn iter_sent(&self) -> impl Iterator<Item = (u64, &InFlight<AwaitsUpstream>)> {
        self.sent.iter().map(|(token, in_flight)| (*token, in_flight))
    }

    /// Takes out the call that waits for the upstream's answer to `token`.
    pub(super) fn take_sent(&mut self, token: u64) -> Option<InFlight<AwaitsUpstream>> {
        self.sent.remove(&token)
    }

    /// Takes out a call whose work is done, or has to be by now.
    pub(super) fn take_worked(&mut self, task: &mut Context<'_>) -> Option<InFlight<AwaitsWork>> {
        let ready = self.deferred.iter_mut().position(|deferred| deferred.poll(task).is_ready())?;
        Some(self.deferred.remove(ready).in_flight)
    }

    /// Takes out the calls that waited for an earlier one.
    pub(super) fn take_held(&mut self) -> VecDeque<InFlight<AwaitsUpstream>> {
        std::mem::take(&mut self.held)
    }

    /// Takes out the calls whose security context was revoked.
    pub(super) fn take_revoked(&mut self) -> Vec<(ClientCall, Next)> {
        let is_revoked = |flight: &Flight| flight.context().is_revoked();
        let relayed = |in_flight: InFlight<_>| (in_flight.call, Next::Relay(in_flight.operation));
        let sent = self.sent.extract_if(|_, in_flight| is_revoked(in_flight.operation.flight()));
        let mut taken: Vec<_> = sent.map(|(_, in_flight)| relayed(in_flight)).collect();
        let deferred =
            self.deferred.extract_if(.., |deferred| is_revoked(deferred.in_flight.operation.flight()));
        let deferred = deferred.map(|deferred| deferred.in_flight);
        taken.extend(deferred.map(|in_flight| (in_flight.call, Next::Defer(in_flight.operation))));
        for in_flight in self.take_held() {
            if is_revoked(in_flight.operation.flight()) {
                taken.push(relayed(in_flight));
            } else {
                self.hold(in_flight);
            }
        }
        taken
    }

    /// Gives up all calls.
    pub(super) fn clear(&mut self) {
        self.sent.clear();
        self.deferred.clear();
        self.held.clear();
    }

    /// Whether an earlier operation of the session of `flight` waits for a module's work: calls to the upstream keep the
    /// order of the client's.
    pub(super) fn has_to_wait(&self, flight: &Flight) -> bool {
        let deferred = self.deferred.iter().map(|deferred| deferred.in_flight.operation.flight());
        let held = self.held.iter().map(|in_flight| in_flight.operation.flight());
        deferred.chain(held).any(|other| {
            other.session_id() == flight.session_id() && other.operation.id() < flight.operation.id()
        })
    }
}
