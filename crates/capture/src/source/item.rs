//! What a file of packets holds: packets, secrets, and what cannot be read.

use std::fmt;
use std::sync::Arc;

use crate::sanitize::without_controls;
use crate::time::Timestamp;

/// The largest record that is taken, in bytes. What Wireshark takes is less.
pub(super) const MAX_RECORD: usize = 4 << 20;

/// The largest block of secrets that is taken, in bytes.
pub(super) const MAX_SECRETS: usize = 64 << 20;

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
        without_controls(&mut what, &self.what);
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
