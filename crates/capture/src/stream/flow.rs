//! Reassembles one TCP connection: converts segments in any order to events in the order in which they occurred.
//!
//! If bytes of one side are missing, all later segments of both sides are buffered in the order in which they were
//! recorded, until the bytes are found or declared lost. So the bytes of both sides are returned in the order in
//! which the ends of the connection sent them, whatever was lost.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use super::event::{Connection, Event, EventKind, Side};
use super::packet::{Segment, TcpFlags};
use crate::time::Timestamp;

/// The maximum number of bytes of a connection that are buffered while earlier ones are missing.
pub(super) const MAX_HELD: usize = 2 << 20;

/// The maximum number of segments of a connection that are buffered while earlier bytes are missing.
const MAX_HELD_SEGMENTS: usize = 2048;

/// The number of segments after which bytes are declared lost that the receiver acknowledged but that were not
/// recorded.
const PATIENCE: u32 = 32;

/// An estimate of the memory of a buffered segment besides its bytes.
const OVERHEAD: usize = 64;

#[derive(Debug)]
pub(super) struct Flow {
    pub(super) connection: Connection,
    client: Direction,
    server: Direction,
    held: VecDeque<Placed<'static>>,
    /// The memory of the buffered segments, in bytes.
    held_bytes: usize,
    last: Timestamp,
    /// The number of the last segment, which counts as a time.
    pub(super) heard: u64,
}

/// A segment with its position in the stream.
#[derive(Debug)]
struct Placed<'a> {
    side: Side,
    time: Timestamp,
    /// The position of its first byte in the stream of its side.
    position: i64,
    payload: Cow<'a, [u8]>,
    /// The number of bytes after the payload that were not recorded.
    missing: u32,
    /// Whether it is the last segment of its side (FIN).
    ends: bool,
}

/// One direction of a connection.
#[derive(Debug, Default)]
struct Direction {
    /// The sequence number of the next expected byte; `None` before the first segment.
    next: Option<u32>,
    /// The position of the next expected byte.
    position: i64,
    /// The position after the last byte, once it is known.
    end: Option<i64>,
    ended: bool,
    /// The number of segments since the receiver acknowledged bytes that were not recorded.
    unrecorded: u32,
}

/// A callback for events, with their time.
type Tell<'a> = &'a mut dyn FnMut(Timestamp, EventKind<'_>);

impl Flow {
    pub(super) fn new(
        number: u64,
        segment: &Segment<'_>,
        interface: Option<&Arc<str>>,
        time: Timestamp,
    ) -> Self {
        // If the recording began after the connection, the lower port is assumed to be the server's. The decoders of
        // the contents correct that.
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
            held: VecDeque::new(),
            held_bytes: 0,
            last: time,
            heard: 0,
        }
    }

    /// Whether a segment that opens a connection is a retransmission of this connection's first one.
    pub(super) fn repeats(&self, segment: &Segment<'_>) -> bool {
        let next = segment.sequence.wrapping_add(1);
        self.connection.client == segment.from
            && self.client.next.is_none_or(|due| i64::from(due.wrapping_sub(next)) == self.client.position)
    }

    /// The sequence number after the last byte that `end` sent, if known.
    pub(super) fn reached(&self, end: SocketAddr) -> Option<u32> {
        let direction = if end == self.connection.client { &self.client } else { &self.server };
        direction.next
    }

    /// The number of buffered bytes.
    pub(super) const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Processes a segment. Returns whether the connection has ended.
    pub(super) fn take(
        &mut self,
        time: Timestamp,
        segment: &Segment<'_>,
        sink: &mut dyn FnMut(Event<'_>),
    ) -> bool {
        self.last = time;
        let side = if segment.from == self.connection.client { Side::Client } else { Side::Server };
        let connection = self.connection.clone();
        let tell: Tell<'_> = &mut |time, kind| sink(Event { connection: &connection, time, kind });
        if let Some(segment) = self.placed(side, time, segment) {
            self.order(segment, tell);
        }
        if segment.flags.contains(TcpFlags::ACK) {
            self.acknowledged(side.other(), segment.acknowledged, tell);
        }
        while self.held_bytes > MAX_HELD || self.held.len() > MAX_HELD_SEGMENTS {
            self.skip(tell);
        }
        segment.flags.contains(TcpFlags::RST) || (self.client.ended && self.server.ended)
    }

    /// Returns all buffered segments, with gaps where bytes are missing, and ends the connection.
    pub(super) fn close(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        let connection = self.connection.clone();
        let tell: Tell<'_> = &mut |time, kind| sink(Event { connection: &connection, time, kind });
        self.give_up(tell);
        for side in [Side::Client, Side::Server] {
            let last = self.last;
            let direction = self.direction(side);
            if let Some(end) = direction.end {
                direction.pass_over(side, last, end, tell);
            }
            if !direction.ended {
                direction.ended = true;
                tell(last, EventKind::Ended(side));
            }
        }
        tell(self.last, EventKind::Closed);
    }

    /// Returns all buffered segments, with gaps where bytes are missing.
    pub(super) fn release(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        let connection = self.connection.clone();
        self.give_up(&mut |time, kind| sink(Event { connection: &connection, time, kind }));
    }

    fn give_up(&mut self, tell: Tell<'_>) {
        while !self.held.is_empty() {
            self.skip(tell);
        }
    }

    const fn direction(&mut self, side: Side) -> &mut Direction {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// The segment with its position; `None` if it carries no bytes and does not end its side.
    fn placed<'a>(&mut self, side: Side, time: Timestamp, segment: &Segment<'a>) -> Option<Placed<'a>> {
        let direction = self.direction(side);
        let syn = u32::from(segment.flags.contains(TcpFlags::SYN));
        let first = segment.sequence.wrapping_add(syn);
        let due = *direction.next.get_or_insert(first);
        // The distance to the next expected byte. Sequence numbers wrap, so half of them are before it.
        let ahead = i64::from(first.wrapping_sub(due).cast_signed());
        let ends = segment.flags.contains(TcpFlags::FIN);
        if segment.payload.is_empty() && segment.missing == 0 && !ends {
            return None;
        }
        Some(Placed {
            side,
            time,
            position: direction.position.saturating_add(ahead),
            payload: Cow::Borrowed(segment.payload),
            missing: segment.missing,
            ends,
        })
    }

    /// Returns a segment if it is the next expected one, and the buffered ones that follow it. Otherwise buffers it.
    fn order(&mut self, segment: Placed<'_>, tell: Tell<'_>) {
        let due = self.direction(segment.side).position;
        let fills = segment.position <= due;
        // A retransmission is not buffered.
        if segment.reach() <= due && !segment.ends {
            return;
        }
        // Only bytes before the first buffered segment precede it.
        let goes_first = self.held.front().is_none_or(|first| first.side == segment.side);
        if fills && goes_first {
            self.deliver(&segment, tell);
            self.settle(tell);
        } else {
            self.held_bytes = self.held_bytes.saturating_add(segment.payload.len()).saturating_add(OVERHEAD);
            self.held.push_back(segment.detached());
        }
    }

    /// Whether the next expected byte of `side` is in no buffered segment.
    fn is_missing(&mut self, side: Side) -> bool {
        let due = self.direction(side).position;
        !self.held.iter().any(|held| held.side == side && held.position <= due && held.reach() > due)
    }

    fn deliver(&mut self, segment: &Placed<'_>, tell: Tell<'_>) {
        let side = segment.side;
        let direction = self.direction(side);
        let known = direction.position.saturating_sub(segment.position);
        let known = usize::try_from(known).unwrap_or(0);
        if let Some(fresh) = segment.payload.get(known..).filter(|fresh| !fresh.is_empty()) {
            direction.unrecorded = 0;
            direction.advance(i64::try_from(fresh.len()).unwrap_or(0));
            tell(segment.time, EventKind::Data(side, fresh));
        }
        // Bytes that the recording truncated are in no other segment.
        direction.pass_over(side, segment.time, segment.reach(), tell);
        if segment.ends {
            direction.end = direction.end.or(Some(segment.reach()));
        }
        if !direction.ended && direction.end.is_some_and(|end| end <= direction.position) {
            direction.ended = true;
            tell(segment.time, EventKind::Ended(side));
        }
    }

    /// Returns buffered segments in their order, up to the next missing byte.
    fn settle(&mut self, tell: Tell<'_>) {
        while let Some(first) = self.held.front() {
            let side = first.side;
            let due = self.direction(side).position;
            // The next expected byte of the first side may have been recorded later.
            let place = self.held.iter().position(|held| held.side == side && held.position <= due);
            let Some(segment) = place.and_then(|place| self.held.remove(place)) else { return };
            self.let_go(&segment);
            self.deliver(&segment, tell);
        }
    }

    fn let_go(&mut self, segment: &Placed<'_>) {
        self.held_bytes = self.held_bytes.saturating_sub(segment.payload.len()).saturating_sub(OVERHEAD);
    }

    /// Declares the bytes before the buffered segments lost.
    fn skip(&mut self, tell: Tell<'_>) {
        let Some(first) = self.held.front() else { return };
        let (side, time) = (first.side, first.time);
        let next = self.held.iter().filter(|held| held.side == side).map(|held| held.position).min();
        if let Some(next) = next {
            self.direction(side).pass_over(side, time, next, tell);
        }
        self.settle(tell);
    }

    /// Processes an acknowledgement: bytes before `number` that were not recorded will not be retransmitted.
    fn acknowledged(&mut self, side: Side, number: u32, tell: Tell<'_>) {
        let direction = self.direction(side);
        let Some(due) = direction.next else { return };
        let beyond = i64::from(number.wrapping_sub(due).cast_signed());
        let fin = i64::from(direction.end.is_some());
        if beyond <= fin || !self.is_missing(side) {
            return;
        }
        let ends = self.held.iter().any(|held| held.side == side && held.ends);
        let time = self.last;
        let direction = self.direction(side);
        direction.unrecorded = direction.unrecorded.saturating_add(1);
        if direction.unrecorded <= PATIENCE {
            return;
        }
        // Up to the acknowledged byte, or to the next buffered segment.
        let acknowledged = direction.position.saturating_add(beyond).saturating_sub(i64::from(ends));
        let there = self.held.iter().filter(|held| held.side == side).map(|held| held.position).min();
        let until = there.map_or(acknowledged, |there| there.min(acknowledged));
        self.direction(side).pass_over(side, time, until, tell);
        self.settle(tell);
    }
}

impl Placed<'_> {
    /// Copies the segment with its bytes.
    fn detached(self) -> Placed<'static> {
        let Self { side, time, position, payload, missing, ends } = self;
        Placed { side, time, position, payload: Cow::Owned(payload.into_owned()), missing, ends }
    }

    /// The position after the segment.
    fn reach(&self) -> i64 {
        let length = i64::try_from(self.payload.len()).unwrap_or(i64::MAX);
        self.position.saturating_add(length).saturating_add(i64::from(self.missing))
    }
}

impl Direction {
    fn advance(&mut self, count: i64) {
        self.position = self.position.saturating_add(count);
        // Sequence numbers wrap at 2^32.
        let low = u32::try_from(count & i64::from(u32::MAX)).unwrap_or(0);
        self.next = self.next.map(|next| next.wrapping_add(low));
    }

    /// Declares the missing bytes before `position` lost.
    fn pass_over(&mut self, side: Side, time: Timestamp, position: i64, tell: Tell<'_>) {
        let missing = position.saturating_sub(self.position);
        if missing > 0 {
            self.advance(missing);
            self.unrecorded = 0;
            tell(time, EventKind::Gap(side, missing.unsigned_abs()));
        }
    }
}
