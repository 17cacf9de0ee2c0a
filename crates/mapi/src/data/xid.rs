//! External ids and predecessor change lists ([MS-OXCFXICS] 2.2.2).

use std::fmt;

use wire::{Decode, Encode, Guid, Reader, Result, Writer};

use super::id::{Gid, GlobalCounter};

/// An identifier that is unique within a namespace (`XID`, [MS-OXCFXICS] 2.2.2.2), such as a change key or a source
/// key.
///
/// It is encoded without its length: [`Decode`] reads the remaining bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Xid {
    /// The GUID of the namespace.
    pub namespace: Guid,
    /// The identifier in the namespace: 1 to 8 bytes if a server created it, at most 239 in a [`SizedXid`].
    pub local_id: Vec<u8>,
}

impl Xid {
    /// The identifier as a [`Gid`], if it has the size of one that a replica assigned.
    pub fn gid(&self) -> Option<Gid> {
        let counter = <[u8; 6]>::try_from(self.local_id.as_slice()).ok()?;
        Some(Gid { replica: self.namespace, global_counter: GlobalCounter(counter) })
    }
}

impl From<Gid> for Xid {
    fn from(gid: Gid) -> Self {
        Self { namespace: gid.replica, local_id: gid.global_counter.0.to_vec() }
    }
}

impl fmt::Display for Xid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.namespace)?;
        self.local_id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<'a> Decode<'a> for Xid {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        Ok(Self { namespace: Guid::decode(r)?, local_id: r.rest().to_vec() })
    }
}

impl Encode for Xid {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        self.namespace.encode(w)?;
        w.bytes(&self.local_id);
        Ok(())
    }
}

/// An [`Xid`] that is preceded by a byte with its size ([MS-OXCFXICS] 2.2.2.3.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SizedXid(pub Xid);

impl<'a> Decode<'a> for SizedXid {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let size = r.u8("XidSize")?;
        let mut inner = r.sub(usize::from(size), "XID")?;
        Xid::decode(&mut inner).map(Self).map_err(|error| error.within("SizedXid"))
    }
}

impl Encode for SizedXid {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        let size = self.0.local_id.len().saturating_add(16);
        let found = u64::try_from(size).unwrap_or(u64::MAX);
        let size = u8::try_from(size).map_err(|_| w.invalid("XidSize", found, "at most 255 bytes"))?;
        w.u8(size);
        self.0.encode(w)
    }
}

/// The latest change of each replica on which the current version of an object is based ([MS-OXCFXICS] 2.2.2.3).
///
/// It is encoded without its length: [`Decode`] reads the remaining bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PredecessorChangeList(pub Vec<SizedXid>);

impl<'a> Decode<'a> for PredecessorChangeList {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let mut list = Vec::new();
        while !r.is_empty() {
            list.push(SizedXid::decode(r).map_err(|error| error.within("PredecessorChangeList"))?);
        }
        Ok(Self(list))
    }
}

impl Encode for PredecessorChangeList {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        self.0.iter().try_for_each(|xid| xid.encode(w))
    }
}
