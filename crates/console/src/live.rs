//! The observer that sends finished operations to the terminal.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use engine::{Finished, Observer, RefusedOperation, SecurityContext};

use crate::counters::Counters;
use crate::flow::Flow;

/// The most lines that wait for a slow reader. Further lines are dropped.
const WAITING_LINES: usize = 4096;

/// Observes the engine: counts all, and sends a snapshot of each operation to the reader.
#[derive(Debug)]
pub struct Live {
    counters: Arc<Counters>,
    lines: Option<SyncSender<Flow>>,
}

impl Live {
    /// An observer that only counts.
    pub fn counting() -> Self {
        Self { counters: Arc::default(), lines: None }
    }

    /// An observer, and the receiver of its snapshots.
    pub fn reading() -> (Self, Receiver<Flow>) {
        let (lines, receiver) = sync_channel(WAITING_LINES);
        (Self { counters: Arc::default(), lines: Some(lines) }, receiver)
    }

    /// Sends a snapshot to the reader, if there is one. If the queue is full the snapshot is dropped: the client never
    /// waits for a slow reader.
    fn show(&self, flow: impl FnOnce() -> Flow) {
        if let Some(lines) = &self.lines {
            let _ = lines.try_send(flow());
        }
    }

    /// The counts.
    pub const fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }
}

impl Observer for Live {
    fn authenticated(&self, _context: &SecurityContext, _peer: SocketAddr) {
        self.counters.sign_in();
    }

    fn client_refused(&self, _peer: SocketAddr, _why: &str) {
        self.counters.refusal();
    }

    fn operation_refused(&self, call: &RefusedOperation<'_>) {
        self.counters.count_rejected(call.request_size);
        self.show(|| Flow::rejected(call));
    }

    fn finished(&self, finished: &Finished, elapsed: Duration) {
        self.counters.count(finished);
        self.show(|| Flow::new(finished, elapsed));
    }
}
