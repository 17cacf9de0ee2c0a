//! Decrypts the connections that use TLS.

use crate::decrypt::tls::{KeyLog, KeyLogReader, LineProblem, Output, Tls};
use crate::stream::Side;
use crate::time::Timestamp;

/// The maximum number of bytes of all connections that are buffered until they can be decrypted.
const MAX_WAITING: usize = 64 << 20;

/// The TLS state of all connections.
#[derive(Debug, Default)]
pub(super) struct Decryption {
    pub(super) log: KeyLog,
    /// The number of buffered bytes of all connections.
    held: usize,
    /// Whether a connection lacks a key.
    pub(super) lacks_key: bool,
}

impl Decryption {
    pub(super) fn new(log: KeyLog) -> Self {
        Self { log, ..Self::default() }
    }

    /// Adds the lines of a key log that is part of a recording.
    pub(super) fn add_lines(&mut self, lines: &[u8]) -> Vec<LineProblem> {
        let (mut reader, mut problems) = (KeyLogReader::default(), Vec::new());
        reader.push(lines, &mut self.log, &mut problems);
        reader.finish(&mut self.log, &mut problems);
        problems
    }
}

/// The TLS state of one connection, if it uses TLS.
#[derive(Debug, Default)]
pub(super) struct TlsLayer {
    tls: Option<Box<Tls>>,
    held: usize,
}

/// A recorded event of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) enum Recorded<'a> {
    Data(Side, Timestamp, &'a [u8]),
    Gap(Side, u64),
    Ended(Side, Timestamp),
    /// The connection has ended.
    Closed,
}

impl Recorded<'_> {
    /// The same event of the other side.
    pub(super) const fn swapped(self) -> Self {
        match self {
            Self::Data(side, time, bytes) => Self::Data(side.other(), time, bytes),
            Self::Gap(side, missing) => Self::Gap(side.other(), missing),
            Self::Ended(side, time) => Self::Ended(side.other(), time),
            Self::Closed => Self::Closed,
        }
    }
}

impl TlsLayer {
    /// Whether the connection uses TLS.
    pub(super) const fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Begins to decrypt, with the bytes that both sides have sent so far.
    pub(super) fn begin(&mut self, time: Timestamp, (client, server): (&[u8], &[u8])) {
        let tls = self.tls.get_or_insert_default();
        tls.queue(Side::Client, time, client);
        tls.queue(Side::Server, time, server);
    }

    /// Processes an event. Returns what was decrypted; `None` if the connection does not use TLS.
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

    /// Decrypts as much as possible.
    pub(super) fn decrypted(&mut self, decryption: &mut Decryption) -> Vec<Output> {
        let Some(tls) = &mut self.tls else { return Vec::new() };
        tls.process(&mut decryption.log);
        decryption.held = decryption.held.saturating_sub(self.held);
        if decryption.held.saturating_add(tls.held()) > MAX_WAITING {
            tls.give_up(&mut decryption.log);
        }
        self.held = tls.held();
        decryption.held = decryption.held.saturating_add(self.held);
        decryption.lacks_key |= tls.lacks_key();
        tls.take()
    }
}
