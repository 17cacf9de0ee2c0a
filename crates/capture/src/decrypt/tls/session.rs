//! Decrypts one recorded TLS connection.

use bytes::{Buf as _, Bytes};

use super::cipher::DecryptedRecord;
use super::direction::{
    ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, Direction, HANDSHAKE, Next, Phase, Piece,
};
use super::handshake::Message;
use super::keylog::KeyLog;
use super::negotiated::HandshakeState;
use super::problem::{TlsError, TlsFailure, TlsProblem};
use super::resync::{DecryptionAttempt, Resync, Resynced, try_decrypt};
use super::step::{Output, Step};
use crate::stream::Side;
use crate::time::Timestamp;

/// The maximum number of bytes of a connection that are buffered until they can be decrypted.
const MAX_WAITING: usize = 2 << 20;

/// The maximum number of records that may be missing without a gap.
const MAX_CUT: u64 = 64;

/// A TLS connection.
#[derive(Debug)]
pub struct Tls {
    client: Direction,
    server: Direction,
    handshake: HandshakeState,
    /// Whether a record waits for a key that no key log has yet.
    lacks_key: bool,
    /// Whether a problem was reported.
    reported: bool,
    out: Vec<Output>,
}

impl Tls {
    /// A new connection.
    pub fn new() -> Self {
        Self {
            client: Direction::new(),
            server: Direction::new(),
            handshake: HandshakeState::default(),
            lacks_key: false,
            reported: false,
            out: Vec::new(),
        }
    }

    /// Queues bytes of one side for [`Self::process`].
    pub fn queue(&mut self, side: Side, time: Timestamp, bytes: &[u8]) {
        self.direction(side).push(Piece::Data(time, Bytes::copy_from_slice(bytes)));
    }

    /// Queues a gap of `missing` bytes of one side.
    pub fn gap(&mut self, side: Side, missing: u64) {
        self.direction(side).push(Piece::Gap(missing));
    }

    /// Queues the end of one side.
    pub fn ended(&mut self, side: Side, time: Timestamp) {
        self.direction(side).push(Piece::End(time));
    }

    /// Processes the queues as far as possible.
    pub fn process(&mut self, log: &mut KeyLog) {
        self.run_all(log);
        if self.held() > MAX_WAITING {
            self.give_up(log);
        }
    }

    /// Ends the connection: nothing more is recorded of it, or too many bytes are buffered.
    pub fn give_up(&mut self, log: &mut KeyLog) {
        self.run_all(log);
        if self.lacks_key {
            self.no_key();
        }
        for side in [Side::Client, Side::Server] {
            let direction = self.direction(side);
            if direction.dead {
                continue;
            }
            let waits = direction.held() > 0 && direction.phase() == Phase::Plain;
            let missing = direction.lost_for_good();
            direction.kill();
            self.out.extend(missing.map(|missing| Output::Gap(side, missing)));
            if waits && !self.reported {
                let error = if self.handshake.hello.is_none() {
                    TlsError::HandshakeStart
                } else {
                    TlsError::HandshakeEnd
                };
                self.fail(side, error);
            }
        }
    }

    /// The output since the last call.
    pub fn take(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.out)
    }

    /// The number of bytes that are buffered until they can be decrypted.
    pub fn held(&self) -> usize {
        self.client.held().saturating_add(self.server.held())
    }

    /// Whether a record waits for a key.
    pub const fn lacks_key(&self) -> bool {
        self.lacks_key
    }

    const fn of(&self, side: Side) -> &Direction {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    fn direction(&mut self, side: Side) -> &mut Direction {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Reports that the key of the connection is missing, and reads nothing more of it.
    fn no_key(&mut self) {
        let random = self.handshake.hello.as_ref().map(|hello| hello.random).unwrap_or_default();
        self.lacks_key = false;
        self.client.kill();
        self.server.kill();
        self.report(TlsFailure::NoKey(random));
    }

    /// Reads nothing more of one side, or of both if the error concerns both.
    fn fail(&mut self, side: Side, error: TlsError) {
        self.direction(side).kill();
        if error.concerns_both() {
            self.direction(side.other()).kill();
            self.report(TlsFailure::Connection(error));
        } else {
            self.report(TlsFailure::Side { side, error });
        }
    }

    fn report(&mut self, failure: TlsFailure) {
        self.reported = true;
        let server_name = self.handshake.hello.as_ref().and_then(|hello| hello.server_name.clone());
        self.out.push(Output::Problem(TlsProblem { server_name, failure }));
    }

    /// Processes both sides for as long as one of them makes progress.
    fn run_all(&mut self, log: &mut KeyLog) {
        self.lacks_key = false;
        while self.run(Side::Client, log) | self.run(Side::Server, log) {}
    }

    /// Processes one side. Returns whether it made progress, which may unblock the other side.
    fn run(&mut self, side: Side, log: &mut KeyLog) -> bool {
        let mut progress = false;
        loop {
            match self.step(side, log) {
                Step::Progress => progress = true,
                Step::Blocked => return progress,
                Step::NoKey => {
                    self.lacks_key = true;
                    return progress;
                }
                Step::Failed(error) => {
                    self.fail(side, error);
                    return true;
                }
            }
        }
    }

    fn step(&mut self, side: Side, log: &mut KeyLog) -> Step {
        let direction = self.direction(side);
        if direction.dead {
            return Step::Blocked;
        }
        if direction.messages.is_server_hello() && self.handshake.hello.is_none() {
            return Step::Blocked;
        }
        if let Some(message) = self.direction(side).messages.next() {
            return self.message(side, message, log);
        }
        if self.direction(side).lost.is_some() {
            return self.resync(side, log);
        }
        let direction = self.direction(side);
        match direction.next() {
            Next::Record(total) => self.record(side, total, log),
            Next::Nothing => Step::Blocked,
            Next::End(time) => {
                self.out.push(Output::Ended(side, time));
                Step::Progress
            }
            Next::Gap(missing) => {
                if let Some(missing @ 1..) = direction.gap(missing) {
                    self.out.push(Output::Gap(side, missing));
                }
                Step::Progress
            }
            Next::Malformed => Step::Failed(TlsError::Framing),
        }
    }

    /// Searches the next record after a gap.
    fn resync(&mut self, side: Side, log: &mut KeyLog) -> Step {
        let direction = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        let resync = Resync { direction, handshake: &self.handshake, side, log, out: &mut self.out };
        match resync.step() {
            Resynced::Step(step) => step,
            Resynced::Record(total) => self.record(side, total, log),
            Resynced::Decrypted(decrypted) => self.content(side, decrypted, log),
        }
    }

    /// Tries to decrypt the record of `total` bytes at the start of the input; see [`try_decrypt`].
    fn try_decrypt(
        &mut self,
        side: Side,
        total: usize,
        reach: u64,
        log: &KeyLog,
    ) -> Option<DecryptionAttempt> {
        try_decrypt(self.of(side), &self.handshake, side, (total, reach), log)
    }

    /// Processes the record of `total` bytes at the start of the input.
    fn record(&mut self, side: Side, total: usize, log: &mut KeyLog) -> Step {
        let kind = self.direction(side).input.first().copied().unwrap_or_default();
        let phase = self.direction(side).phase();
        match (phase, kind) {
            (Phase::Plain, HANDSHAKE) => {
                let direction = self.direction(side);
                let record = direction.input.split_to(total);
                direction.messages.push(record.get(super::cipher::HEADER_SIZE..).unwrap_or_default());
                Step::Progress
            }
            (Phase::Plain, CHANGE_CIPHER_SPEC) => match &self.handshake.negotiated {
                None => Step::Blocked,
                Some(negotiated) if negotiated.is_tls13 => self.skip_record(side, total),
                Some(_) => match self.handshake.tls12(side, log) {
                    None => Step::NoKey,
                    Some(keys) => {
                        self.direction(side).install(keys);
                        self.skip_record(side, total)
                    }
                },
            },
            (Phase::Plain, APPLICATION_DATA) => {
                let Some(negotiated) = &self.handshake.negotiated else { return Step::Blocked };
                let keys = if negotiated.is_tls13 {
                    self.handshake.initial_keys(side, log)
                } else {
                    self.handshake.tls12(side, log)
                };
                let Some(keys) = keys else { return Step::NoKey };
                self.direction(side).install(keys);
                Step::Progress
            }
            // Alerts without protection, and the records that TLS 1.3 sends for old middleboxes (RFC 8446 5).
            (Phase::Plain, _) => self.skip_record(side, total),
            (Phase::Early | Phase::Handshake | Phase::Traffic, CHANGE_CIPHER_SPEC | ALERT) => {
                self.skip_record(side, total)
            }
            _ => self.protected_record(side, total, log),
        }
    }

    fn skip_record(&mut self, side: Side, total: usize) -> Step {
        self.direction(side).input.advance(total);
        Step::Progress
    }

    /// Decrypts the record of `total` bytes at the start of the input.
    fn protected_record(&mut self, side: Side, total: usize, log: &mut KeyLog) -> Step {
        let mut attempt = self.try_decrypt(side, total, 0, log);
        if attempt.is_none() {
            if self.may_skip(side, log) {
                return self.skip_record(side, total);
            }
            // Records may be missing without a gap, where the recording was cut.
            attempt = self.try_decrypt(side, total, MAX_CUT, log);
        }
        let Some(attempt) = attempt else { return Step::Failed(TlsError::Decryption) };
        let direction = self.direction(side);
        direction.input.advance(total);
        if let Some(keys) = attempt.new_keys {
            direction.install(keys);
        }
        direction.sequence = attempt.sequence.saturating_add(1);
        self.content(side, attempt.record, log)
    }

    /// Whether a record that cannot be decrypted may belong to a phase whose key is unknown: early data,
    /// which the server may reject (RFC 8446 4.2.10), or a handshake of which only the traffic keys are
    /// known.
    fn may_skip(&mut self, side: Side, log: &KeyLog) -> bool {
        let Some(hello) = &self.handshake.hello else { return false };
        let secrets = log.secrets(&hello.random);
        let early = side == Side::Client && hello.early_data;
        let direction = self.direction(side);
        match direction.phase() {
            Phase::Early => true,
            Phase::Handshake => early && direction.sequence == 0,
            Phase::Traffic => {
                let handshake = secrets.and_then(|secrets| match side {
                    Side::Client => secrets.client_handshake.as_ref(),
                    Side::Server => secrets.server_handshake.as_ref(),
                });
                handshake.is_none() && direction.sequence == 0
            }
            Phase::Plain | Phase::Tls12 => false,
        }
    }

    /// Processes the content of a record.
    fn content(&mut self, side: Side, decrypted: DecryptedRecord, log: &mut KeyLog) -> Step {
        let direction = self.direction(side);
        match decrypted.content {
            APPLICATION_DATA => {
                let time = direction.time;
                if !decrypted.plain.is_empty() {
                    self.out.push(Output::Plain(side, time, decrypted.plain));
                }
            }
            HANDSHAKE => direction.messages.push(&decrypted.plain),
            // A second handshake in TLS 1.2 ends with other keys.
            CHANGE_CIPHER_SPEC if self.handshake.negotiated.is_some() => {
                match self.handshake.tls12(side, log) {
                    Some(keys) => self.direction(side).install(keys),
                    None => return Step::Failed(TlsError::Decryption),
                }
            }
            _ => {}
        }
        Step::Progress
    }

    fn message(&mut self, side: Side, message: Message, log: &mut KeyLog) -> Step {
        match (side, message) {
            (Side::Client, Message::ClientHello(hello)) => {
                // A second one within a handshake has the random of the first (RFC 8446 4.1.2).
                if self.handshake.hello.as_ref().is_none_or(|before| before.random != hello.random) {
                    self.handshake.negotiated = None;
                }
                self.handshake.hello = Some(hello);
            }
            (Side::Server, Message::ServerHello(hello)) => return self.handshake.negotiate(hello),
            (Side::Server, Message::Ticket(ticket)) => {
                if let Some(negotiated) =
                    self.handshake.negotiated.as_mut().filter(|negotiated| !negotiated.is_tls13)
                {
                    negotiated.ticket = ticket;
                }
            }
            (Side::Client, Message::EndOfEarlyData) if self.client.phase() == Phase::Early => {
                return self.advance(side, Phase::Handshake, log);
            }
            (_, Message::Finished) if self.direction(side).phase() == Phase::Handshake => {
                return self.advance(side, Phase::Traffic, log);
            }
            (_, Message::KeyUpdate) if self.direction(side).phase() == Phase::Traffic => {
                let updated = self.of(side).keys.as_ref().and_then(|keys| self.handshake.updated(keys));
                let Some(keys) = updated else { return Step::Failed(TlsError::Decryption) };
                self.direction(side).install(keys);
            }
            _ => {}
        }
        Step::Progress
    }

    /// Continues with the keys of `phase`.
    fn advance(&mut self, side: Side, phase: Phase, log: &KeyLog) -> Step {
        match self.handshake.keys_for(side, phase, log) {
            Some(keys) => {
                self.direction(side).install(keys);
                Step::Progress
            }
            None => Step::Failed(TlsError::TrafficSecret),
        }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self::new()
    }
}
