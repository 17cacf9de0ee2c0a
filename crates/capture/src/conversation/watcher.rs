//! Detects the protocol of each recorded connection and decodes its calls.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::association::{self, Association};
use super::decrypted::{Decryption, Layer, Recorded};
use super::exchange::Exchanges;
use super::message::{self, ExchangeEvent};
use super::security::Secrets;
use super::start::{Preamble, Start, pass_preamble};
use super::tunnel::{ChannelBytes, Origin, Tunnels};
use crate::call::{Call, CallBody, Envelope};
use crate::decrypt::Keys;
use crate::decrypt::tls::{KeyLog, Tls};
use crate::record::USER_COMMENT;
use crate::source::{self, Problem};
use crate::stream::{self, Connection, Event, EventKind, Reassembler, Side};
use crate::time::Timestamp;

/// How much of a connection is looked at before it is said that nobody knows what it is, in bytes.
const MAX_START: usize = 64;

/// What a recording holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// A call.
    Call(Box<Call>),
    /// Something that can't be read.
    Problem(Problem),
}

/// Watches connections, and finds the calls in them.
#[derive(Debug)]
pub struct Watcher {
    reassembler: Option<Reassembler>,
    talks: HashMap<u64, Talk>,
    tunnels: Tunnels,
    secrets: Arc<Secrets>,
    decryption: Decryption,
    found: Vec<Found>,
    /// Who our own recordings say that called, by connection.
    users: HashMap<u64, Arc<str>>,
    /// Packets that can't be read, by what is wrong: each kind is told of once.
    unreadable: HashMap<String, u64>,
    /// How many packets held TCP, and how many something else.
    segments: u64,
    others: u64,
}

/// What is known of one connection.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) layer: Layer,
    speaks: Speaks,
    channel: ChannelBytes,
    /// Whether the sides are the other way round than was taken for granted: a recording may begin after the
    /// connection did, and then only what they say tells who is who.
    swapped: bool,
    /// Whether what the sides say comes in the order in which they said it.
    ordered: bool,
    /// When something was said last.
    last: Timestamp,
}

#[derive(Debug)]
enum Speaks {
    /// Not known yet; what the client said so far, and what the server did.
    Unknown {
        client: Vec<u8>,
        server: Vec<u8>,
    },
    Rpc(Box<Association>),
    Http(Box<Exchanges>),
    /// Something else.
    Other,
}

impl Watcher {
    /// A watcher that can read what `keys` decrypt.
    pub fn new(keys: impl Into<Keys>) -> Self {
        let keys = keys.into();
        Self {
            reassembler: Some(Reassembler::default()),
            talks: HashMap::new(),
            tunnels: Tunnels::default(),
            secrets: Arc::new(Secrets { ntlm: keys.ntlm, kerberos: keys.kerberos }),
            decryption: Decryption::new(keys.tls),
            found: Vec::new(),
            users: HashMap::new(),
            unreadable: HashMap::new(),
            segments: 0,
            others: 0,
        }
    }

    /// What was found since this was asked last, in order.
    pub fn take(&mut self) -> Vec<Found> {
        std::mem::take(&mut self.found)
    }

    /// Takes what comes next in a file of packets.
    pub fn item(&mut self, item: source::Item<'_>) {
        let packet = match item {
            source::Item::Packet(packet) => packet,
            source::Item::KeyLog { place, lines } => return self.lines(place, lines),
            source::Item::Problem(problem) => return self.found.push(Found::Problem(problem)),
        };
        match stream::segment(packet.link, packet.data) {
            Ok(Some(mut segment)) => {
                self.segments = self.segments.saturating_add(1);
                segment.missing = segment.missing.max(packet.missing.min(segment.missing));
                let Some(mut reassembler) = self.reassembler.take() else { return };
                reassembler.push(packet.time, packet.interface.as_ref(), &segment, &mut |event| {
                    self.event(&event);
                });
                let user = packet.comment.as_deref().and_then(|comment| comment.strip_prefix(USER_COMMENT));
                if let (Some(user), Some(_)) = (user, packet.interface.as_deref().and_then(side_of)) {
                    self.users.insert(reassembler.last_opened(), user.into());
                }
                self.reassembler = Some(reassembler);
            }
            Ok(None) => self.others = self.others.saturating_add(1),
            Err(error) => self.unreadable(packet.place, &error),
        }
    }

    /// The secrets of TLS sessions, for more of them to be added.
    pub const fn key_log(&mut self) -> &mut KeyLog {
        &mut self.decryption.log
    }

    /// Whether a connection lacked its key since this was asked last.
    pub const fn lacked_key(&mut self) -> bool {
        std::mem::replace(&mut self.decryption.lacking, false)
    }

    fn lines(&mut self, place: u64, lines: &[u8]) {
        let problems = self.decryption.lines(lines);
        let problems = problems.into_iter().map(|problem| Problem::at(place, problem.to_string()));
        self.found.extend(problems.map(Found::Problem));
    }

    fn unreadable(&mut self, place: u64, error: &wire::Error) {
        /// More kinds of faults than it is worth to tell of.
        const MAX_KINDS: usize = 64;
        let what = error.to_string();
        if let Some(count) = self.unreadable.get_mut(&what) {
            *count = count.saturating_add(1);
        } else if self.unreadable.len() < MAX_KINDS {
            self.unreadable.insert(what.clone(), 0);
            self.found.push(Found::Problem(Problem::at(place, what)));
        }
    }

    /// Takes something that happened to a connection.
    pub fn event(&mut self, event: &Event<'_>) {
        let number = event.connection.number;
        match event.kind {
            EventKind::Data(side, bytes) => self.data(event.connection, side, event.time, bytes),
            EventKind::Gap(side, missing) => self.recorded(event.connection, Recorded::Gap(side, missing)),
            EventKind::Ended(side) => self.recorded(event.connection, Recorded::Ended(side, event.time)),
            EventKind::Closed => {
                self.recorded(event.connection, Recorded::Closed);
                self.talks.remove(&number);
                self.users.remove(&number);
            }
        }
    }

    /// Takes bytes that one side of a connection sent.
    pub fn data(&mut self, connection: &Connection, side: Side, time: Timestamp, bytes: &[u8]) {
        self.recorded(connection, Recorded::Data(side, time, bytes));
    }

    fn recorded(&mut self, connection: &Connection, recorded: Recorded<'_>) {
        let secrets = Arc::clone(&self.secrets);
        let mut decryption = std::mem::take(&mut self.decryption);
        // A recording without addresses is a file for each side.
        let ordered = is_known(&connection.client);
        self.with(connection, |talk, out| {
            talk.ordered = ordered;
            talk.take(recorded, &secrets, &mut decryption, out);
        });
        self.decryption = decryption;
    }

    /// Ends everything, since the recording does.
    pub fn finish(&mut self) {
        if let Some(mut reassembler) = self.reassembler.take() {
            reassembler.finish(&mut |event| self.event(&event));
            self.reassembler = Some(reassembler);
        }
        for mut tunnel in self.tunnels.drain() {
            let mut out = Out::default();
            tunnel.association.finish(&mut out.done, &mut out.problems);
            let user = tunnel.association.user().cloned().or(tunnel.user);
            let about = About { connection: tunnel.connection, ..About::default() };
            self.found.extend(out.found(&about, user.as_ref()));
        }
        if self.segments == 0 && self.others > 0 {
            let what = format!(
                "none of its {} packets holds TCP over IP, as it is or within VLAN, MPLS or PPPoE",
                self.others
            );
            self.found.push(Found::Problem(Problem { place: "the whole file".to_owned(), what }));
        }
        let mut unreadable: Vec<_> = self.unreadable.drain().filter(|(_, more)| *more > 0).collect();
        unreadable.sort();
        for (what, more) in unreadable {
            let what = format!("{what}: {more} more packets like it");
            self.found.push(Found::Problem(Problem { place: "the whole file".to_owned(), what }));
        }
    }

    /// Does something with a connection, and puts what comes of it where it can be taken.
    fn with(&mut self, connection: &Connection, act: impl FnOnce(&mut Talk, &mut Out)) {
        let talk = self.talks.entry(connection.number).or_insert_with(Talk::new);
        let mut out = Out::default();
        act(talk, &mut out);
        let mut user = match &talk.speaks {
            Speaks::Rpc(association) => association.user().cloned(),
            _ => None,
        };
        user = user.or_else(|| self.users.get(&connection.number).cloned());
        let (mut client, mut server) = (connection.client, connection.server);
        if talk.swapped {
            std::mem::swap(&mut client, &mut server);
        }
        let about = About {
            connection: connection.number,
            side: connection.interface.as_deref().and_then(side_of).map(Arc::from),
            client: Some(client).filter(is_known),
            server: Some(server).filter(is_known),
        };
        for event in std::mem::take(&mut out.events) {
            match event {
                ExchangeEvent::Call(done) => self.found.push(http_call(&about, *done)),
                ExchangeEvent::Channel { method, side, time, bytes, user: caller } => {
                    let connection = about.connection;
                    let ordered = talk.ordered;
                    let origin = Origin { connection, secrets: &self.secrets, user: caller, ordered };
                    let outputs = (&mut out.done, &mut out.problems);
                    let cookie = talk.channel.push(
                        &mut self.tunnels,
                        (method, side),
                        (time, &bytes),
                        &origin,
                        outputs,
                    );
                    if let Some(tunnel) = cookie.and_then(|cookie| self.tunnels.get_mut(cookie)) {
                        user = tunnel.association.user().cloned().or_else(|| tunnel.user.clone());
                    }
                }
                ExchangeEvent::ChannelGap { method, side, user: caller } => {
                    let outputs = (&mut out.done, &mut out.problems);
                    talk.channel.gap(&mut self.tunnels, (method, side), outputs);
                    user = user.or(caller);
                }
            }
        }
        self.found.extend(out.found(&about, user.as_ref()));
    }
}

/// Which side of the proxy an interface of our own recordings stands for.
fn side_of(interface: &str) -> Option<&str> {
    interface.strip_prefix(crate::INTERFACE_PREFIX)
}

/// Recordings without addresses have these.
fn is_known(address: &SocketAddr) -> bool {
    !address.ip().is_unspecified()
}

/// What calls of one connection have in common.
#[derive(Debug, Default)]
struct About {
    connection: u64,
    side: Option<Arc<str>>,
    client: Option<SocketAddr>,
    server: Option<SocketAddr>,
}

/// What comes of bytes.
#[derive(Debug, Default)]
pub(super) struct Out {
    done: Vec<association::Done>,
    events: Vec<ExchangeEvent>,
    pub(super) problems: Vec<String>,
}

impl Out {
    fn found(self, about: &About, user: Option<&Arc<str>>) -> Vec<Found> {
        let place = format!("connection {}", about.connection);
        let problems =
            self.problems.into_iter().map(|what| Found::Problem(Problem { place: place.clone(), what }));
        let calls = self.done.into_iter().map(|done| {
            Found::Call(Box::new(Call {
                time: done.asked,
                elapsed: elapsed(done.asked, done.answered),
                connection: about.connection,
                user: user.cloned(),
                side: about.side.clone(),
                client: about.client,
                server: about.server,
                body: CallBody::Rpc(done.call),
            }))
        });
        problems.chain(calls).collect()
    }
}

/// How long an answer took; none where the recording has no times.
fn elapsed(asked: Timestamp, answered: Option<Timestamp>) -> Option<std::time::Duration> {
    answered.filter(|answered| answered.0 != 0).map(|answered| answered.since(asked))
}

fn http_call(about: &About, done: message::Done) -> Found {
    Found::Call(Box::new(Call {
        time: done.asked,
        elapsed: elapsed(done.asked, done.answered),
        connection: about.connection,
        user: done.user,
        side: about.side.clone(),
        client: about.client,
        server: about.server,
        body: CallBody::Http(done.call),
    }))
}

impl Talk {
    fn new() -> Self {
        let speaks = Speaks::Unknown { client: Vec::new(), server: Vec::new() };
        let (layer, channel, last) = (Layer::default(), ChannelBytes::default(), Timestamp::default());
        Self { layer, speaks, channel, swapped: false, ordered: true, last }
    }

    /// Which side it really is that is taken for `side`.
    pub(super) const fn real(&self, side: Side) -> Side {
        if self.swapped { side.other() } else { side }
    }

    /// Takes what was recorded in the clear, or is decrypted.
    pub(super) fn plain(&mut self, recorded: Recorded<'_>, secrets: &Arc<Secrets>, out: &mut Out) {
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

    /// Decides what a connection speaks, and who is its client, by what was said first.
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
        // What one side says tells who the other is.
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
                    "TLS whose handshake is not in the recording, which can't be decrypted"
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
