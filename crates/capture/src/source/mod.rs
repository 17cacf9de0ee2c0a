//! Reads packet captures, in pcap and pcapng, as streams.
//!
//! Only the current record is held in memory, so that a file may be larger than memory, and may grow while it is
//! read. A malformed record is reported with its offset and skipped: reading continues where the next record can
//! begin.

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

/// Whether a file that begins with `start` is a packet capture.
pub fn is_packets(start: &[u8]) -> bool {
    pcapng::is_start(start) || pcap::Pcap::from_start(start).is_some()
}

/// Passes the lines of all TLS key logs within `file`, a pcapng file at its start, to `sink`: the secrets of a
/// connection may be after its packets. `skip` skips a number of bytes. Nothing is read from a file of another
/// format.
///
/// # Errors
/// If the file cannot be read.
pub fn key_logs<R: BufRead>(
    file: &mut R,
    skip: fn(&mut R, u64) -> io::Result<()>,
    sink: &mut dyn FnMut(&[u8]),
) -> io::Result<()> {
    if pcapng::is_start(file.fill_buf()?) { pcapng::key_logs(file, skip, sink) } else { Ok(()) }
}

impl<R: Read> Packets<R> {
    /// Reads the packets of `file`, which is at its start.
    ///
    /// # Errors
    /// If the file cannot be read, or is not a packet capture.
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

    /// Reads the next packet or problem; `None` at the end.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn next_item(&mut self) -> io::Result<Option<Item<'_>>> {
        match &mut self.format {
            Format::Pcap(pcap) => pcap.next_item(&mut self.input),
            Format::PcapNg(pcapng) => pcapng.next_item(&mut self.input),
        }
    }

    /// The current offset in the file, in bytes.
    pub const fn place(&self) -> u64 {
        self.input.place()
    }
}

#[cfg(test)]
mod tests;
