//! The observer that sends finished operations to the terminal.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use engine::{Finished, Observer, RefusedOperation, SecurityContext};

use crate::counters::Counters;
use crate::flow::Flow;

/// Lines that may wait for a slow reader before more are lost.
const WAITING_LINES: usize = 4096;

/// Observes the engine: counts all, and sends a snapshot of each operation to the reader.
#[derive(Debug)]
pub struct Live {
    counters: Arc<Counters>,
    lines: Option<SyncSender<Flow>>,
}

impl Live {
    /// A watcher that only counts.
    pub fn counting() -> Self {
        Self { counters: Arc::default(), lines: None }
    }

    /// A watcher, and the end from which its snapshots are read.
    pub fn reading() -> (Self, Receiver<Flow>) {
        let (lines, receiver) = sync_channel(WAITING_LINES);
        (Self { counters: Arc::default(), lines: Some(lines) }, receiver)
    }

    /// Hands a snapshot on, where there is a reader. A full queue means that the reader is slow: the line is
    /// lost, the client is not kept waiting.
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
