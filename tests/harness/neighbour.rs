use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::raw::{Connection, NSPI, with_handle};
use super::thread;

/// What a neighbour may have to wait for an answer while others misbehave: far more than it takes, far less
/// than any of the proxy's own time limits.
const AT_MOST: Duration = Duration::from_secs(2);

/// A client that has opened an address book and goes on asking, whatever others do to the proxy.
#[derive(Debug)]
pub(crate) struct Neighbour {
    stop: Arc<AtomicBool>,
    calls: Option<JoinHandle<(usize, Duration)>>,
}

impl Neighbour {
    /// Begins to ask at `target`, whose upstream must be one that echoes.
    pub(crate) fn at(target: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let mut connection = Connection::bound(target, NSPI);
        let handle = connection.nspi_bind();
        let calls = thread(move || {
            let (mut count, mut worst) = (0_usize, Duration::ZERO);
            while !stopped.load(Ordering::Relaxed) {
                let text = count.to_le_bytes();
                let begin = Instant::now();
                let answer = connection.call(10, &with_handle(handle, &text)).stub();
                worst = worst.max(begin.elapsed());
                assert_eq!(answer[..text.len()], text, "the neighbour got another answer than its own");
                count += 1;
                std::thread::sleep(Duration::from_millis(5));
            }
            (count, worst)
        });
        Self { stop, calls: Some(calls) }
    }

    /// Ends, after it was answered all the time.
    #[track_caller]
    pub(crate) fn expect_undisturbed(mut self) {
        // Once more after everything, so that the last misdeed had its chance.
        std::thread::sleep(Duration::from_millis(50));
        self.stop.store(true, Ordering::Relaxed);
        let (count, worst) = self.calls.take().unwrap().join().expect("the neighbour lost its connection");
        println!("neighbour: {count} calls, the slowest {} ms", worst.as_millis());
        assert!(count > 2, "the neighbour made only {count} calls");
        assert!(worst < AT_MOST, "the neighbour waited {worst:?}");
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
