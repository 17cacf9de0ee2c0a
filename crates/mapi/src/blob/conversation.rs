//! `PidTagConversationIndex` ([MS-OXOMSG] 2.2.1.3).

use std::fmt;

use wire::{Decode, Encode, FileTime, Guid, Reader, Result, Writer};

use crate::inspect::{Inspect, Node};

/// `PidTagConversationIndex`: the position of a message in its conversation ([MS-OXOMSG] 2.2.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationIndex {
    /// Reserved; 1.
    pub reserved: u8,
    /// The time at which the conversation began: bytes 1 to 5 of a big-endian `FILETIME`, whose first byte is 1 and
    /// whose last two are not stored.
    pub time: [u8; 5],
    /// The GUID of the conversation, in big-endian byte order.
    pub guid: [u8; 16],
    /// The replies from the first message of the conversation to this one.
    pub levels: Vec<ResponseLevel>,
}

/// A reply ([MS-OXOMSG] 2.2.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseLevel {
    /// `DeltaCode` in the highest bit, `TimeDelta` in the others.
    pub delta: u32,
    /// A random number in the upper four bits, the level in the lower ones.
    pub rest: u8,
}

/// The size of a response level, in bytes.
const LEVEL_SIZE: usize = 5;

impl ConversationIndex {
    /// Returns the time at which the conversation began.
    pub fn began(&self) -> FileTime {
        let [a, b, c, d, e] = self.time;
        FileTime(u64::from_be_bytes([1, a, b, c, d, e, 0, 0]))
    }

    /// Returns the GUID of the conversation.
    pub const fn conversation(&self) -> Guid {
        let [a, b, c, d, e, f, g, h, rest @ ..] = self.guid;
        Guid::new(
            u32::from_be_bytes([a, b, c, d]),
            u16::from_be_bytes([e, f]),
            u16::from_be_bytes([g, h]),
            rest,
        )
    }
}

impl ResponseLevel {
    /// Returns the time between this message and the one before, in units of 100 nanoseconds. The lower bits are not
    /// stored.
    pub const fn after(self) -> u64 {
        let [a, b, c, d] = (self.delta & 0x7fff_ffff).to_le_bytes();
        let delta = u64::from_le_bytes([a, b, c, d, 0, 0, 0, 0]);
        if self.delta & 0x8000_0000 == 0 { delta << 18 } else { delta << 23 }
    }
}

impl fmt::Display for ResponseLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s later", self.after() / 10_000_000)
    }
}

impl<'a> Decode<'a> for ConversationIndex {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let reserved = r.u8("Reserved")?;
        if reserved != 1 {
            return Err(r.invalid("Reserved", u64::from(reserved), "1"));
        }
        let (time, guid) = (r.array("CurrentFileTime")?, r.array("GUID")?);
        let mut levels = Vec::with_capacity((r.remaining() / LEVEL_SIZE).min(16));
        while !r.is_empty() {
            let delta = u32::from_be_bytes(r.array("TimeDelta")?);
            levels.push(ResponseLevel { delta, rest: r.u8("Random")? });
        }
        Ok(Self { reserved, time, guid, levels })
    }
}

impl Encode for ConversationIndex {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u8(self.reserved).bytes(&self.time).bytes(&self.guid);
        for level in &self.levels {
            w.bytes(&level.delta.to_be_bytes()).u8(level.rest);
        }
        Ok(())
    }
}

impl Inspect for ConversationIndex {
    fn to_node(&self) -> Node {
        let levels = self.levels.iter().map(|level| Node::Text(level.to_string())).collect();
        Node::Fields(vec![
            ("began".into(), self.began().to_node()),
            ("conversation".into(), self.conversation().to_node()),
            ("responses".into(), Node::List(levels)),
        ])
    }
}
