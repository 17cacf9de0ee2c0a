//! The signals that the process handles.

use std::io::{self, IsTerminal};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// To stop: SIGTERM, SIGINT, and SIGHUP if the terminal was closed.
    Stop,
    /// To reload what can change while the proxy runs: SIGHUP if there is no terminal.
    Reload,
}

/// The signals that the process receives while this exists.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    at_hang_up: Request,
    /// SIGXFSZ, caught so that a write beyond the limit of file sizes fails with an error that is logged, and
    /// does not end the process.
    _too_long: Signal,
}

/// Listens for SIGHUP. To be called before anything that takes time: without it the signal ends the process.
pub(crate) fn hang_up() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

impl Signals {
    /// Listens for signals.
    pub(crate) fn new() -> io::Result<Self> {
        Self::with(hang_up()?)
    }

    /// Listens for signals other than SIGHUP, which `hang_up` has received since it was created.
    pub(crate) fn with(hang_up: Signal) -> io::Result<Self> {
        let at_hang_up = if io::stdin().is_terminal() { Request::Stop } else { Request::Reload };
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up,
            at_hang_up,
            _too_long: signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }

    /// Waits for the next request.
    pub(crate) async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.terminate.recv() => Request::Stop,
            _ = self.interrupt.recv() => Request::Stop,
            _ = self.hang_up.recv() => self.at_hang_up,
        }
    }

    /// Waits for a signal to stop.
    pub(crate) async fn stop(&mut self) {
        while self.next().await != Request::Stop {}
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn a_hang_up_during_the_start_takes_effect_after_it() {
        let hang_up = hang_up().unwrap();
        kill_process(getpid(), Signal::HUP).unwrap();
        let mut signals = Signals::with(hang_up).unwrap();
        assert_eq!(signals.next().await, signals.at_hang_up);
    }
}
