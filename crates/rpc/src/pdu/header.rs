//! The common header of PDUs (C706 12.6.3.1).

use wire::{Encode, Endian, Error, Reader, Result, Writer};

use super::codes::{PduType, PfcFlags};

/// Bytes of the common header.
pub const HEADER_SIZE: usize = 16;

/// Bytes of a [`SecTrailer`](super::SecTrailer).
pub const SEC_TRAILER_SIZE: usize = 8;

/// How the sender writes integers, characters and floating-point numbers (C706 14.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DataRepresentation(pub [u8; 4]);

impl DataRepresentation {
    /// Little-endian, ASCII, IEEE. All PDUs are written so.
    pub const LITTLE: Self = Self([0x10, 0, 0, 0]);
    /// Big-endian, ASCII, IEEE.
    pub const BIG: Self = Self([0, 0, 0, 0]);

    /// The byte order.
    ///
    /// # Errors
    /// When the label is unknown.
    pub fn endian(self) -> Result<Endian> {
        let [integers, ..] = self.0;
        match integers >> 4 {
            0 => Ok(Endian::Big),
            1 => Ok(Endian::Little),
            other => Err(Error::invalid("packed_drep", 4, u64::from(other), "byte order 0 or 1")),
        }
    }

    /// The same label with integers in little-endian order.
    #[must_use]
    pub const fn as_little(self) -> Self {
        let [integers, rest @ ..] = self.0;
        let [floats, a, b] = rest;
        Self([0x10 | (integers & 0x0f), floats, a, b])
    }
}

impl Default for DataRepresentation {
    fn default() -> Self {
        Self::LITTLE
    }
}

/// The common header (C706 12.6.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The protocol's version: 5.
    pub rpc_vers: u8,
    /// The protocol's minor version: 0, or 1 from some DCE clients.
    pub rpc_vers_minor: u8,
    /// The type of the PDU.
    pub ptype: PduType,
    /// Flags.
    pub flags: PfcFlags,
    /// The data representation.
    pub drep: DataRepresentation,
    /// The length of the PDU with header and verifier, in bytes.
    pub frag_length: u16,
    /// The length of the token in the verifier, in bytes, without the [`SEC_TRAILER_SIZE`].
    pub auth_length: u16,
    /// The call id.
    pub call_id: u32,
}

impl Header {
    /// A header in little-endian order, with its lengths zero.
    pub const fn new(ptype: PduType, flags: PfcFlags, call_id: u32) -> Self {
        Self {
            rpc_vers: 5,
            rpc_vers_minor: 0,
            ptype,
            flags,
            drep: DataRepresentation::LITTLE,
            frag_length: 0,
            auth_length: 0,
            call_id,
        }
    }

    /// Reads the header at the start of `bytes`.
    ///
    /// # Errors
    /// When there are fewer than [`HEADER_SIZE`] bytes, the byte order is unknown, or the lengths contradict
    /// one another.
    pub fn from_start(bytes: &[u8]) -> Result<Self> {
        let header = Self::read(bytes).map_err(|error| error.within("header"))?;
        header.check_verifier()?;
        Ok(header)
    }

    /// Reads the header at the start of `bytes` without [`check_verifier`](Self::check_verifier), so that a
    /// PDU with an invalid verifier can get a fault.
    ///
    /// # Errors
    /// The other errors of [`from_start`](Self::from_start).
    pub fn of_any_verifier(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes).map_err(|error| error.within("header"))
    }

    /// Checks that the verifier fits into the PDU.
    ///
    /// # Errors
    /// When `auth_length` exceeds the PDU.
    pub fn check_verifier(&self) -> Result<()> {
        let verifier = match self.auth_length {
            0 => 0,
            token => usize::from(token).saturating_add(SEC_TRAILER_SIZE),
        };
        if HEADER_SIZE.saturating_add(verifier) > usize::from(self.frag_length) {
            let found = u64::from(self.auth_length);
            let error = Error::invalid("auth_length", 10, found, "no more than the fragment holds");
            return Err(error.within("header"));
        }
        Ok(())
    }

    fn read(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::new(bytes);
        let [rpc_vers, rpc_vers_minor, ptype, flags] = r.array("rpc_vers")?;
        let drep = DataRepresentation(r.array("packed_drep")?);
        let mut r = Reader::with_endian(r.peek(), drep.endian()?).at_offset(8);
        let header = Self {
            rpc_vers,
            rpc_vers_minor,
            ptype: PduType(ptype),
            flags: PfcFlags(flags),
            drep,
            frag_length: r.u16("frag_length")?,
            auth_length: r.u16("auth_length")?,
            call_id: r.u32("call_id")?,
        };
        let found = u64::from(header.frag_length);
        if usize::from(header.frag_length) < HEADER_SIZE {
            return Err(Error::invalid("frag_length", 8, found, "at least the header's 16 bytes"));
        }
        Ok(header)
    }

    /// Whether the version is supported: 5.0 or 5.1.
    pub const fn version_supported(&self) -> bool {
        self.rpc_vers == 5 && self.rpc_vers_minor <= 1
    }
}

impl Encode for Header {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u8(self.rpc_vers).u8(self.rpc_vers_minor).u8(self.ptype.0).u8(self.flags.0);
        w.bytes(&self.drep.as_little().0).u16(self.frag_length).u16(self.auth_length).u32(self.call_id);
        Ok(())
    }
}
