//! One connection: segments in whatever order they were recorded, to what happened, in order.
//!
//! Where bytes of one side are missing, everything behind is held, of both sides and in the order in which it
//! was recorded, until they come or are given up. So a reader of the two sides sees them in the order in
//! which the ends of the connection did, whatever was lost.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use super::event::{Connection, Event, EventKind, Side};
use super::packet::{Segment, TcpFlags};
use crate::time::Timestamp;

/// How much of a connection is held while bytes before it are missing.
pub(super) const MAX_HELD: usize = 2 << 20;

/// How many segments of a connection are held while bytes before them are missing.
const MAX_HELD_SEGMENTS: usize = 2048;

/// How many more segments may pass once a receiver acknowledged what was never recorded.
const PATIENCE: u32 = 32;

/// What a segment that is held takes besides its bytes, about.
const OVERHEAD: usize = 64;

#[derive(Debug)]
pub(super) struct Flow {
    pub(super) connection: Connection,
    client: Direction,
    server: Direction,
    held: VecDeque<Placed<'static>>,
    /// Bytes that `held` takes.
    held_bytes: usize,
    last: Timestamp,
    /// When it was last heard, counted in segments.
    pub(super) heard: u64,
}

/// A segment in its place.
#[derive(Debug)]
struct Placed<'a> {
    side: Side,
    time: Timestamp,
    /// Where it begins among its side's bytes.
    position: i64,
    payload: Cow<'a, [u8]>,
    /// How many bytes behind the payload were not recorded.
    missing: u32,
    /// Whether its sender sends no more.
    ends: bool,
}

/// One direction of a connection.
#[derive(Debug, Default)]
struct Direction {
    /// The number of the byte that is due; none before the first.
    next: Option<u32>,
    /// How many bytes came before the one that is due.
    position: i64,
    /// The position behind the last byte, once it is known.
    end: Option<i64>,
    ended: bool,
    /// Segments that passed since a byte was acknowledged that was not recorded.
    unrecorded: u32,
}

/// What tells of events: of which time, and what.
type Tell<'a> = &'a mut dyn FnMut(Timestamp, EventKind<'_>);

impl Flow {
    pub(super) fn new(
        number: u64,
        segment: &Segment<'_>,
        interface: Option<&Arc<str>>,
        time: Timestamp,
    ) -> Self {
        // Where the recording began after the connection did, the lower port is taken for the server's. The
        // decoders of the contents correct that.
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

    /// Whether a segment that opens a connection is this connection's first once more.
    pub(super) fn repeats(&self, segment: &Segment<'_>) -> bool {
        let next = segment.sequence.wrapping_add(1);
        self.connection.client == segment.from
            && self.client.next.is_none_or(|due| i64::from(due.wrapping_sub(next)) == self.client.position)
    }

    /// The number of the byte behind the last that `end` sent, where one is known.
    pub(super) fn reached(&self, end: SocketAddr) -> Option<u32> {
        let direction = if end == self.connection.client { &self.client } else { &self.server };
        direction.next
    }

    /// Bytes that are held.
    pub(super) const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Takes a segment. Whether the connection is over.
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

    /// Hands on all that is held, with gaps where something is missing, and says that it is over.
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

    /// Hands on all that is held, with gaps where something is missing.
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

    /// The segment with its position; none where it carries nothing.
    fn placed<'a>(&mut self, side: Side, time: Timestamp, segment: &Segment<'a>) -> Option<Placed<'a>> {
        let direction = self.direction(side);
        let syn = u32::from(segment.flags.contains(TcpFlags::SYN));
        let first = segment.sequence.wrapping_add(syn);
        let due = *direction.next.get_or_insert(first);
        // How far the segment is ahead of what is due, or behind it; half of the numbers lie either way.
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

    /// Hands a segment on where it is due, and with it what was held for its sake; holds it otherwise.
    fn order(&mut self, segment: Placed<'_>, tell: Tell<'_>) {
        let due = self.direction(segment.side).position;
        let fills = segment.position <= due;
        // What is no news needs not wait, whatever does.
        if segment.reach() <= due && !segment.ends {
            return;
        }
        // Only what is missing before the first that is held goes before it.
        let goes_first = self.held.front().is_none_or(|first| first.side == segment.side);
        if fills && goes_first {
            self.deliver(&segment, tell);
            self.settle(tell);
        } else {
            self.held_bytes = self.held_bytes.saturating_add(segment.payload.len()).saturating_add(OVERHEAD);
            self.held.push_back(segment.detached());
        }
    }

    /// Whether the byte that is due of `side` is not among what is held.
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
        // What the recording cut off no other segment brings.
        direction.pass_over(side, segment.time, segment.reach(), tell);
        if segment.ends {
            direction.end = direction.end.or(Some(segment.reach()));
        }
        if !direction.ended && direction.end.is_some_and(|end| end <= direction.position) {
            direction.ended = true;
            tell(segment.time, EventKind::Ended(side));
        }
    }

    /// Hands on what is held, in its order, up to where something is missing.
    fn settle(&mut self, tell: Tell<'_>) {
        while let Some(first) = self.held.front() {
            let side = first.side;
            let due = self.direction(side).position;
            // Of the side that comes first, what is due may have come later.
            let place = self.held.iter().position(|held| held.side == side && held.position <= due);
            let Some(segment) = place.and_then(|place| self.held.remove(place)) else { return };
            self.let_go(&segment);
            self.deliver(&segment, tell);
        }
    }

    fn let_go(&mut self, segment: &Placed<'_>) {
        self.held_bytes = self.held_bytes.saturating_sub(segment.payload.len()).saturating_sub(OVERHEAD);
    }

    /// Gives up on what is missing before what is held.
    fn skip(&mut self, tell: Tell<'_>) {
        let Some(first) = self.held.front() else { return };
        let (side, time) = (first.side, first.time);
        let next = self.held.iter().filter(|held| held.side == side).map(|held| held.position).min();
        if let Some(next) = next {
            self.direction(side).pass_over(side, time, next, tell);
        }
        self.settle(tell);
    }

    /// The receiver has everything before `number`. Where that was not recorded, it never will be.
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
        // As far as was acknowledged, or up to what is there behind.
        let acknowledged = direction.position.saturating_add(beyond).saturating_sub(i64::from(ends));
        let there = self.held.iter().filter(|held| held.side == side).map(|held| held.position).min();
        let until = there.map_or(acknowledged, |there| there.min(acknowledged));
        self.direction(side).pass_over(side, time, until, tell);
        self.settle(tell);
    }
}

impl Placed<'_> {
    /// The segment with bytes of its own.
    fn detached(self) -> Placed<'static> {
        let Self { side, time, position, payload, missing, ends } = self;
        Placed { side, time, position, payload: Cow::Owned(payload.into_owned()), missing, ends }
    }

    /// The position behind it.
    fn reach(&self) -> i64 {
        let length = i64::try_from(self.payload.len()).unwrap_or(i64::MAX);
        self.position.saturating_add(length).saturating_add(i64::from(self.missing))
    }
}

impl Direction {
    fn advance(&mut self, count: i64) {
        self.position = self.position.saturating_add(count);
        // Numbers begin anew after 2^32.
        let low = u32::try_from(count & i64::from(u32::MAX)).unwrap_or(0);
        self.next = self.next.map(|next| next.wrapping_add(low));
    }

    /// Gives up on what is missing up to `position`.
    fn pass_over(&mut self, side: Side, time: Timestamp, position: i64, tell: Tell<'_>) {
        let missing = position.saturating_sub(self.position);
        if missing > 0 {
            self.advance(missing);
            self.unrecorded = 0;
            tell(time, EventKind::Gap(side, missing.unsigned_abs()));
        }
    }
}
