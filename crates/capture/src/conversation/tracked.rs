//! Decodes one recorded connection: detects its protocol and its client, decrypts it, and decodes its calls.

use std::sync::Arc;

use super::association::Association;
use super::decrypted::{Decryption, Recorded, TlsLayer};
use super::detection::Detection;
use super::exchange::Exchanges;
use super::problem::ConversationProblem;
use super::recorded_item::Decoded;
use super::security::Secrets;
use super::start::{Preamble, Start, remove_preamble};
use super::tunnel::ChannelBytes;
use crate::call::Envelope;
use crate::decrypt::tls::Output;
use crate::stream::Side;
use crate::time::Timestamp;

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Tracked {
    layer: TlsLayer,
    pub(super) protocol: Protocol,
    pub(super) channel: ChannelBytes,
    /// Whether client and server are swapped: if a recording begins after the connection did, only their
    /// bytes show which side is which.
    pub(super) swapped: bool,
    /// Whether the bytes of the two sides arrive in the order in which they were sent.
    pub(super) ordered: bool,
    /// When bytes were last recorded.
    last: Timestamp,
}

/// The protocol of a connection.
#[derive(Debug)]
pub(super) enum Protocol {
    /// Not known yet; the bytes that client and server sent so far.
    Unknown {
        client: Vec<u8>,
        server: Vec<u8>,
    },
    Rpc(Box<Association>),
    Http(Box<Exchanges>),
    /// Another protocol.
    Other,
}

impl Tracked {
    pub(super) fn new() -> Self {
        let protocol = Protocol::Unknown { client: Vec::new(), server: Vec::new() };
        let (layer, channel, last) = (TlsLayer::default(), ChannelBytes::default(), Timestamp::default());
        Self { layer, protocol, channel, swapped: false, ordered: true, last }
    }

    /// The actual side of what is recorded as `side`.
    const fn actual(&self, side: Side) -> Side {
        if self.swapped { side.other() } else { side }
    }

    /// Processes a recorded event, decrypting it if the connection uses TLS.
    pub(super) fn take(
        &mut self,
        recorded: Recorded<'_>,
        secrets: &Arc<Secrets>,
        decryption: &mut Decryption,
        out: &mut Decoded,
    ) {
        // The TLS layer has the actual sides.
        let actual = if self.swapped { recorded.swapped() } else { recorded };
        let outputs = if let Some(outputs) = self.layer.take(actual, decryption) {
            outputs
        } else {
            self.plaintext(recorded, secrets, out);
            // These bytes may have begun TLS.
            if !self.layer.is_tls() {
                return;
            }
            self.layer.decrypted(decryption)
        };
        for output in outputs {
            match output {
                Output::Plain(side, time, bytes) => {
                    self.plaintext(Recorded::Data(self.actual(side), time, &bytes), secrets, out);
                }
                Output::Gap(side, missing) => {
                    self.plaintext(Recorded::Gap(self.actual(side), missing), secrets, out);
                }
                Output::Ended(side, time) => {
                    self.plaintext(Recorded::Ended(self.actual(side), time), secrets, out);
                }
                Output::Problem(problem) => out.problems.push(ConversationProblem::Tls(problem)),
            }
        }
        if matches!(recorded, Recorded::Closed) {
            self.plaintext(recorded, secrets, out);
        }
    }

    /// Processes an event whose bytes are plaintext.
    fn plaintext(&mut self, recorded: Recorded<'_>, secrets: &Arc<Secrets>, out: &mut Decoded) {
        match recorded {
            Recorded::Data(side, time, bytes) => {
                self.last = time;
                self.push(self.actual(side), time, bytes, secrets, out);
            }
            Recorded::Gap(side, missing) => self.gap(self.actual(side), missing, out),
            Recorded::Ended(side, time) => {
                let side = self.actual(side);
                if let Protocol::Http(exchanges) = &mut self.protocol {
                    exchanges.ended(side, time, out);
                }
            }
            Recorded::Closed => match &mut self.protocol {
                Protocol::Rpc(association) => association.finish(out),
                Protocol::Http(exchanges) => exchanges.finish(out),
                Protocol::Unknown { .. } | Protocol::Other => {}
            },
        }
    }

    fn gap(&mut self, side: Side, missing: u64, out: &mut Decoded) {
        match &mut self.protocol {
            Protocol::Rpc(association) => {
                out.problems.push(ConversationProblem::Gap { side, missing });
                association.gap(side, out);
            }
            Protocol::Http(exchanges) => {
                out.problems.push(ConversationProblem::Gap { side, missing });
                exchanges.gap(side, missing, self.last, out);
            }
            Protocol::Unknown { .. } => self.protocol = Protocol::Other,
            Protocol::Other => {}
        }
    }

    fn push(&mut self, side: Side, time: Timestamp, bytes: &[u8], secrets: &Arc<Secrets>, out: &mut Decoded) {
        match &mut self.protocol {
            Protocol::Rpc(association) => association.push(side, time, bytes, out),
            Protocol::Http(exchanges) => exchanges.push(side, time, bytes, out),
            // A recording that begins within a message can be read from the next one on.
            Protocol::Other => {
                if let Start::Rpc(_) | Start::Http(_) = Start::of(bytes) {
                    let sides = match side {
                        Side::Client => (bytes.to_vec(), Vec::new()),
                        Side::Server => (Vec::new(), bytes.to_vec()),
                    };
                    self.start(sides, true, time, secrets, out);
                }
            }
            Protocol::Unknown { client, server } => {
                let buffer = if side == Side::Client { &mut *client } else { &mut *server };
                buffer.extend_from_slice(bytes);
                let (mut client, mut server) = (std::mem::take(client), std::mem::take(server));
                if remove_preamble(&mut client, &mut server) == Preamble::Incomplete {
                    self.protocol = Protocol::Unknown { client, server };
                    return;
                }
                self.start((client, server), false, time, secrets, out);
            }
        }
    }

    /// Detects the protocol by the first bytes of both sides, and processes these bytes. `joined` states that
    /// the recording began within a message.
    fn start(
        &mut self,
        (client, server): (Vec<u8>, Vec<u8>),
        joined: bool,
        time: Timestamp,
        secrets: &Arc<Secrets>,
        out: &mut Decoded,
    ) {
        let swapped = match Detection::of(&client, &server, self.layer.is_tls()) {
            Detection::Undecided => {
                self.protocol = Protocol::Unknown { client, server };
                return;
            }
            Detection::Tls { swapped } => {
                self.protocol = Protocol::Unknown { client: Vec::new(), server: Vec::new() };
                self.swapped |= swapped;
                let (client, server) = if swapped { (&server, &client) } else { (&client, &server) };
                return self.layer.begin(time, (client, server));
            }
            Detection::TlsWithoutHandshake => {
                out.problems.push(ConversationProblem::TlsHandshakeMissing);
                self.protocol = Protocol::Other;
                false
            }
            Detection::Other => {
                out.problems.push(ConversationProblem::UnknownProtocol);
                self.protocol = Protocol::Other;
                false
            }
            Detection::Rpc { swapped } => {
                let association = Association::new(Envelope::RpcTcp, Arc::clone(secrets), self.ordered);
                self.protocol = Protocol::Rpc(Box::new(association));
                swapped
            }
            Detection::Http { swapped, server_only } => {
                let joined = joined || swapped || server_only;
                self.protocol = Protocol::Http(Box::new(Exchanges::new(joined, self.ordered)));
                swapped
            }
        };
        self.replay((client, server), swapped, time, secrets, out);
    }

    /// Processes the bytes by which the protocol was detected. The bytes of the actual client come first,
    /// because the server's depend on them.
    fn replay(
        &mut self,
        (client, server): (Vec<u8>, Vec<u8>),
        swapped: bool,
        time: Timestamp,
        secrets: &Arc<Secrets>,
        out: &mut Decoded,
    ) {
        self.swapped ^= swapped;
        let (requests, responses) = if swapped { (server, client) } else { (client, server) };
        for (side, bytes) in [(Side::Client, requests), (Side::Server, responses)] {
            if !bytes.is_empty() {
                self.push(side, time, &bytes, secrets, out);
            }
        }
    }
}
