//! Counters of operations and errors since the start.

use std::sync::atomic::{AtomicU64, Ordering};

use engine::{Finished, Reply};

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Counters {
    operations: AtomicU64,
    faults: AtomicU64,
    sign_ins: AtomicU64,
    refused: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

/// The values of the counters at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountersSnapshot {
    /// Operations that ended.
    pub operations: u64,
    /// Operations that ended with a refusal.
    pub faults: u64,
    /// Successful authentications.
    pub sign_ins: u64,
    /// Refused clients.
    pub refused: u64,
    /// Bytes of requests' stubs.
    pub bytes_in: u64,
    /// Bytes of responses' stubs.
    pub bytes_out: u64,
}

impl Counters {
    pub(crate) fn count(&self, finished: &Finished) {
        add(&self.operations, 1);
        add(&self.bytes_in, finished.flight().operation.request.original().len() as u64);
        match finished.reply() {
            Reply::Response(stub) => add(&self.bytes_out, stub.len() as u64),
            Reply::Refused(_) | Reply::RefusedByUpstream(_) => add(&self.faults, 1),
        }
    }

    pub(crate) fn count_rejected(&self, request_size: usize) {
        add(&self.operations, 1);
        add(&self.faults, 1);
        add(&self.bytes_in, request_size as u64);
    }

    pub(crate) fn sign_in(&self) {
        add(&self.sign_ins, 1);
    }

    pub(crate) fn refusal(&self) {
        add(&self.refused, 1);
    }

    /// The counts now.
    pub fn snapshot(&self) -> CountersSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CountersSnapshot {
            operations: read(&self.operations),
            faults: read(&self.faults),
            sign_ins: read(&self.sign_ins),
            refused: read(&self.refused),
            bytes_in: read(&self.bytes_in),
            bytes_out: read(&self.bytes_out),
        }
    }
}

fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}
