//! Reassembles the TCP connections of a recording.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::event::Event;
use super::flow::{Flow, MAX_HELD};
use super::packet::{Segment, TcpFlags};
use crate::format::INTERFACE_PREFIX;
use crate::time::Timestamp;

/// The maximum number of open connections. If there are more, the one that was idle for longest is ended.
const MAX_CONNECTIONS: usize = 65_536;

/// The maximum number of bytes of all connections that are buffered while earlier ones are missing. If there are
/// more, the missing bytes of a connection are declared lost.
const MAX_HELD_IN_ALL: usize = 64 * MAX_HELD;

/// The maximum number of ended connections that are kept, to detect retransmissions.
const MAX_OVER: usize = 4096;

/// The time within which segments of an ended connection may be retransmitted.
const LINGERS: Duration = Duration::from_secs(5);

type Key = (SocketAddr, SocketAddr, Option<Arc<str>>);

/// Assigns segments to connections, and reassembles these.
#[derive(Debug, Default)]
pub struct Reassembler {
    flows: HashMap<Key, Flow>,
    numbers: u64,
    clock: u64,
    /// The number of bytes that connections buffer.
    held: usize,
    /// The ended connections: the time of the end, and the sequence number after the last byte of each side.
    over: HashMap<Key, (Timestamp, [Option<u32>; 2])>,
}

impl Reassembler {
    /// Processes a segment that was recorded at `time`, and passes the resulting events to `sink`.
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
            if segment.flags.contains(TcpFlags::RST) || self.is_repeated(&key, time, segment) {
                return;
            }
            self.make_room(sink);
            self.numbers = self.numbers.saturating_add(1);
            let flow = Flow::new(self.numbers, segment, interface, time);
            self.flows.insert(key.clone(), flow);
        }
        let Some(flow) = self.flows.get_mut(&key) else { return };
        flow.heard = self.clock;
        let before = flow.held_bytes();
        let over = flow.take(time, segment, sink);
        if self.held.saturating_sub(before).saturating_add(flow.held_bytes()) > MAX_HELD_IN_ALL {
            flow.release(sink);
        }
        self.held = self.held.saturating_sub(before).saturating_add(flow.held_bytes());
        if over {
            if self.over.len() >= MAX_OVER {
                self.over.clear();
            }
            self.over.insert(key.clone(), (time, [key.0, key.1].map(|end| flow.reached(end))));
            self.close(&key, sink);
        }
    }

    /// Whether a segment is a retransmission on a connection that ended just before, and not part of a new one.
    fn is_repeated(&self, key: &Key, time: Timestamp, segment: &Segment<'_>) -> bool {
        let Some((over, ends)) = self.over.get(key) else { return false };
        let end = if segment.from == key.0 { ends[0] } else { ends[1] };
        let length = u32::try_from(segment.payload.len()).unwrap_or(u32::MAX);
        let reach = segment.sequence.wrapping_add(length);
        // Sequence numbers wrap, so half of them are after the end.
        !segment.flags.contains(TcpFlags::SYN)
            && time.since(*over) < LINGERS
            && end.is_some_and(|end| end.wrapping_sub(reach).cast_signed() >= 0)
    }

    /// The number of the newest connection.
    pub const fn last_opened(&self) -> u64 {
        self.numbers
    }

    /// Ends all connections, at the end of the recording.
    pub fn finish(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        let mut flows: Vec<Flow> = self.flows.drain().map(|(_, flow)| flow).collect();
        self.held = 0;
        flows.sort_by_key(|flow| flow.connection.number);
        for mut flow in flows {
            flow.close(sink);
        }
    }

    fn close(&mut self, key: &Key, sink: &mut dyn FnMut(Event<'_>)) {
        if let Some(mut flow) = self.flows.remove(key) {
            self.held = self.held.saturating_sub(flow.held_bytes());
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
    // In MAPIProxy's recordings each side of the proxy is an interface. In others a connection may be recorded at
    // several interfaces, one for each direction, or both directions twice.
    let own = interface.filter(|name| name.starts_with(INTERFACE_PREFIX));
    (low, high, own.cloned())
}
