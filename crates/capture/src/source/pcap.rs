//! Reads pcap, the format of libpcap since 1998, with times in microseconds or nanoseconds.

use std::io::{self, Read};

use wire::{Endian, Reader};

use super::input::Input;
use super::item::{Item, LinkType, MAX_RECORD, Packet, Problem};
use crate::time::Timestamp;

/// The size of the file header, in bytes.
pub(super) const HEADER_SIZE: usize = 24;

/// The magic number of a file with times in microseconds, and of one with nanoseconds.
const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// The magic number of Alexey Kuznetsov's format, whose records have longer headers.
const MODIFIED: u32 = 0xa1b2_cd34;

/// The maximum time between two consecutive records that are accepted after malformed bytes, in seconds.
const BELIEVED: u64 = 86_400;

/// The number of valid records that must follow a record whose time differs much from the previous one, for it to be
/// accepted after malformed bytes. The clock may have been set.
const FOLLOWERS: usize = 3;

/// The maximum size of a packet that is accepted after malformed bytes, in bytes.
const MAX_BELIEVED: u32 = 1 << 18;

#[derive(Debug)]
pub(super) struct Pcap {
    endian: Endian,
    nanoseconds: bool,
    /// The size of a record's header, in bytes.
    record_header: usize,
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
            let (nanoseconds, record_header) = match r.u32("magic").ok()? {
                MICROSECONDS => (false, 16),
                NANOSECONDS => (true, 16),
                // Interface, protocol and type of the packet follow.
                MODIFIED => (false, 24),
                _ => return None,
            };
            r.bytes(16, "version").ok()?;
            // The upper half describes checksums at the end of frames, which the length in the IP header excludes.
            let link = LinkType(r.u32("network").ok()? & 0xffff);
            Some(Self { endian, nanoseconds, record_header, link, last: None })
        })
    }

    pub(super) fn next_item<'a, R: Read>(&mut self, input: &'a mut Input<R>) -> io::Result<Option<Item<'a>>> {
        input.consume_handed_out();
        if !input.fill(self.record_header)? {
            return Ok(input.ended("record"));
        }
        let place = input.place();
        let Some(record) = self.record(input.data()) else { return self.find_next(input, place) };
        // The clock may be set during the recording, so an unexpected time alone is not an error. The record is
        // malformed only if no valid record follows it.
        if self.last.is_some_and(|last| last.abs_diff(record.seconds) >= BELIEVED * 365)
            && !self.may_go_on(input, record.length)?
        {
            return self.find_next(input, place);
        }
        if !input.fill(self.record_header.saturating_add(record.length))? {
            return Ok(input.ended("record"));
        }
        self.last = Some(record.seconds);
        let size = self.record_header.saturating_add(record.length);
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
            data: input.head(size).get(self.record_header..).unwrap_or_default(),
            missing: record.original.saturating_sub(captured),
            comment: None,
        })))
    }

    /// Parses the record at the start of `data`; `None` if it is malformed.
    fn record(&self, data: &[u8]) -> Option<Record> {
        let mut r = Reader::with_endian(data, self.endian);
        let record = Record {
            seconds: u64::from(r.u32("ts_sec").ok()?),
            fraction: r.u32("ts_frac").ok()?,
            length: usize::try_from(r.u32("incl_len").ok()?).ok()?,
            original: r.u32("orig_len").ok()?,
        };
        let limit = if self.nanoseconds { 1_000_000_000 } else { 1_000_000 };
        (record.length <= MAX_RECORD && record.fraction < limit).then_some(record)
    }

    /// Skips bytes until the next plausible record, or the end of the file.
    fn find_next<'a, R: Read>(&self, input: &'a mut Input<R>, place: u64) -> io::Result<Option<Item<'a>>> {
        input.consume(1);
        while input.fill(self.record_header)? {
            if let Some(record) = self.believed(input.data()) {
                let close = self.last.is_none_or(|last| last.abs_diff(record.seconds) < BELIEVED);
                if self.is_followed(input, if close { 1 } else { FOLLOWERS })? {
                    break;
                }
            }
            input.consume(1);
        }
        if !input.fill(self.record_header)? {
            input.consume(self.record_header);
        }
        let skipped = input.place().saturating_sub(place);
        let what = format!("no record makes sense here; {skipped} bytes are passed over");
        Ok(Some(Item::Problem(Problem::at(place, what))))
    }

    /// Whether a record can begin after the one at the start of the buffer, which has `length` bytes, or the file
    /// ends there.
    fn may_go_on<R: Read>(&self, input: &mut Input<R>, length: usize) -> io::Result<bool> {
        let next = self.record_header.saturating_add(length);
        let whole = input.fill(next.saturating_add(self.record_header))?;
        Ok(!whole || self.believed(input.data().get(next..).unwrap_or_default()).is_some())
    }

    /// Whether the record at the start of the buffer is followed by `count` plausible ones, each close in time to the
    /// previous one or to the last one that was read, or by the end of the file.
    fn is_followed<R: Read>(&self, input: &mut Input<R>, count: usize) -> io::Result<bool> {
        let Some(mut record) = self.believed(input.data()) else { return Ok(false) };
        let mut at = 0_usize;
        for _ in 0..count {
            at = at.saturating_add(self.record_header).saturating_add(record.length);
            if !input.fill(at.saturating_add(self.record_header))? {
                return Ok(input.data().len() == at);
            }
            let next = self.believed(input.data().get(at..).unwrap_or_default());
            let close = |next: &Record| {
                next.seconds.abs_diff(record.seconds) < BELIEVED
                    || self.last.is_some_and(|last| last.abs_diff(next.seconds) < BELIEVED)
            };
            match next.filter(close) {
                Some(next) => record = next,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Parses a record at an arbitrary position; `None` if it is not plausible.
    fn believed(&self, data: &[u8]) -> Option<Record> {
        self.record(data).filter(|record| {
            let captured = u32::try_from(record.length).unwrap_or(u32::MAX);
            record.length > 0 && captured <= record.original && record.original <= MAX_BELIEVED
        })
    }
}
