//! Connections that speak TLS: what is decrypted of them is watched as if it had been sent in the clear.

use crate::decrypt::tls::{KeyLog, KeyLogReader, LineProblem, Output, Tls};
use crate::stream::Side;
use crate::time::Timestamp;

/// How many bytes of all connections are kept while they cannot be decrypted yet.
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

impl Recorded<'_> {
    /// The same, of the other side.
    pub(super) const fn swapped(self) -> Self {
        match self {
            Self::Data(side, time, bytes) => Self::Data(side.other(), time, bytes),
            Self::Gap(side, missing) => Self::Gap(side.other(), missing),
            Self::Ended(side, time) => Self::Ended(side.other(), time),
            Self::Closed => Self::Closed,
        }
    }
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

    /// Hands `recorded` to TLS, and takes what TLS decrypts; none where the connection does not speak TLS.
    pub(super) fn take(
        &mut self,
        recorded: Recorded<'_>,
        decryption: &mut Decryption,
    ) -> Option<Vec<Output>> {
        let tls = self.tls.as_mut()?;
        match recorded {
            Recorded::Data(side, time, bytes) => tls.queue(side, time, bytes),
            Recorded::Gap(side, missing) => tls.gap(side, missing),
            Recorded::Ended(side, time) => tls.ended(side, time),
            Recorded::Closed => tls.give_up(&mut decryption.log),
        }
        Some(self.decrypted(decryption))
    }

    /// What TLS decrypts of all that was handed to it.
    pub(super) fn decrypted(&mut self, decryption: &mut Decryption) -> Vec<Output> {
        let Some(tls) = &mut self.tls else { return Vec::new() };
        tls.process(&mut decryption.log);
        decryption.held = decryption.held.saturating_sub(self.held);
        if decryption.held.saturating_add(tls.held()) > MAX_WAITING {
            tls.give_up(&mut decryption.log);
        }
        self.held = tls.held();
        decryption.held = decryption.held.saturating_add(self.held);
        decryption.lacking |= tls.lacks_key();
        tls.take()
    }
}
