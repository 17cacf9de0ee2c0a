//! TCP: segments in whatever order they were recorded, to bytes in the order in which they were sent.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use super::packet::{Segment, TcpFlags};
use crate::time::Timestamp;

/// How much of a direction is kept while bytes before it are missing.
const MAX_PENDING: usize = 2 << 20;

/// How many segments of a direction are kept while bytes before them are missing.
const MAX_PENDING_SEGMENTS: usize = 2048;

/// How many more segments may pass once a receiver acknowledged what was never recorded.
const PATIENCE: u32 = 32;

/// How many connections are followed at once; of more, the one that was silent longest is given up.
const MAX_CONNECTIONS: usize = 65_536;

/// One of the two ends of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Who opened it.
    Client,
    /// Who was connected to.
    Server,
}

impl Side {
    /// The other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// What messages call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// A TCP connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// A number that no other connection of the recording has.
    pub number: u64,
    /// Who opened it.
    pub client: SocketAddr,
    /// Who was connected to.
    pub server: SocketAddr,
    /// The name of the interface that it was recorded at, where there is one.
    pub interface: Option<Arc<str>>,
}

/// Something that happened to a connection.
#[derive(Debug)]
pub struct Event<'a> {
    /// To which.
    pub connection: &'a Connection,
    /// When.
    pub time: Timestamp,
    /// What.
    pub kind: EventKind<'a>,
}

/// What happened to a connection.
#[derive(Debug)]
pub enum EventKind<'a> {
    /// One side sent these bytes.
    Data(Side, &'a [u8]),
    /// One side sent this many bytes that are not in the recording.
    Gap(Side, u64),
    /// One side sends no more.
    Ended(Side),
    /// The connection is over, or is followed no longer.
    Closed,
}

type Key = (SocketAddr, SocketAddr, Option<Arc<str>>);

/// Puts segments in order.
#[derive(Debug, Default)]
pub struct Reassembler {
    flows: HashMap<Key, Flow>,
    numbers: u64,
    clock: u64,
}

#[derive(Debug)]
struct Flow {
    connection: Connection,
    client: Direction,
    server: Direction,
    last: Timestamp,
    /// When it was last heard, counted in segments.
    heard: u64,
}

/// One direction of a connection.
#[derive(Debug, Default)]
struct Direction {
    /// The number of the byte that is due; none before the first.
    next: Option<u32>,
    /// How many bytes came before the one that is due.
    position: u64,
    /// What came too early, by its position.
    pending: BTreeMap<u64, Vec<u8>>,
    buffered: usize,
    /// The position behind the last byte, once it is known.
    end: Option<u64>,
    ended: bool,
    /// Segments that passed since a byte was acknowledged that was not recorded.
    unrecorded: u32,
}

impl Reassembler {
    /// Takes a segment that was recorded at `time`, and tells `sink` of what follows from it.
    pub fn push(
        &mut self,
        time: Timestamp,
        interface: Option<&Arc<str>>,
        segment: &Segment<'_>,
        sink: &mut dyn FnMut(Event<'_>),
    ) {
        self.clock = self.clock.saturating_add(1);
        let key = key(segment, interface);
        let opens = segment.flags.contains(TcpFlags::SYN) && !segment.flags.contains(TcpFlags::ACK);
        if opens && self.flows.get(&key).is_some_and(|flow| !flow.repeats(segment)) {
            self.close(&key, sink);
        }
        if !self.flows.contains_key(&key) {
            if segment.flags.contains(TcpFlags::RST) {
                return;
            }
            self.make_room(sink);
            self.numbers = self.numbers.saturating_add(1);
            let flow = Flow::new(self.numbers, segment, interface, time);
            self.flows.insert(key.clone(), flow);
        }
        let Some(flow) = self.flows.get_mut(&key) else { return };
        (flow.last, flow.heard) = (time, self.clock);
        let over = flow.take(segment, sink);
        if over {
            self.close(&key, sink);
        }
    }

    /// The number of the connection that was opened last.
    pub const fn last_opened(&self) -> u64 {
        self.numbers
    }

    /// Ends all connections, since nothing more comes.
    pub fn finish(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        let mut flows: Vec<Flow> = self.flows.drain().map(|(_, flow)| flow).collect();
        flows.sort_by_key(|flow| flow.connection.number);
        for mut flow in flows {
            flow.close(sink);
        }
    }

    fn close(&mut self, key: &Key, sink: &mut dyn FnMut(Event<'_>)) {
        if let Some(mut flow) = self.flows.remove(key) {
            flow.close(sink);
        }
    }

    fn make_room(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        if self.flows.len() < MAX_CONNECTIONS {
            return;
        }
        let oldest = self.flows.iter().min_by_key(|(_, flow)| flow.heard).map(|(key, _)| key.clone());
        if let Some(oldest) = oldest {
            self.close(&oldest, sink);
        }
    }
}

fn key(segment: &Segment<'_>, interface: Option<&Arc<str>>) -> Key {
    let (a, b) = (segment.from, segment.to);
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    (low, high, interface.cloned())
}

impl Flow {
    fn new(number: u64, segment: &Segment<'_>, interface: Option<&Arc<str>>, time: Timestamp) -> Self {
        // Where the recording began after the connection did, the side with the lower port is the server.
        let from_client = match (segment.flags.contains(TcpFlags::SYN), segment.flags.contains(TcpFlags::ACK))
        {
            (true, acknowledges) => !acknowledges,
            (false, _) => segment.from.port() > segment.to.port(),
        };
        let (client, server) =
            if from_client { (segment.from, segment.to) } else { (segment.to, segment.from) };
        Self {
            connection: Connection { number, client, server, interface: interface.cloned() },
            client: Direction::default(),
            server: Direction::default(),
            last: time,
            heard: 0,
        }
    }

    /// Whether a segment that opens a connection is this connection's first once more.
    fn repeats(&self, segment: &Segment<'_>) -> bool {
        let next = segment.sequence.wrapping_add(1);
        self.connection.client == segment.from
            && self.client.next.is_none_or(|due| u64::from(due.wrapping_sub(next)) == self.client.position)
    }

    /// Whether the connection is over.
    fn take(&mut self, segment: &Segment<'_>, sink: &mut dyn FnMut(Event<'_>)) -> bool {
        let side = if segment.from == self.connection.client { Side::Client } else { Side::Server };
        let Self { connection, client, server, last, .. } = self;
        let (own, other) = match side {
            Side::Client => (client, server),
            Side::Server => (server, client),
        };
        let mut tell = |kind: EventKind<'_>| sink(Event { connection, time: *last, kind });
        own.take(side, segment, &mut tell);
        if segment.flags.contains(TcpFlags::ACK) {
            other.acknowledged(side.other(), segment.acknowledged, &mut tell);
        }
        segment.flags.contains(TcpFlags::RST) || (own.ended && other.ended)
    }

    fn close(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        let Self { connection, client, server, last, .. } = self;
        let mut tell = |kind: EventKind<'_>| sink(Event { connection, time: *last, kind });
        client.flush(Side::Client, &mut tell);
        server.flush(Side::Server, &mut tell);
        tell(EventKind::Closed);
    }
}

impl Direction {
    fn take(&mut self, side: Side, segment: &Segment<'_>, tell: &mut dyn FnMut(EventKind<'_>)) {
        let syn = u32::from(segment.flags.contains(TcpFlags::SYN));
        let first = segment.sequence.wrapping_add(syn);
        let due = *self.next.get_or_insert(first);
        // How far the segment is ahead of what is due, or behind it; half of the numbers lie either way.
        let ahead = i64::from(first.wrapping_sub(due).cast_signed());
        let length = i64::try_from(segment.payload.len()).unwrap_or(i64::MAX);
        let position = i64::try_from(self.position).unwrap_or(i64::MAX).saturating_add(ahead);
        if segment.flags.contains(TcpFlags::FIN) {
            let end = position.saturating_add(length).saturating_add(i64::from(segment.missing));
            self.end = self.end.or(u64::try_from(end).ok());
        }
        if ahead <= 0 {
            let known = usize::try_from(ahead.unsigned_abs()).unwrap_or(usize::MAX);
            if let Some(fresh) = segment.payload.get(known..) {
                self.deliver(side, fresh, tell);
            }
        } else if let (Ok(position), false) = (u64::try_from(position), segment.payload.is_empty()) {
            self.keep(position, segment.payload);
        }
        self.settle(side, tell);
        while self.buffered > MAX_PENDING || self.pending.len() > MAX_PENDING_SEGMENTS {
            self.skip(side, tell);
        }
    }

    /// Hands on what is due.
    fn deliver(&mut self, side: Side, bytes: &[u8], tell: &mut dyn FnMut(EventKind<'_>)) {
        if bytes.is_empty() {
            return;
        }
        self.unrecorded = 0;
        self.advance(u64::try_from(bytes.len()).unwrap_or(0));
        tell(EventKind::Data(side, bytes));
    }

    fn advance(&mut self, count: u64) {
        self.position = self.position.saturating_add(count);
        // Numbers begin anew after 2^32.
        let low = u32::try_from(count & u64::from(u32::MAX)).unwrap_or(0);
        self.next = self.next.map(|next| next.wrapping_add(low));
    }

    fn keep(&mut self, position: u64, payload: &[u8]) {
        let known = self.pending.get(&position).map_or(0, Vec::len);
        if payload.len() > known {
            self.buffered = self.buffered.saturating_add(payload.len()).saturating_sub(known);
            self.pending.insert(position, payload.to_vec());
        }
    }

    /// Hands on what was kept and is due now, and tells of the end once it is reached.
    fn settle(&mut self, side: Side, tell: &mut dyn FnMut(EventKind<'_>)) {
        while let Some(entry) = self.pending.first_entry() {
            if *entry.key() > self.position {
                break;
            }
            let known = self.position.saturating_sub(*entry.key());
            let bytes = entry.remove();
            self.buffered = self.buffered.saturating_sub(bytes.len());
            let known = usize::try_from(known).unwrap_or(usize::MAX);
            self.deliver(side, bytes.get(known..).unwrap_or_default(), tell);
        }
        if !self.ended && self.end.is_some_and(|end| end <= self.position) {
            self.ended = true;
            tell(EventKind::Ended(side));
        }
    }

    /// Gives up on what is missing before what is kept.
    fn skip(&mut self, side: Side, tell: &mut dyn FnMut(EventKind<'_>)) {
        let Some(first) = self.pending.keys().next().copied().or(self.end) else { return };
        let missing = first.saturating_sub(self.position);
        if missing > 0 {
            self.advance(missing);
            self.unrecorded = 0;
            tell(EventKind::Gap(side, missing));
        }
        self.settle(side, tell);
    }

    /// The receiver has everything before `number`. Where that was not recorded, it never will be.
    fn acknowledged(&mut self, side: Side, number: u32, tell: &mut dyn FnMut(EventKind<'_>)) {
        let Some(due) = self.next else { return };
        let beyond = number.wrapping_sub(due).cast_signed();
        let fin = i32::from(self.end.is_some());
        if beyond <= fin {
            return;
        }
        self.unrecorded = self.unrecorded.saturating_add(1);
        if self.unrecorded <= PATIENCE {
            return;
        }
        if self.pending.is_empty() {
            let missing = u64::from(beyond.unsigned_abs());
            self.advance(missing);
            self.unrecorded = 0;
            tell(EventKind::Gap(side, missing));
        } else {
            self.skip(side, tell);
        }
    }

    /// Hands on all that is kept, with gaps where something is missing.
    fn flush(&mut self, side: Side, tell: &mut dyn FnMut(EventKind<'_>)) {
        while !self.pending.is_empty() {
            self.skip(side, tell);
        }
        if self.end.is_some_and(|end| end > self.position) {
            self.skip(side, tell);
        }
        if !self.ended {
            self.ended = true;
            tell(EventKind::Ended(side));
        }
    }
}
