//! Connections that speak TLS: what is decrypted of them is watched as if it had been sent in the clear.

use std::sync::Arc;

use super::security::Secrets;
use super::watcher::{Out, Talk};
use crate::decrypt::tls::{KeyLog, KeyLogReader, LineProblem, Output, Tls};
use crate::stream::Side;
use crate::time::Timestamp;

/// How many bytes of all connections are kept while they can't be decrypted yet.
const MAX_WAITING: usize = 64 << 20;

/// What is known of the TLS of all connections.
#[derive(Debug, Default)]
pub(super) struct Decryption {
    pub(super) log: KeyLog,
    /// How many bytes of all connections wait.
    held: usize,
    /// Some connection waits for a key.
    pub(super) lacking: bool,
}

impl Decryption {
    pub(super) fn new(log: KeyLog) -> Self {
        Self { log, ..Self::default() }
    }

    /// Takes the lines of a key log that a recording has in it.
    pub(super) fn lines(&mut self, lines: &[u8]) -> Vec<LineProblem> {
        let (mut reader, mut problems) = (KeyLogReader::default(), Vec::new());
        reader.push(lines, &mut self.log, &mut problems);
        reader.finish(&mut self.log, &mut problems);
        problems
    }
}

/// What one connection has of TLS.
#[derive(Debug, Default)]
pub(super) struct Layer {
    tls: Option<Box<Tls>>,
    held: usize,
}

/// Something that was recorded of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) enum Recorded<'a> {
    Data(Side, Timestamp, &'a [u8]),
    Gap(Side, u64),
    Ended(Side, Timestamp),
    /// Nothing more comes.
    Closed,
}

impl Layer {
    /// Whether the connection speaks TLS.
    pub(super) const fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Begins to follow TLS, with what both sides sent so far.
    pub(super) fn begin(&mut self, time: Timestamp, (client, server): (&[u8], &[u8])) {
        let tls = self.tls.get_or_insert_default();
        tls.queue(Side::Client, time, client);
        tls.queue(Side::Server, time, server);
    }
}

impl Talk {
    /// Takes what was recorded, and decrypts it where it is TLS.
    pub(super) fn take(
        &mut self,
        recorded: Recorded<'_>,
        secrets: &Arc<Secrets>,
        decryption: &mut Decryption,
        out: &mut Out,
    ) {
        // What TLS takes and gives out is of the sides as they really are.
        let swapped = self.real(Side::Client) == Side::Server;
        let real = |side: Side| if swapped { side.other() } else { side };
        match (&mut self.layer.tls, recorded) {
            (None, _) => self.plain(recorded, secrets, out),
            (Some(tls), Recorded::Data(side, time, bytes)) => tls.queue(real(side), time, bytes),
            (Some(tls), Recorded::Gap(side, missing)) => tls.gap(real(side), missing),
            (Some(tls), Recorded::Ended(side, time)) => tls.ended(real(side), time),
            (Some(tls), Recorded::Closed) => tls.give_up(&mut decryption.log),
        }
        let Some(tls) = &mut self.layer.tls else { return };
        tls.process(&mut decryption.log);
        decryption.held = decryption.held.saturating_sub(self.layer.held);
        if decryption.held.saturating_add(tls.held()) > MAX_WAITING {
            tls.give_up(&mut decryption.log);
        }
        self.layer.held = tls.held();
        decryption.held = decryption.held.saturating_add(self.layer.held);
        decryption.lacking |= tls.lacks_key();
        for output in tls.take() {
            match output {
                Output::Plain(side, time, bytes) => {
                    self.plain(Recorded::Data(self.real(side), time, &bytes), secrets, out);
                }
                Output::Gap(side, missing) => {
                    self.plain(Recorded::Gap(self.real(side), missing), secrets, out);
                }
                Output::Ended(side, time) => self.plain(Recorded::Ended(self.real(side), time), secrets, out),
                Output::Problem(what) => out.problems.push(what),
            }
        }
        if matches!(recorded, Recorded::Closed) {
            self.plain(recorded, secrets, out);
        }
    }
}
