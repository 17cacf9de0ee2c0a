//! One connection, followed: which protocol it speaks, which side is the client, and what was found on it.

use std::sync::Arc;

use super::association::Association;
use super::decrypted::{Decryption, Layer, Recorded};
use super::exchange::Exchanges;
use super::recorded_item::Out;
use super::security::Secrets;
use super::start::{Preamble, Start, pass_preamble};
use super::tunnel::ChannelBytes;
use crate::call::Envelope;
use crate::decrypt::tls::{Output, Tls};
use crate::stream::Side;
use crate::time::Timestamp;

/// How many bytes of a connection are looked at before its protocol is reported as unknown.
const MAX_START: usize = 64;

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Tracked {
    layer: Layer,
    pub(super) speaks: Speaks,
    pub(super) channel: ChannelBytes,
    /// Whether client and server are swapped: where a recording begins after the connection did, only their bytes
    /// show which side is which.
    pub(super) swapped: bool,
    /// Whether the bytes of the two sides come in the order in which they were sent.
    pub(super) ordered: bool,
    /// When bytes were last recorded.
    last: Timestamp,
}

/// The protocol of a connection.
#[derive(Debug)]
pub(super) enum Speaks {
    /// Not known yet; the bytes that client and server sent so far.
    Unknown {
        client: Vec<u8>,
        server: Vec<u8>,
    },
    Rpc(Box<Association>),
    Http(Box<Exchanges>),
    /// Something else.
    Other,
}

impl Tracked {
    pub(super) fn new() -> Self {
        let speaks = Speaks::Unknown { client: Vec::new(), server: Vec::new() };
        let (layer, channel, last) = (Layer::default(), ChannelBytes::default(), Timestamp::default());
        Self { layer, speaks, channel, swapped: false, ordered: true, last }
    }

    /// The actual side of what is recorded as `side`.
    const fn real(&self, side: Side) -> Side {
        if self.swapped { side.other() } else { side }
    }

    /// Takes what was recorded, and decrypts it where it is TLS.
    pub(super) fn take(
        &mut self,
        recorded: Recorded<'_>,
        secrets: &Arc<Secrets>,
        decryption: &mut Decryption,
        out: &mut Out,
    ) {
        // What TLS takes and gives out is of the sides as they really are.
        let real = if self.swapped { recorded.swapped() } else { recorded };
        let outputs = if let Some(outputs) = self.layer.take(real, decryption) {
            outputs
        } else {
            self.plain(recorded, secrets, out);
            // That may have been the beginning of TLS.
            if !self.layer.is_tls() {
                return;
            }
            self.layer.decrypted(decryption)
        };
        for output in outputs {
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

    /// Takes what was recorded in the clear, or is decrypted.
    fn plain(&mut self, recorded: Recorded<'_>, secrets: &Arc<Secrets>, out: &mut Out) {
        match recorded {
            Recorded::Data(side, time, bytes) => {
                self.last = time;
                self.push(self.real(side), time, bytes, secrets, out);
            }
            Recorded::Gap(side, missing) => self.gap(self.real(side), missing, out),
            Recorded::Ended(side, time) => {
                let side = self.real(side);
                if let Speaks::Http(exchanges) = &mut self.speaks {
                    exchanges.ended(side, time, &mut out.events, &mut out.problems);
                }
            }
            Recorded::Closed => match &mut self.speaks {
                Speaks::Rpc(association) => association.finish(&mut out.done, &mut out.problems),
                Speaks::Http(exchanges) => exchanges.finish(&mut out.events, &mut out.problems),
                Speaks::Unknown { .. } | Speaks::Other => {}
            },
        }
    }

    fn gap(&mut self, side: Side, missing: u64, out: &mut Out) {
        match &mut self.speaks {
            Speaks::Rpc(association) => {
                out.problems.push(format!("{missing} bytes of the {} are missing", side.name()));
                association.gap(side, &mut out.done, &mut out.problems);
            }
            Speaks::Http(exchanges) => {
                out.problems.push(format!("{missing} bytes of the {} are missing", side.name()));
                exchanges.gap(side, missing, self.last, &mut out.events, &mut out.problems);
            }
            Speaks::Unknown { .. } => self.speaks = Speaks::Other,
            Speaks::Other => {}
        }
    }

    fn push(&mut self, side: Side, time: Timestamp, bytes: &[u8], secrets: &Arc<Secrets>, out: &mut Out) {
        match &mut self.speaks {
            Speaks::Rpc(association) => association.push(side, time, bytes, &mut out.done, &mut out.problems),
            Speaks::Http(exchanges) => {
                exchanges.push(side, time, bytes, &mut out.events, &mut out.problems);
            }
            // A recording that began within a message can be read from the next one on.
            Speaks::Other => {
                if let Start::Rpc(_) | Start::Http(_) = Start::of(bytes) {
                    let halves = match side {
                        Side::Client => (bytes.to_vec(), Vec::new()),
                        Side::Server => (Vec::new(), bytes.to_vec()),
                    };
                    self.decide(halves, true, time, secrets, out);
                }
            }
            Speaks::Unknown { client, server } => {
                let place = if side == Side::Client { &mut *client } else { &mut *server };
                place.extend_from_slice(bytes);
                let (mut client, mut server) = (std::mem::take(client), std::mem::take(server));
                if pass_preamble(&mut client, &mut server) == Preamble::Unfinished {
                    self.speaks = Speaks::Unknown { client, server };
                    return;
                }
                self.decide((client, server), false, time, secrets, out);
            }
        }
    }

    /// Detects the protocol of a connection, and which side is the client, by the first bytes.
    fn decide(
        &mut self,
        (client, server): (Vec<u8>, Vec<u8>),
        late: bool,
        time: Timestamp,
        secrets: &Arc<Secrets>,
        out: &mut Out,
    ) {
        let (first, second) = (Start::of(&client), Start::of(&server));
        let enough = server.len() >= MAX_START;
        // The protocol of one side's bytes shows which side it is.
        let (start, swapped) = match (first, second) {
            (Start::Rpc(side) | Start::Http(side), _) => (first, side == Side::Server),
            // A part of what the client says first is there: the rest will be.
            (Start::Short, Start::Rpc(Side::Server) | Start::Http(Side::Server))
                if !client.is_empty() && !enough =>
            {
                (Start::Short, false)
            }
            (_, Start::Rpc(side) | Start::Http(side)) => (second, side == Side::Client),
            (Start::Short, _) if !enough => (Start::Short, false),
            _ => (Start::Neither, false),
        };
        let joined = late || start != first || swapped;
        self.speaks = match start {
            Start::Rpc(_) => {
                let association = Association::new(Envelope::RpcTcp, Arc::clone(secrets), self.ordered);
                Speaks::Rpc(Box::new(association))
            }
            Start::Http(_) => Speaks::Http(Box::new(Exchanges::new(joined, self.ordered))),
            Start::Short | Start::Neither if !self.layer.is_tls() && Tls::is_start(&client) == Some(true) => {
                self.speaks = Speaks::Unknown { client: Vec::new(), server: Vec::new() };
                self.layer.begin(time, (&client, &server));
                return;
            }
            Start::Short | Start::Neither if !self.layer.is_tls() && Tls::is_client_hello(&server) => {
                self.speaks = Speaks::Unknown { client: Vec::new(), server: Vec::new() };
                self.swapped = true;
                self.layer.begin(time, (&server, &client));
                return;
            }
            Start::Short => {
                self.speaks = Speaks::Unknown { client, server };
                return;
            }
            Start::Neither if Tls::is_start(&client).is_none() && !enough => {
                self.speaks = Speaks::Unknown { client, server };
                return;
            }
            Start::Neither => {
                let is_tls = |bytes: &[u8]| Tls::is_middle(bytes) || Tls::is_start(bytes) == Some(true);
                let what = if !self.layer.is_tls() && (is_tls(&client) || is_tls(&server)) {
                    "TLS whose handshake is not in the recording, which cannot be decrypted"
                } else {
                    "neither RPC nor HTTP"
                };
                out.problems.push(what.to_owned());
                Speaks::Other
            }
        };
        let (client_side, server_side) =
            if swapped { (Side::Server, Side::Client) } else { (Side::Client, Side::Server) };
        self.swapped ^= swapped;
        // The client's bytes come first, as what they ask is answered by the others.
        let mut both = [(client_side, client), (server_side, server)];
        if swapped {
            both.reverse();
        }
        for (side, bytes) in both {
            if !bytes.is_empty() {
                self.push(side, time, &bytes, secrets, out);
            }
        }
    }
}
