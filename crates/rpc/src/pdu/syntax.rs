//! Interface and transfer syntax identifiers (C706 12.6.3.1).

use std::fmt;

use wire::{Decode, Encode, Guid, Reader, Result, Writer};

/// The name of an interface or of a transfer syntax, with its version (C706 12.6.3.1 `p_syntax_id_t`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SyntaxId {
    /// Its UUID.
    pub uuid: Guid,
    /// The major version.
    pub major: u16,
    /// The minor version.
    pub minor: u16,
}

impl SyntaxId {
    /// NDR, version 2: the supported transfer syntax (C706 14).
    pub const NDR: Self = Self::new(
        Guid::new(0x8a88_5d04, 0x1ceb, 0x11c9, [0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60]),
        2,
        0,
    );
    /// NDR64, version 1: a transfer syntax that is declined ([MS-RPCE] 2.2.4.12).
    pub const NDR64: Self = Self::new(
        Guid::new(0x7171_0533, 0xbeba, 0x4937, [0x83, 0x19, 0xb5, 0xdb, 0xef, 0x9c, 0xcc, 0x36]),
        1,
        0,
    );
    /// All zero, for results without a transfer syntax.
    pub const NIL: Self = Self::new(Guid::NIL, 0, 0);

    /// The interface or syntax `uuid` in version `major.minor`.
    pub const fn new(uuid: Guid, major: u16, minor: u16) -> Self {
        Self { uuid, major, minor }
    }

    /// Whether a server of `self` serves a client of `asked`: the same UUID and major version, and the same
    /// or a newer minor version (C706 6.1.2).
    pub fn serves(&self, asked: &Self) -> bool {
        self.uuid == asked.uuid && self.major == asked.major && self.minor >= asked.minor
    }
}

impl fmt::Display for SyntaxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{}.{}", self.uuid, self.major, self.minor)
    }
}

impl fmt::Debug for SyntaxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SyntaxId({self})")
    }
}

impl Encode for SyntaxId {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        self.uuid.encode(w)?;
        w.u16(self.major).u16(self.minor);
        Ok(())
    }
}

impl<'a> Decode<'a> for SyntaxId {
    /// The version is one 32-bit integer, its low half the major version (C706 12.6.3.1), so in big-endian
    /// order the minor version comes first.
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let uuid = Guid::decode(r)?;
        let version = r.u32("if_version")?;
        let [a, b, c, d] = version.to_le_bytes();
        Ok(Self { uuid, major: u16::from_le_bytes([a, b]), minor: u16::from_le_bytes([c, d]) })
    }
}

wire::wire_flags! {
    /// The features of bind time feature negotiation ([MS-RPCE] 2.2.2.14).
    pub struct BindTimeFeatures(u64) {
        /// Several security contexts on one connection ([MS-RPCE] 3.3.1.5.4).
        SECURITY_CONTEXT_MULTIPLEXING = 0x01,
        /// The connection outlives an orphaned call ([MS-RPCE] 3.3.1.5.10).
        KEEP_CONNECTION_ON_ORPHAN = 0x02,
    }
}

impl BindTimeFeatures {
    /// The transfer syntax that encodes these features ([MS-RPCE] 3.3.1.5.3).
    pub const fn to_syntax(self) -> SyntaxId {
        SyntaxId::new(Guid::new(0x6cb7_1c2c, 0x9812, 0x4540, self.0.to_le_bytes()), 1, 0)
    }

    /// The features that `syntax` encodes, if it does.
    pub fn from_syntax(syntax: &SyntaxId) -> Option<Self> {
        let Guid { data1, data2, data3, data4 } = syntax.uuid;
        let negotiates = (data1, data2, data3) == (0x6cb7_1c2c, 0x9812, 0x4540) && syntax.major == 1;
        negotiates.then(|| Self(u64::from_le_bytes(data4)))
    }
}
