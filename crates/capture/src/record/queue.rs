//! The queue of calls to the recording thread, which is bounded by the bytes of the calls.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use identity::{FairShares, UserKey};

use crate::call::{Call, CallBody, HttpMessage, RpcOutcome};

/// The most bytes of queued calls. Users share them, so that the calls of one user do not keep those of others out of
/// the recording.
pub(super) const LIMIT: usize = 64 << 20;

/// The bytes that a call takes beside its bodies and header fields.
pub(super) const CALL: usize = 1024;

/// The bytes that a header field takes beside its name and value: two strings and the allocations of their texts.
const FIELD: usize = 80;

/// An element of the queue to the recording thread.
#[derive(Debug)]
pub enum Recorded {
    /// A call to be written.
    Call(QueuedCall),
    /// The recording ends.
    End,
}

/// A call in the queue. Its bytes are counted until it is dropped.
#[derive(Debug)]
pub struct QueuedCall {
    call: Box<Call>,
    user: UserKey,
    bytes: usize,
    held: Arc<Mutex<FairShares<UserKey>>>,
}

impl QueuedCall {
    /// The call.
    pub const fn call(&self) -> &Call {
        &self.call
    }
}

impl Drop for QueuedCall {
    fn drop(&mut self) {
        lock(&self.held).give_back(&self.user, self.bytes);
    }
}

/// The sending end of the queue.
#[derive(Debug)]
pub(super) struct CallQueue {
    calls: Sender<Recorded>,
    held: Arc<Mutex<FairShares<UserKey>>>,
}

impl CallQueue {
    /// An empty queue, and its receiving end.
    pub(super) fn new() -> (Self, Receiver<Recorded>) {
        let (calls, receiver) = channel();
        (Self { calls, held: Arc::new(Mutex::new(FairShares::new(LIMIT))) }, receiver)
    }

    /// Queues a call of `user`. Returns `false` if there is no room for it. It never waits for the recording thread.
    pub(super) fn push(&self, user: &UserKey, call: Call) -> bool {
        let bytes = size(&call);
        if !lock(&self.held).take(user, bytes) {
            return false;
        }
        let held = Arc::clone(&self.held);
        let queued = QueuedCall { call: Box::new(call), user: user.clone(), bytes, held };
        self.calls.send(Recorded::Call(queued)).is_ok()
    }

    /// Queues the end of the recording.
    pub(super) fn end(&self) {
        // Fails only if the recording thread has ended.
        let _ = self.calls.send(Recorded::End);
    }
}

fn lock(held: &Mutex<FairShares<UserKey>>) -> MutexGuard<'_, FairShares<UserKey>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bytes of memory that a call takes, at least.
fn size(call: &Call) -> usize {
    let bodies = match &call.body {
        CallBody::Rpc(rpc) => {
            let response = match &rpc.outcome {
                RpcOutcome::Response(stub) => stub.len(),
                RpcOutcome::Fault(_) | RpcOutcome::None => 0,
            };
            rpc.request.len().saturating_add(response)
        }
        CallBody::Http(http) => {
            let response = http.response.as_ref().map_or(0, |response| message(&response.message));
            http.target.len().saturating_add(message(&http.request)).saturating_add(response)
        }
    };
    bodies.saturating_add(CALL)
}

fn message(HttpMessage { fields, body, .. }: &HttpMessage) -> usize {
    let fields =
        fields.iter().map(|(name, value)| name.len().saturating_add(value.len()).saturating_add(FIELD));
    fields.fold(body.len(), usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use wire::Endian;

    use super::*;
    use crate::call::{RpcCall, Stub};
    use crate::{Envelope, Timestamp};

    const MIB: usize = 1 << 20;

    fn user(name: &str) -> UserKey {
        testkit::caller(name).identity().user().clone()
    }

    /// A call whose request and response have `body` bytes together.
    fn call(body: usize) -> Call {
        let stub = |length| Stub::Plain(Bytes::from(vec![0; length]), Endian::Little);
        let (request, response) = (stub(body / 2), stub(body - body / 2));
        Call {
            time: Timestamp(0),
            elapsed: None,
            connection: 1,
            user: None,
            side: None,
            client: None,
            server: None,
            body: CallBody::Rpc(RpcCall {
                envelope: Envelope::RpcTcp,
                interface: None,
                opnum: 0,
                request,
                outcome: RpcOutcome::Response(response),
            }),
        }
    }

    /// Queues calls of `body` bytes until one is dropped, and returns how many were queued.
    fn fill(queue: &CallQueue, user: &UserKey, body: usize) -> usize {
        std::iter::from_fn(|| queue.push(user, call(body)).then_some(())).take(LIMIT).count()
    }

    #[test]
    fn the_bytes_of_queued_calls_are_bounded_whatever_their_size() {
        for body in [0, 100, 18 * MIB] {
            let (queue, calls) = CallQueue::new();
            for name in ["alice", "bob", "carol", "dave", "erin", "frank"] {
                fill(&queue, &user(name), body);
            }
            let all: usize = calls
                .try_iter()
                .map(|queued| if let Recorded::Call(queued) = queued { size(queued.call()) } else { 0 })
                .sum();
            assert!((LIMIT / 4..=LIMIT).contains(&all), "{all} bytes are queued");
            assert_eq!(lock(&queue.held).all(), 0, "received calls free their bytes");
        }
    }

    #[test]
    fn a_user_whose_calls_wait_leaves_room_for_those_of_others() {
        let (queue, _calls) = CallQueue::new();
        assert_eq!(
            fill(&queue, &user("alice"), MIB),
            31,
            "half of all, less the size of calls without bodies"
        );
        assert!(fill(&queue, &user("bob"), MIB) >= 15);
        assert!(fill(&queue, &user("carol"), MIB) >= 7);
        assert!(!queue.push(&user("alice"), call(0)), "alice has more than is free");
        assert!(queue.push(&user("dave"), call(0)));
    }

    #[test]
    fn the_end_of_the_recording_is_queued_however_many_calls_wait() {
        let (queue, calls) = CallQueue::new();
        fill(&queue, &user("alice"), MIB);
        queue.end();
        assert!(matches!(calls.try_iter().last(), Some(Recorded::End)));
    }
}
