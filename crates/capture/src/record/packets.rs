//! Writes recorded calls as packets of synthetic TCP connections (pcapng).

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rpc::SyntaxId;

use super::blocks;
use super::frames::{ACK, MAX_SEGMENT, PUSH, SYN, Stream};
use super::messages::{bind_pdus, call_pdus, http_request, http_response, with_call_id};
use crate::call::{Call, CallBody};
use crate::format::{INTERFACE_PREFIX, USER_COMMENT};
use crate::stream::Side;
use crate::time::Timestamp;

/// The maximum number of sessions that have a connection at once. The oldest one gets a new connection if
/// there are more.
const MAX_STREAMS: usize = 4096;

/// The addresses for a server and a client whose address is unknown (RFC 5737).
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

/// The sides of the proxy, each an interface of the file.
const SIDES: [&str; 2] = ["client", "upstream"];

/// Writes calls as packets of pcapng.
#[derive(Debug)]
pub struct PacketWriter<W> {
    out: W,
    /// The number of bytes written, all of whole calls.
    written: u64,
    /// The bytes of the current call that are not written yet.
    pending: Vec<u8>,
    streams: HashMap<Key, Open>,
    order: VecDeque<Key>,
    pairs: HashSet<(SocketAddr, SocketAddr)>,
}

/// What has its own connection: a session, a side and an interface.
type Key = (u64, usize, Option<SyntaxId>);

#[derive(Debug, Clone)]
struct Open {
    stream: Stream,
    pair: (SocketAddr, SocketAddr),
    calls: u32,
}

impl<W: Write> PacketWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn new(out: W) -> io::Result<Self> {
        let mut this = Self {
            out,
            written: 0,
            pending: Vec::new(),
            streams: HashMap::new(),
            order: VecDeque::new(),
            pairs: HashSet::new(),
        };
        blocks::section_header(&mut this.pending);
        for side in SIDES {
            blocks::interface(&mut this.pending, &format!("{INTERFACE_PREFIX}{side}"));
        }
        this.commit()?;
        Ok(this)
    }

    /// Returns the writer.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// The number of bytes written.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Writes a whole call.
    ///
    /// # Errors
    /// If the file cannot be written. A part of the call may follow the [`written`](Self::written) bytes
    /// then.
    pub fn call(&mut self, call: &Call) -> io::Result<()> {
        let side = SIDES.iter().position(|side| call.side.as_deref() == Some(*side)).unwrap_or(0);
        let interface = match &call.body {
            CallBody::Rpc(rpc) => rpc.interface,
            CallBody::Http(_) => None,
        };
        let key = (call.connection, side, interface);
        let before = self.streams.get(&key).cloned();
        self.packets(key, call);
        let written = self.commit();
        if written.is_err() {
            self.restore(key, before);
        }
        written
    }

    /// Adds the packets of a call to the pending bytes.
    fn packets(&mut self, key: Key, call: &Call) {
        let responded = call.time.after(call.elapsed.unwrap_or_default());
        match &call.body {
            CallBody::Rpc(rpc) => {
                let Some((request, response)) = call_pdus(rpc) else { return };
                let number = self.open(key, call, 6001);
                let numbered =
                    |pdus: Vec<Vec<u8>>| pdus.into_iter().map(move |pdu| with_call_id(pdu, number));
                for pdu in numbered(request) {
                    self.send(key, Side::Client, call.time, &pdu);
                }
                for pdu in numbered(response) {
                    self.send(key, Side::Server, responded, &pdu);
                }
            }
            CallBody::Http(http) => {
                self.open(key, call, 80);
                self.send(key, Side::Client, call.time, &http_request(http, call.user.as_ref()));
                if let Some(response) = http_response(http) {
                    self.send(key, Side::Server, responded, &response);
                }
            }
        }
    }

    fn commit(&mut self) -> io::Result<()> {
        let pending = std::mem::take(&mut self.pending);
        self.out.write_all(&pending).and_then(|()| self.out.flush())?;
        self.written = self.written.saturating_add(u64::try_from(pending.len()).unwrap_or(0));
        Ok(())
    }

    /// Restores the connection of `key` to its state before a call that could not be written.
    fn restore(&mut self, key: Key, before: Option<Open>) {
        let opened = match before {
            Some(open) => self.streams.insert(key, open).is_none(),
            None => self.streams.remove(&key).is_some_and(|open| self.pairs.remove(&open.pair)),
        };
        if opened {
            self.order.retain(|other| *other != key);
        }
    }

    /// Opens the connection of `key` if necessary. Returns the number of the call within it.
    fn open(&mut self, key: Key, call: &Call, port: u16) -> u32 {
        if let Some(open) = self.streams.get_mut(&key) {
            open.calls = open.calls.wrapping_add(1).max(2);
            return open.calls;
        }
        if self.order.len() >= MAX_STREAMS
            && let Some(oldest) = self.order.pop_front()
            && let Some(old) = self.streams.remove(&oldest)
        {
            self.pairs.remove(&old.pair);
        }
        let server = call.server.unwrap_or_else(|| SocketAddr::new(SERVER, port));
        let mut client = call.client.unwrap_or_else(|| SocketAddr::new(CLIENT, 49_152));
        // Several sessions may share a connection. Each gets its own here.
        while !self.pairs.insert((client, server)) {
            client.set_port(client.port().wrapping_add(1).max(1024));
        }
        // Other sequence numbers distinguish the connection from one with the same addresses in the previous
        // file.
        let first = u32::try_from((call.time.0 / 1000) & u64::from(u32::MAX)).unwrap_or(0);
        let open = Open { stream: Stream::new(client, server, first), pair: (client, server), calls: 2 };
        self.streams.insert(key, open);
        self.order.push_back(key);
        let user = call.user.as_ref().map(|user| format!("{USER_COMMENT}{user}"));
        self.packet(key, Side::Client, call.time, (SYN, &[]), user.as_deref());
        self.packet(key, Side::Server, call.time, (SYN | ACK, &[]), None);
        self.packet(key, Side::Client, call.time, (ACK, &[]), None);
        if let Some(interface) = key.2 {
            let (bind, ack) = bind_pdus(interface);
            self.send(key, Side::Client, call.time, &bind);
            self.send(key, Side::Server, call.time, &ack);
        }
        2
    }

    fn send(&mut self, key: Key, side: Side, time: Timestamp, bytes: &[u8]) {
        for piece in bytes.chunks(MAX_SEGMENT) {
            self.packet(key, side, time, (PUSH | ACK, piece), None);
        }
    }

    fn packet(
        &mut self,
        key: Key,
        side: Side,
        time: Timestamp,
        (flags, payload): (u8, &[u8]),
        comment: Option<&str>,
    ) {
        let Some(open) = self.streams.get_mut(&key) else { return };
        let frame = open.stream.frame(side, flags, payload);
        let interface = u32::try_from(key.1).unwrap_or(0);
        blocks::packet(&mut self.pending, interface, time, &frame, comment);
    }
}

impl PacketWriter<File> {
    /// Removes the part of a call that could not be written.
    ///
    /// # Errors
    /// If the file cannot be truncated.
    pub fn cut_off(&mut self) -> io::Result<()> {
        self.out.set_len(self.written)?;
        self.out.seek(SeekFrom::Start(self.written)).map(drop)
    }
}
