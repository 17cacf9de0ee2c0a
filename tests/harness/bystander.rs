//! A client that measures its response times while other clients misbehave.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::place::thread;
use super::raw::{Connection, NSPI, with_handle};

/// The longest time that the bystander may wait for a response on an idle machine.
const AT_MOST: Duration = Duration::from_secs(2);

/// How often the bystander sleeps for this long; that it oversleeps shows how busy the machine is.
const PAUSE: Duration = Duration::from_millis(5);

/// A client that has opened an address book and calls it again and again while other clients misbehave.
#[derive(Debug)]
pub(crate) struct Bystander {
    stop: Arc<AtomicBool>,
    calls: Option<JoinHandle<(usize, Duration, Duration)>>,
}

impl Bystander {
    /// Starts the calls at `target`, whose upstream must be one that echoes.
    pub(crate) fn at(target: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let mut connection = Connection::bound(target, NSPI);
        let handle = connection.nspi_bind();
        let calls = thread(move || {
            let (mut count, mut worst, mut overslept) = (0_usize, Duration::ZERO, Duration::ZERO);
            while !stopped.load(Ordering::Relaxed) {
                let text = count.to_le_bytes();
                let begin = Instant::now();
                let response = connection.call(10, &with_handle(handle, &text)).stub();
                worst = worst.max(begin.elapsed());
                assert_eq!(response[..text.len()], text, "the bystander got another response than its own");
                count += 1;
                let begin = Instant::now();
                std::thread::sleep(PAUSE);
                overslept = overslept.max(begin.elapsed().saturating_sub(PAUSE));
            }
            (count, worst, overslept)
        });
        Self { stop, calls: Some(calls) }
    }

    /// Stops the calls, and asserts that each had its response in time.
    #[track_caller]
    pub(crate) fn expect_undisturbed(mut self) {
        // Some calls are made after the last misbehaviour.
        std::thread::sleep(Duration::from_millis(50));
        self.stop.store(true, Ordering::Relaxed);
        let (count, worst, overslept) =
            self.calls.take().unwrap().join().expect("the bystander lost its connection");
        println!("bystander: {count} calls, the slowest {} ms; overslept {overslept:?}", worst.as_millis());
        assert!(count > 2, "the bystander made only {count} calls");
        // Each response needs two programs and a server of the test.
        assert!(
            worst < AT_MOST + 10 * overslept,
            "the bystander waited {worst:?}; it overslept {overslept:?}"
        );
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
