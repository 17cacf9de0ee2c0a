//! One TLS connection, followed from the side.

use std::fmt;

use bytes::{Buf as _, Bytes};

use super::cipher::Opened;
use super::direction::{
    ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, Direction, HANDSHAKE, Next, Phase, Piece,
};
use super::handshake::Message;
use super::keylog::KeyLog;
use super::negotiated::Agreement;
use super::resync::{Hit, Resync, Resynced, try_open};
use super::step::{Broken, Output, Step};
use crate::stream::Side;
use crate::time::Timestamp;

/// How many bytes of a connection are kept while they cannot be decrypted yet.
const MAX_WAITING: usize = 2 << 20;

/// How many records may be missing where no gap was seen.
const MAX_CUT: u64 = 64;

/// A TLS connection.
#[derive(Debug)]
pub struct Tls {
    client: Direction,
    server: Direction,
    agreement: Agreement,
    /// Something waits for a key that no key log has so far.
    lacks_key: bool,
    /// It was said that there is no key.
    said: bool,
    out: Vec<Output>,
}

impl Tls {
    /// A connection of which nothing was seen.
    pub fn new() -> Self {
        Self {
            client: Direction::new(),
            server: Direction::new(),
            agreement: Agreement::default(),
            lacks_key: false,
            said: false,
            out: Vec::new(),
        }
    }

    /// Whether bytes that begin so are those of a client that speaks TLS: a handshake record. None where
    /// there are too few of them.
    pub fn is_start(bytes: &[u8]) -> Option<bool> {
        match bytes {
            [HANDSHAKE, 3, 0..=4, ..] => Some(true),
            [] | [HANDSHAKE] | [HANDSHAKE, 3] => None,
            _ => Some(false),
        }
    }

    /// Whether bytes begin with a `ClientHello`.
    pub fn is_client_hello(bytes: &[u8]) -> bool {
        matches!(bytes, [HANDSHAKE, 3, 0..=4, _, _, 1, ..])
    }

    /// Whether bytes that begin so can be those of a TLS connection whose handshake is over.
    pub fn is_middle(bytes: &[u8]) -> bool {
        matches!(bytes, [CHANGE_CIPHER_SPEC | ALERT | APPLICATION_DATA, 3, 1..=4, high, ..] if *high <= 0x48)
    }

    /// Takes bytes that one side sent, to be looked at by [`Self::process`].
    pub fn queue(&mut self, side: Side, time: Timestamp, bytes: &[u8]) {
        self.direction(side).push(Piece::Data(time, Bytes::copy_from_slice(bytes)));
    }

    /// Bytes of one side are missing.
    pub fn gap(&mut self, side: Side, missing: u64) {
        self.direction(side).push(Piece::Gap(missing));
    }

    /// One side sends no more.
    pub fn ended(&mut self, side: Side, time: Timestamp) {
        self.direction(side).push(Piece::End(time));
    }

    /// Looks at all that can be looked at.
    pub fn process(&mut self, log: &mut KeyLog) {
        self.run_all(log);
        if self.held() > MAX_WAITING {
            self.give_up(log);
        }
    }

    /// Ends what waits, since nothing more comes or there is no room for it.
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
            if waits && !self.said {
                self.said = true;
                let why = if self.agreement.hello.is_none() { Broken::Beginning } else { Broken::Rest };
                self.broken(side, why);
            }
        }
    }

    /// The output since the last call.
    pub fn take(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.out)
    }

    /// How many bytes are kept since they cannot be decrypted yet.
    pub fn held(&self) -> usize {
        self.client.held().saturating_add(self.server.held())
    }

    /// Whether something waits for a key.
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

    /// How a message names the connection: with whom, as far as the client said.
    fn name(&self) -> String {
        let name = self.agreement.hello.as_ref().and_then(|hello| hello.server_name.as_deref());
        name.map(|name| format!(" with {name}")).unwrap_or_default()
    }

    fn no_key(&mut self) {
        let name = self.name();
        let random =
            self.agreement.hello.as_ref().map(|hello| Digits(&hello.random).to_string()).unwrap_or_default();
        let what = format!("TLS{name}: no key log has the key of this connection (client random {random})");
        (self.said, self.lacks_key) = (true, false);
        self.out.push(Output::Problem(what));
        self.client.kill();
        self.server.kill();
    }

    /// Lets both sides go on for as long as one of them can.
    fn run_all(&mut self, log: &mut KeyLog) {
        self.lacks_key = false;
        while self.run(Side::Client, log) | self.run(Side::Server, log) {}
    }

    /// Whether there was something that could be looked at, which the other side may have waited for.
    fn run(&mut self, side: Side, log: &mut KeyLog) -> bool {
        let mut progress = false;
        loop {
            match self.step(side, log) {
                Step::Again => progress = true,
                Step::Waits => return progress,
                Step::NoKey => {
                    self.lacks_key = true;
                    return progress;
                }
                Step::Broken(why) => {
                    self.broken(side, why);
                    return true;
                }
            }
        }
    }

    /// Reads nothing more of one side, or of both where it concerns both.
    fn broken(&mut self, side: Side, why: Broken) {
        let name = self.name();
        let what = if why.concerns_both() {
            self.direction(side.other()).kill();
            format!("TLS{name}: {why}; nothing of it is read")
        } else {
            format!("TLS{name}: {why}; nothing more of the {} is read", side.name())
        };
        self.said = true;
        self.out.push(Output::Problem(what));
        self.direction(side).kill();
    }

    fn step(&mut self, side: Side, log: &mut KeyLog) -> Step {
        let direction = self.direction(side);
        if direction.dead {
            return Step::Waits;
        }
        if direction.messages.is_server_hello() && self.agreement.hello.is_none() {
            return Step::Waits;
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
            Next::Nothing => Step::Waits,
            Next::End(time) => {
                self.out.push(Output::Ended(side, time));
                Step::Again
            }
            Next::Gap(missing) => {
                if let Some(missing @ 1..) = direction.gap(missing) {
                    self.out.push(Output::Gap(side, missing));
                }
                Step::Again
            }
            Next::Broken => Step::Broken(Broken::Framing),
        }
    }

    /// Looks for the next record behind a gap.
    fn resync(&mut self, side: Side, log: &mut KeyLog) -> Step {
        let direction = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        let resync = Resync { direction, agreement: &self.agreement, side, log, out: &mut self.out };
        match resync.step() {
            Resynced::Step(step) => step,
            Resynced::Record(total) => self.record(side, total, log),
            Resynced::Opened(opened) => self.opened(side, opened, log),
        }
    }

    /// Tries to open the record of `total` bytes that is at hand; see [`try_open`].
    fn try_open(&mut self, side: Side, total: usize, reach: u64, log: &KeyLog) -> Option<Hit> {
        try_open(self.of(side), &self.agreement, side, (total, reach), log)
    }

    /// The record of `total` bytes that is at hand.
    fn record(&mut self, side: Side, total: usize, log: &mut KeyLog) -> Step {
        let kind = self.direction(side).input.first().copied().unwrap_or_default();
        let phase = self.direction(side).phase();
        match (phase, kind) {
            (Phase::Plain, HANDSHAKE) => {
                let direction = self.direction(side);
                let record = direction.input.split_to(total);
                direction.messages.push(record.get(super::cipher::HEADER_SIZE..).unwrap_or_default());
                Step::Again
            }
            (Phase::Plain, CHANGE_CIPHER_SPEC) => match &self.agreement.negotiated {
                None => Step::Waits,
                Some(negotiated) if negotiated.is_tls13 => self.pass(side, total),
                Some(_) => match self.agreement.tls12(side, log) {
                    None => Step::NoKey,
                    Some(keys) => {
                        self.direction(side).install(keys);
                        self.pass(side, total)
                    }
                },
            },
            (Phase::Plain, APPLICATION_DATA) => {
                let Some(negotiated) = &self.agreement.negotiated else { return Step::Waits };
                let keys = if negotiated.is_tls13 {
                    self.agreement.first(side, log)
                } else {
                    self.agreement.tls12(side, log)
                };
                let Some(keys) = keys else { return Step::NoKey };
                self.direction(side).install(keys);
                Step::Again
            }
            // Alerts before keys; what TLS 1.3 sends for old middleboxes (RFC 8446 5).
            (Phase::Plain, _) => self.pass(side, total),
            (Phase::Early | Phase::Handshake | Phase::Traffic, CHANGE_CIPHER_SPEC | ALERT) => {
                self.pass(side, total)
            }
            _ => self.sealed(side, total, log),
        }
    }

    fn pass(&mut self, side: Side, total: usize) -> Step {
        self.direction(side).input.advance(total);
        Step::Again
    }

    fn sealed(&mut self, side: Side, total: usize, log: &mut KeyLog) -> Step {
        let mut hit = self.try_open(side, total, 0, log);
        if hit.is_none() {
            if self.may_pass(side, log) {
                return self.pass(side, total);
            }
            // Records may be missing without a gap, where the recording was cut.
            hit = self.try_open(side, total, MAX_CUT, log);
        }
        let Some(hit) = hit else { return Step::Broken(Broken::Key) };
        let direction = self.direction(side);
        direction.input.advance(total);
        if let Some(keys) = hit.switch {
            direction.install(keys);
        }
        direction.sequence = hit.sequence.saturating_add(1);
        self.opened(side, hit.opened, log)
    }

    /// Whether a record that does not fit may be one of a phase whose key is not known: early data, which may
    /// be rejected (RFC 8446 4.2.10), and a handshake whose traffic keys alone are known.
    fn may_pass(&mut self, side: Side, log: &KeyLog) -> bool {
        let Some(hello) = &self.agreement.hello else { return false };
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

    /// Takes the content of a record in.
    fn opened(&mut self, side: Side, opened: Opened, log: &mut KeyLog) -> Step {
        let direction = self.direction(side);
        match opened.content {
            APPLICATION_DATA => {
                let time = direction.time;
                if !opened.plain.is_empty() {
                    self.out.push(Output::Plain(side, time, opened.plain));
                }
            }
            HANDSHAKE => direction.messages.push(&opened.plain),
            // A second handshake in TLS 1.2 ends with other keys.
            CHANGE_CIPHER_SPEC if self.agreement.negotiated.is_some() => {
                match self.agreement.tls12(side, log) {
                    Some(keys) => self.direction(side).install(keys),
                    None => return Step::Broken(Broken::Key),
                }
            }
            _ => {}
        }
        Step::Again
    }

    fn message(&mut self, side: Side, message: Message, log: &mut KeyLog) -> Step {
        match (side, message) {
            (Side::Client, Message::ClientHello(hello)) => {
                // A second one within a handshake has the random of the first (RFC 8446 4.1.2).
                if self.agreement.hello.as_ref().is_none_or(|before| before.random != hello.random) {
                    self.agreement.negotiated = None;
                }
                self.agreement.hello = Some(hello);
            }
            (Side::Server, Message::ServerHello(hello)) => return self.agreement.negotiate(hello),
            (Side::Server, Message::Ticket(ticket)) => {
                if let Some(negotiated) =
                    self.agreement.negotiated.as_mut().filter(|negotiated| !negotiated.is_tls13)
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
                let updated = self.of(side).keys.as_ref().and_then(|keys| self.agreement.updated(keys));
                let Some(keys) = updated else { return Step::Broken(Broken::Key) };
                self.direction(side).install(keys);
            }
            _ => {}
        }
        Step::Again
    }

    /// Goes on with the keys of `phase`.
    fn advance(&mut self, side: Side, phase: Phase, log: &KeyLog) -> Step {
        match self.agreement.keys_of(side, phase, log) {
            Some(keys) => {
                self.direction(side).install(keys);
                Step::Again
            }
            None => Step::Broken(Broken::Traffic),
        }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self::new()
    }
}

/// Bytes as hexadecimal digits.
struct Digits<'a>(&'a [u8]);

impl fmt::Display for Digits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
