//! pcap, as libpcap has written it since 1998, with times in microseconds or nanoseconds.

use std::io::{self, Read};

use wire::{Endian, Reader};

use super::{Input, Item, LinkType, MAX_RECORD, Packet, Problem};
use crate::time::Timestamp;

/// Bytes before the first record.
pub(super) const HEADER_SIZE: usize = 24;

/// Bytes of each record before its packet.
const RECORD_HEADER_SIZE: usize = 16;

/// The first number of a file with times in microseconds, and of one with nanoseconds.
const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;

/// How far apart in time two records that follow one another may be, in seconds, for one to be believed after
/// something that made no sense.
const BELIEVED: u64 = 86_400;

#[derive(Debug)]
pub(super) struct Pcap {
    endian: Endian,
    nanoseconds: bool,
    link: LinkType,
    last: Option<u64>,
}

/// A record's header.
struct Record {
    seconds: u64,
    fraction: u32,
    length: usize,
    original: u32,
}

impl Pcap {
    pub(super) fn from_start(start: &[u8]) -> Option<Self> {
        [Endian::Little, Endian::Big].into_iter().find_map(|endian| {
            let mut r = Reader::with_endian(start, endian);
            let nanoseconds = match r.u32("magic").ok()? {
                MICROSECONDS => false,
                NANOSECONDS => true,
                _ => return None,
            };
            r.bytes(16, "version").ok()?;
            // The upper bits tell of checksums at the end of frames.
            let link = LinkType(r.u32("network").ok()? & 0x0fff_ffff);
            Some(Self { endian, nanoseconds, link, last: None })
        })
    }

    pub(super) fn next_item<'a, R: Read>(&mut self, input: &'a mut Input<R>) -> io::Result<Option<Item<'a>>> {
        input.let_go();
        if !input.fill(RECORD_HEADER_SIZE)? {
            return Ok(input.ended("record"));
        }
        let place = input.place();
        let Some(record) = self.record(input.data(), self.last.is_some()) else {
            return self.find_next(input, place);
        };
        if !input.fill(RECORD_HEADER_SIZE.saturating_add(record.length))? {
            return Ok(input.ended("record"));
        }
        self.last = Some(record.seconds);
        let size = RECORD_HEADER_SIZE.saturating_add(record.length);
        input.hand_out(size);
        let scale = if self.nanoseconds { 1 } else { 1000 };
        let nanoseconds = u64::from(record.fraction).saturating_mul(scale);
        let time = record.seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds);
        let captured = u32::try_from(record.length).unwrap_or(u32::MAX);
        Ok(Some(Item::Packet(Packet {
            place,
            time: Timestamp(time),
            link: self.link,
            interface: None,
            data: input.head(size).get(RECORD_HEADER_SIZE..).unwrap_or_default(),
            missing: record.original.saturating_sub(captured),
            comment: None,
        })))
    }

    /// The record at the start of `data`; none where it makes no sense.
    fn record(&self, data: &[u8], near: bool) -> Option<Record> {
        let mut r = Reader::with_endian(data, self.endian);
        let record = Record {
            seconds: u64::from(r.u32("ts_sec").ok()?),
            fraction: r.u32("ts_frac").ok()?,
            length: usize::try_from(r.u32("incl_len").ok()?).ok()?,
            original: r.u32("orig_len").ok()?,
        };
        let limit = if self.nanoseconds { 1_000_000_000 } else { 1_000_000 };
        let close = self.last.is_none_or(|last| !near || last.abs_diff(record.seconds) < BELIEVED * 365);
        let fits = record.length <= MAX_RECORD && record.fraction < limit;
        (fits && close).then_some(record)
    }

    /// Passes over bytes until two records that make sense follow one another, or the file ends.
    fn find_next<'a, R: Read>(&self, input: &'a mut Input<R>, place: u64) -> io::Result<Option<Item<'a>>> {
        input.consume(1);
        while input.fill(RECORD_HEADER_SIZE)? {
            if let Some(record) = self.believed(input.data()) {
                let next = RECORD_HEADER_SIZE.saturating_add(record.length);
                let whole = input.fill(next.saturating_add(RECORD_HEADER_SIZE))?;
                let after = input.data().get(next..).unwrap_or_default();
                if (whole && self.believed(after).is_some()) || (!whole && after.is_empty()) {
                    break;
                }
            }
            input.consume(1);
        }
        if !input.fill(RECORD_HEADER_SIZE)? {
            input.consume(RECORD_HEADER_SIZE);
        }
        let skipped = input.place().saturating_sub(place);
        let what = format!("no record makes sense here; {skipped} bytes are passed over");
        Ok(Some(Item::Problem(Problem::at(place, what))))
    }

    /// A record that is worth believing where nothing says that one begins there.
    fn believed(&self, data: &[u8]) -> Option<Record> {
        self.record(data, true).filter(|record| {
            let close = self.last.is_none_or(|last| last.abs_diff(record.seconds) < BELIEVED);
            let captured = u32::try_from(record.length).unwrap_or(u32::MAX);
            close && record.length > 0 && captured <= record.original && record.original <= 1 << 20
        })
    }
}
