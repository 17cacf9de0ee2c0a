//! Identifiers of replicas: a number (REPLID) or a GUID.

use std::fmt;

use wire::{Decode, Encode, Guid, Reader, Result, Writer};

/// The number of a replica in a logon (`REPLID`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ReplId(pub u16);

/// The identifier of a replica in a set: a number of the logon, or a GUID.
pub trait Replica: Copy + Eq + Ord + fmt::Display + Encode + for<'a> Decode<'a> {}

impl Replica for ReplId {}
impl Replica for Guid {}

impl fmt::Display for ReplId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.0)
    }
}

impl<'a> Decode<'a> for ReplId {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        r.u16("REPLID").map(Self)
    }
}

impl Encode for ReplId {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u16(self.0);
        Ok(())
    }
}
