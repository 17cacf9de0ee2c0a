//! Files of packets: pcap and pcapng, read as streams.
//!
//! Nothing is held of a file but the record that is being read, so that a file may be larger than memory, and
//! may grow while it is read. A record that makes no sense is told of with its place, and passed over: reading
//! goes on at the next place where a record can begin.

mod input;
mod pcap;
mod pcapng;

use std::fmt;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use crate::time::Timestamp;

use self::input::Input;
use self::pcap::Pcap;
use self::pcapng::PcapNg;

/// The largest record that is taken, in bytes. What Wireshark takes is less.
const MAX_RECORD: usize = 4 << 20;

/// The largest block of secrets that is taken, in bytes.
const MAX_SECRETS: usize = 64 << 20;

/// A packet, as it lies in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Where its record begins in the file, in bytes.
    pub place: u64,
    /// When it was recorded.
    pub time: Timestamp,
    /// What its bytes begin with.
    pub link: LinkType,
    /// The name of the interface that it was recorded at, where the file says one.
    pub interface: Option<Arc<str>>,
    /// Its bytes, as many as were recorded.
    pub data: &'a [u8],
    /// How many bytes it had that were not recorded.
    pub missing: u32,
    /// What somebody noted about it.
    pub comment: Option<Arc<str>>,
}

/// What the bytes of a packet begin with, by the numbers that pcap files have for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkType(pub u32);

/// Something in a recording that could not be read, and was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: a place in the file, or a connection.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

impl Problem {
    pub(crate) fn at(place: u64, what: impl Into<String>) -> Self {
        Self { place: format!("byte {place}"), what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut what = String::with_capacity(self.what.len());
        crate::show::without_controls(&mut what, &self.what);
        write!(f, "{}: {what}", self.place)
    }
}

/// What comes next in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item<'a> {
    /// A packet.
    Packet(Packet<'a>),
    /// Secrets of TLS sessions, in the form of a key log.
    KeyLog {
        /// Where their block begins in the file, in bytes.
        place: u64,
        /// The lines of the key log.
        lines: &'a [u8],
    },
    /// Something that is no packet.
    Problem(Problem),
}

/// The packets of a file.
#[derive(Debug)]
pub struct Packets<R> {
    input: Input<R>,
    format: Format,
}

#[derive(Debug)]
enum Format {
    Pcap(Pcap),
    PcapNg(PcapNg),
}

/// Whether a file that begins with `start` is one of packets.
pub fn is_packets(start: &[u8]) -> bool {
    pcapng::is_start(start) || pcap::Pcap::from_start(start).is_some()
}

/// Hands the lines of all TLS key logs within `file`, a pcapng that is at its start, to `sink`: the secrets of a
/// connection may stand behind its packets. `skip` passes over so many bytes. Of another file nothing is read.
///
/// # Errors
/// When it can't be read.
pub fn key_logs<R: BufRead>(
    file: &mut R,
    skip: fn(&mut R, u64) -> io::Result<()>,
    sink: &mut dyn FnMut(&[u8]),
) -> io::Result<()> {
    if pcapng::is_start(file.fill_buf()?) { pcapng::key_logs(file, skip, sink) } else { Ok(()) }
}

impl<R: Read> Packets<R> {
    /// The packets of `file`, which is at its start.
    ///
    /// # Errors
    /// When it cannot be read, or is no file of packets.
    pub fn new(file: R) -> io::Result<Self> {
        let mut input = Input::new(file);
        input.fill(pcap::HEADER_SIZE)?;
        let format = if pcapng::is_start(input.data()) {
            Format::PcapNg(PcapNg::default())
        } else if let Some(pcap) = Pcap::from_start(input.data()) {
            input.consume(pcap::HEADER_SIZE);
            Format::Pcap(pcap)
        } else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "neither pcap nor pcapng"));
        };
        Ok(Self { input, format })
    }

    /// Reads on to the next packet or problem; none at the end.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn next_item(&mut self) -> io::Result<Option<Item<'_>>> {
        match &mut self.format {
            Format::Pcap(pcap) => pcap.next_item(&mut self.input),
            Format::PcapNg(pcapng) => pcapng.next_item(&mut self.input),
        }
    }

    /// How far the file is read, in bytes.
    pub const fn place(&self) -> u64 {
        self.input.place()
    }
}

#[cfg(test)]
mod tests;
