//! Identifiers of folders, messages and changes, and the global counters in them ([MS-OXCDATA] 2.2.1).

use std::fmt;

use wire::{Decode, Encode, Guid, Reader, Result, Writer};

/// A 48-bit number that a replica assigns only once ([MS-OXCDATA] 2.2.1.1, [MS-OXCFXICS] 2.2.2.5), in big-endian byte
/// order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct GlobalCounter(pub [u8; 6]);

impl GlobalCounter {
    /// The largest value of a counter.
    pub const MAX: u64 = 0xFFFF_FFFF_FFFF;

    /// Creates the counter with the number `value`; returns `None` if it has more than 48 bits.
    pub const fn new(value: u64) -> Option<Self> {
        let [0, 0, counter @ ..] = value.to_be_bytes() else { return None };
        Some(Self(counter))
    }

    /// The counter as a number.
    pub const fn value(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }
}

impl fmt::Display for GlobalCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}", self.value())
    }
}

impl fmt::Debug for GlobalCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GlobalCounter({self})")
    }
}

impl<'a> Decode<'a> for GlobalCounter {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        r.array("GlobalCounter").map(Self)
    }
}

impl Encode for GlobalCounter {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.bytes(&self.0);
        Ok(())
    }
}

macro_rules! short_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// The number is the eight bytes as a little-endian integer, with the replica in its lowest 16 bits. It is
        /// displayed as replica and counter: `0001-000000000123`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(pub u64);

        impl $name {
            /// Creates the identifier with the number `counter` of the replica `repl_id`.
            pub const fn new(repl_id: u16, counter: GlobalCounter) -> Self {
                let [x, y] = repl_id.to_le_bytes();
                let [a, b, c, d, e, f] = counter.0;
                Self(u64::from_le_bytes([x, y, a, b, c, d, e, f]))
            }

            /// The replica that assigned the identifier, by its number in this logon (`REPLID`).
            pub const fn repl_id(self) -> u16 {
                let [x, y, ..] = self.0.to_le_bytes();
                u16::from_le_bytes([x, y])
            }

            /// The number that the replica assigned.
            pub const fn global_counter(self) -> GlobalCounter {
                let [_, _, counter @ ..] = self.0.to_le_bytes();
                GlobalCounter(counter)
            }

            /// Whether the identifier is zero, which means that there is no object.
            pub const fn is_zero(self) -> bool {
                self.0 == 0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:04x}-{}", self.repl_id(), self.global_counter())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl<'a> Decode<'a> for $name {
            fn decode(r: &mut Reader<'a>) -> Result<Self> {
                r.u64(stringify!($name)).map(Self)
            }
        }

        impl Encode for $name {
            fn encode(&self, w: &mut Writer) -> Result<()> {
                w.u64(self.0);
                Ok(())
            }
        }
    )*};
}

short_ids! {
    /// Identifies a folder within a logon (`FID`, [MS-OXCDATA] 2.2.1.1).
    FolderId;
    /// Identifies a message within a logon (`MID`, [MS-OXCDATA] 2.2.1.2).
    MessageId;
    /// Identifies a version of a folder or message within a logon (`CN`, [MS-OXCFXICS] 2.2.2.1).
    ChangeNumber;
}

/// Identifies a folder or message across logons and servers, by the replica's GUID and a counter (`GID`, [MS-OXCDATA]
/// 2.2.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Gid {
    /// The GUID of the replica that assigned the identifier (`DatabaseGuid`, `REPLGUID`).
    pub replica: Guid,
    /// The number that the replica assigned.
    pub global_counter: GlobalCounter,
}

impl fmt::Display for Gid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.replica, self.global_counter)
    }
}

impl<'a> Decode<'a> for Gid {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        Ok(Self { replica: Guid::decode(r)?, global_counter: GlobalCounter::decode(r)? })
    }
}

impl Encode for Gid {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        self.replica.encode(w)?;
        self.global_counter.encode(w)
    }
}

/// A [`Gid`] with two bytes of padding, as used in ROPs (`LongTermID`, [MS-OXCDATA] 2.2.1.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct LongTermId {
    /// The identifier without padding.
    pub gid: Gid,
    /// Reserved; zero.
    pub pad: u16,
}

impl LongTermId {
    /// Creates the identifier with the number `global_counter` of `replica`.
    pub const fn new(replica: Guid, global_counter: GlobalCounter) -> Self {
        Self { gid: Gid { replica, global_counter }, pad: 0 }
    }
}

impl fmt::Display for LongTermId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.gid.fmt(f)
    }
}

impl<'a> Decode<'a> for LongTermId {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        Ok(Self { gid: Gid::decode(r)?, pad: r.u16("Pad")? })
    }
}

impl Encode for LongTermId {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        self.gid.encode(w)?;
        w.u16(self.pad);
        Ok(())
    }
}
