//! Detects the protocol of each recorded connection and decodes its calls.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::decrypted::{Decryption, Recorded};
use super::message::ExchangeEvent;
use super::recorded_item::{ConnectionInfo, Decoded, RecordedItem, http_call};
use super::security::Secrets;
use super::tracked::{Protocol, Tracked};
use super::tunnel::{Origin, Tunnels};
use crate::decrypt::Keys;
use crate::decrypt::tls::KeyLog;
use crate::format::{INTERFACE_PREFIX, USER_COMMENT};
use crate::source::{self, Problem};
use crate::stream::{self, Connection, Event, EventKind, Reassembler, Side};
use crate::time::Timestamp;

/// Reads the calls of recorded connections.
#[derive(Debug)]
pub struct CallReader {
    reassembler: Option<Reassembler>,
    tracked: HashMap<u64, Tracked>,
    tunnels: Tunnels,
    secrets: Arc<Secrets>,
    decryption: Decryption,
    found: Vec<RecordedItem>,
    /// The users that recordings of MAPIProxy name, by connection.
    users: HashMap<u64, Arc<str>>,
    /// The names of connections that problems are reported with, instead of their numbers.
    places: HashMap<u64, Arc<str>>,
    /// The number of malformed packets by error; each error is reported once.
    unreadable: HashMap<String, u64>,
    /// The number of packets with TCP, and of all others.
    segments: u64,
    others: u64,
}

impl CallReader {
    /// A reader that decrypts with `keys`.
    pub fn new(keys: impl Into<Keys>) -> Self {
        let keys = keys.into();
        Self {
            reassembler: Some(Reassembler::default()),
            tracked: HashMap::new(),
            tunnels: Tunnels::default(),
            secrets: Arc::new(Secrets { ntlm: keys.ntlm, kerberos: keys.kerberos }),
            decryption: Decryption::new(keys.tls),
            found: Vec::new(),
            users: HashMap::new(),
            places: HashMap::new(),
            unreadable: HashMap::new(),
            segments: 0,
            others: 0,
        }
    }

    /// Returns the items read since the last call, in order.
    pub fn take(&mut self) -> Vec<RecordedItem> {
        std::mem::take(&mut self.found)
    }

    /// Reads the next item of a file of packets.
    pub fn item(&mut self, item: source::Item<'_>) {
        let packet = match item {
            source::Item::Packet(packet) => packet,
            source::Item::KeyLog { place, lines } => return self.lines(place, lines),
            source::Item::Problem(problem) => return self.found.push(RecordedItem::Problem(problem)),
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

    /// The key log of the TLS sessions, to which secrets can be added.
    pub const fn key_log(&mut self) -> &mut KeyLog {
        &mut self.decryption.log
    }

    /// Whether the key of a connection was missing since the last call.
    pub const fn lacked_key(&mut self) -> bool {
        std::mem::replace(&mut self.decryption.lacks_key, false)
    }

    fn lines(&mut self, place: u64, lines: &[u8]) {
        let problems = self.decryption.add_lines(lines);
        let problems = problems.into_iter().map(|problem| Problem::at(place, problem.to_string()));
        self.found.extend(problems.map(RecordedItem::Problem));
    }

    fn unreadable(&mut self, place: u64, error: &wire::Error) {
        /// The most kinds of malformed packets that are reported.
        const MAX_KINDS: usize = 64;
        let what = error.to_string();
        if let Some(count) = self.unreadable.get_mut(&what) {
            *count = count.saturating_add(1);
        } else if self.unreadable.len() < MAX_KINDS {
            self.unreadable.insert(what.clone(), 0);
            self.found.push(RecordedItem::Problem(Problem::at(place, what)));
        }
    }

    /// Reports problems of the connection `number`, which begins, with `place` instead of the number: the name of a
    /// file or of an exchange.
    pub fn name_connection(&mut self, number: u64, place: &str) {
        self.places.insert(number, place.into());
    }

    /// Reads an event of a connection.
    pub fn event(&mut self, event: &Event<'_>) {
        let number = event.connection.number;
        match event.kind {
            EventKind::Data(side, bytes) => self.data(event.connection, side, event.time, bytes),
            EventKind::Gap(side, missing) => self.recorded(event.connection, Recorded::Gap(side, missing)),
            EventKind::Ended(side) => self.recorded(event.connection, Recorded::Ended(side, event.time)),
            EventKind::Closed => {
                self.recorded(event.connection, Recorded::Closed);
                self.tracked.remove(&number);
                self.users.remove(&number);
                self.places.remove(&number);
            }
        }
    }

    /// Reads bytes that one side of a connection sent.
    pub fn data(&mut self, connection: &Connection, side: Side, time: Timestamp, bytes: &[u8]) {
        self.recorded(connection, Recorded::Data(side, time, bytes));
    }

    fn recorded(&mut self, connection: &Connection, recorded: Recorded<'_>) {
        let secrets = Arc::clone(&self.secrets);
        let mut decryption = std::mem::take(&mut self.decryption);
        // A recording without addresses consists of one file for each side.
        let ordered = is_known(&connection.client);
        self.with(connection, |tracked, out| {
            tracked.ordered = ordered;
            tracked.take(recorded, &secrets, &mut decryption, out);
        });
        self.decryption = decryption;
    }

    /// Ends all connections at the end of the recording.
    pub fn finish(&mut self) {
        if let Some(mut reassembler) = self.reassembler.take() {
            reassembler.finish(&mut |event| self.event(&event));
            self.reassembler = Some(reassembler);
        }
        for mut tunnel in self.tunnels.drain() {
            let mut out = Decoded::default();
            tunnel.association.finish(&mut out);
            let user = tunnel.association.user().cloned().or(tunnel.user);
            let info = ConnectionInfo { connection: tunnel.connection, ..ConnectionInfo::default() };
            self.found.extend(out.into_items(&info, user.as_ref()));
        }
        if self.segments == 0 && self.others > 0 {
            let what = format!(
                "none of its {} packets has TCP over IP, directly or within VLAN, MPLS or PPPoE",
                self.others
            );
            self.found.push(RecordedItem::Problem(Problem { place: "the whole file".to_owned(), what }));
        }
        let mut unreadable: Vec<_> = self.unreadable.drain().filter(|(_, more)| *more > 0).collect();
        unreadable.sort();
        for (what, more) in unreadable {
            let what = format!("{what}: {more} more packets like it");
            self.found.push(RecordedItem::Problem(Problem { place: "the whole file".to_owned(), what }));
        }
    }

    /// Runs `act` on a connection, and collects the decoded items.
    fn with(&mut self, connection: &Connection, act: impl FnOnce(&mut Tracked, &mut Decoded)) {
        let tracked = self.tracked.entry(connection.number).or_insert_with(Tracked::new);
        let mut out = Decoded::default();
        act(tracked, &mut out);
        let mut user = match &tracked.protocol {
            Protocol::Rpc(association) => association.user().cloned(),
            _ => None,
        };
        user = user.or_else(|| self.users.get(&connection.number).cloned());
        let (mut client, mut server) = (connection.client, connection.server);
        if tracked.swapped {
            std::mem::swap(&mut client, &mut server);
        }
        let info = ConnectionInfo {
            connection: connection.number,
            place: self.places.get(&connection.number).cloned(),
            side: connection.interface.as_deref().and_then(side_of).map(Arc::from),
            client: Some(client).filter(is_known),
            server: Some(server).filter(is_known),
        };
        for event in std::mem::take(&mut out.events) {
            match event {
                ExchangeEvent::Call(ended) => self.found.push(http_call(&info, *ended)),
                ExchangeEvent::Channel { method, side, time, bytes, user: caller } => {
                    let connection = info.connection;
                    let ordered = tracked.ordered;
                    let origin = Origin { connection, secrets: &self.secrets, user: caller, ordered };
                    let cookie = tracked.channel.push(
                        &mut self.tunnels,
                        (method, side),
                        (time, &bytes),
                        &origin,
                        &mut out,
                    );
                    if let Some(tunnel) = cookie.and_then(|cookie| self.tunnels.get_mut(cookie)) {
                        user = tunnel.association.user().cloned().or_else(|| tunnel.user.clone());
                    }
                }
                ExchangeEvent::ChannelGap { method, side, user: caller } => {
                    tracked.channel.gap(&mut self.tunnels, (method, side), &mut out);
                    user = user.or(caller);
                }
            }
        }
        self.found.extend(out.into_items(&info, user.as_ref()));
    }
}

/// The side of the proxy that an interface of MAPIProxy's recordings belongs to.
fn side_of(interface: &str) -> Option<&str> {
    interface.strip_prefix(INTERFACE_PREFIX)
}

/// Whether the recording has this address. Recordings without addresses have unspecified ones.
fn is_known(address: &SocketAddr) -> bool {
    !address.ip().is_unspecified()
}
