//! The items of a packet capture: packets, secrets, and problems.

use std::fmt;
use std::sync::Arc;

use crate::sanitize::without_controls;
use crate::time::Timestamp;

/// The maximum size of a record, in bytes. It is more than Wireshark's.
pub(super) const MAX_RECORD: usize = 4 << 20;

/// The maximum size of a block of secrets, in bytes.
pub(super) const MAX_SECRETS: usize = 64 << 20;

/// A packet of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The offset of its record in the file.
    pub place: u64,
    /// The time at which it was recorded.
    pub time: Timestamp,
    /// The link type, which determines the header of its bytes.
    pub link: LinkType,
    /// The name of the interface at which it was recorded, if the file has it.
    pub interface: Option<Arc<str>>,
    /// The recorded bytes.
    pub data: &'a [u8],
    /// The number of bytes that were not recorded.
    pub missing: u32,
    /// The comment on the packet, if the file has one.
    pub comment: Option<Arc<str>>,
}

/// The type of a packet's link-layer header, by its number in pcap files (`LINKTYPE_`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkType(pub u32);

/// A part of a recording that could not be read, and was skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The position: an offset in the file, or a connection.
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
        let mut text = String::with_capacity(self.what.len());
        // The place may be the name of a file.
        without_controls(&mut text, &self.place);
        text.push_str(": ");
        without_controls(&mut text, &self.what);
        f.write_str(&text)
    }
}

/// An item of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item<'a> {
    /// A packet.
    Packet(Packet<'a>),
    /// Secrets of TLS sessions, in the form of a key log.
    KeyLog {
        /// The offset of their block in the file.
        place: u64,
        /// The lines of the key log.
        lines: &'a [u8],
    },
    /// A part that could not be read.
    Problem(Problem),
}
