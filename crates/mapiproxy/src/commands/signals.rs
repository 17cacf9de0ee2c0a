//! What the process is told by signals.

use std::io::{self, IsTerminal};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// To end: SIGTERM, SIGINT, and SIGHUP where that says that our terminal is gone.
    Stop,
    /// To read again what can change while we run: SIGHUP where there is no terminal.
    ReadAgain,
}

/// The signals of the process, from when this is made.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    at_hang_up: Told,
    /// A file is as long as it may be: what is written to it fails, which is told where it is written, and is
    /// no end of the process.
    _too_long: Signal,
}

impl Signals {
    /// Listens for signals.
    pub(crate) fn new() -> io::Result<Self> {
        let at_hang_up = if io::stdin().is_terminal() { Told::Stop } else { Told::ReadAgain };
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            at_hang_up,
            _too_long: signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }

    /// Waits for the next.
    pub(crate) async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hang_up.recv() => self.at_hang_up,
        }
    }

    /// Waits until somebody asks the process to end.
    pub(crate) async fn stop(&mut self) {
        while self.next().await != Told::Stop {}
    }
}
