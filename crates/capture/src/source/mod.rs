//! Files of packets: pcap and pcapng, read as streams.
//!
//! Nothing is held of a file but the record that is being read, so that a file may be larger than memory, and
//! may grow while it is read. A malformed record is reported with its place, and skipped: reading
//! goes on at the next place where a record can begin.

mod input;
mod item;
mod pcap;
mod pcapng;

use std::io::{self, BufRead, Read};

use self::input::Input;
pub use self::item::{Item, LinkType, Packet, Problem};
use self::pcap::Pcap;
use self::pcapng::PcapNg;

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

/// Hands the lines of all TLS key logs within `file`, a pcapng that is at its start, to `sink`: the secrets
/// of a connection may stand behind its packets. `skip` passes over so many bytes. Of another file nothing is
/// read.
///
/// # Errors
/// When it cannot be read.
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
