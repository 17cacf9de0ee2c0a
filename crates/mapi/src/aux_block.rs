//! Auxiliary buffers: what client and server tell each other beside the ROPs ([MS-OXCRPC] 2.2.2.2).
//!
//! An [`AuxBuffer`] is the payload of `rgbAuxIn` or `rgbAuxOut`, which [`crate::compress::decode_one`]
//! unpacks. It is a row of [`AuxBlock`]s. Blocks of an unknown type, and blocks that are too short for what
//! their type promises, stay bytes; so does whatever lies behind the fields of a known one.

mod blocks;
mod body;
mod fields;
mod texts;

use wire::{Decode, Encode, Error, ErrorKind, Reader, Result, Writer};

pub use self::blocks::{
    ClientConnectionInfo, ClientControl, ClientMode, DefGcSuccess, DefMdbSuccess, EnableFlags,
    EndpointCapabilities, EndpointCapabilityFlags, ExOrgInfo, Failure, FailureV2, GcSuccess, GcSuccessV2,
    MdbSuccess, MdbSuccessV2, OrgFlags, OsVersionInfo, PerfAccountInfo, PerfClientInfo, PerfProcessInfo,
    PerfRequestId, PerfServerInfo, PerfSessionInfo, PerfSessionInfoV2, ProtocolDeviceIdentification,
    ServerCapabilities, ServerCapabilityFlags, ServerSessionInfo, ServerType,
};
pub use self::body::AuxBody;
use crate::compress::decode_one;

/// Bytes of an `AUX_HEADER`.
const HEADER_SIZE: usize = 2 /* Size */ + 1 /* Version */ + 1 /* Type */;

wire::wire_enum! {
    /// `Version` of an `AUX_HEADER` ([MS-OXCRPC] 2.2.2.2).
    pub struct AuxVersion(u8) {
        /// The first layout of a type.
        AUX_VERSION_1 = 0x01,
        /// The second one, where a type has it.
        AUX_VERSION_2 = 0x02,
    }
}

wire::wire_enum! {
    /// `Type` of an `AUX_HEADER` ([MS-OXCRPC] 2.2.2.2). FG is the foreground, BG the background, GC the global
    /// catalog.
    pub struct AuxType(u8) {
        /// [`PerfRequestId`].
        AUX_TYPE_PERF_REQUESTID = 0x01,
        /// [`PerfClientInfo`].
        AUX_TYPE_PERF_CLIENTINFO = 0x02,
        /// [`PerfServerInfo`].
        AUX_TYPE_PERF_SERVERINFO = 0x03,
        /// [`PerfSessionInfo`], [`PerfSessionInfoV2`].
        AUX_TYPE_PERF_SESSIONINFO = 0x04,
        /// [`DefMdbSuccess`].
        AUX_TYPE_PERF_DEFMDB_SUCCESS = 0x05,
        /// [`DefGcSuccess`].
        AUX_TYPE_PERF_DEFGC_SUCCESS = 0x06,
        /// [`MdbSuccess`], [`MdbSuccessV2`].
        AUX_TYPE_PERF_MDB_SUCCESS = 0x07,
        /// [`GcSuccess`], [`GcSuccessV2`].
        AUX_TYPE_PERF_GC_SUCCESS = 0x08,
        /// [`Failure`], [`FailureV2`].
        AUX_TYPE_PERF_FAILURE = 0x09,
        /// [`ClientControl`].
        AUX_TYPE_CLIENT_CONTROL = 0x0a,
        /// [`PerfProcessInfo`].
        AUX_TYPE_PERF_PROCESSINFO = 0x0b,
        /// [`DefMdbSuccess`].
        AUX_TYPE_PERF_BG_DEFMDB_SUCCESS = 0x0c,
        /// [`DefGcSuccess`].
        AUX_TYPE_PERF_BG_DEFGC_SUCCESS = 0x0d,
        /// [`MdbSuccess`], [`MdbSuccessV2`].
        AUX_TYPE_PERF_BG_MDB_SUCCESS = 0x0e,
        /// [`GcSuccess`], [`GcSuccessV2`].
        AUX_TYPE_PERF_BG_GC_SUCCESS = 0x0f,
        /// [`Failure`], [`FailureV2`].
        AUX_TYPE_PERF_BG_FAILURE = 0x10,
        /// [`DefMdbSuccess`].
        AUX_TYPE_PERF_FG_DEFMDB_SUCCESS = 0x11,
        /// [`DefGcSuccess`].
        AUX_TYPE_PERF_FG_DEFGC_SUCCESS = 0x12,
        /// [`MdbSuccess`], [`MdbSuccessV2`].
        AUX_TYPE_PERF_FG_MDB_SUCCESS = 0x13,
        /// [`GcSuccess`], [`GcSuccessV2`].
        AUX_TYPE_PERF_FG_GC_SUCCESS = 0x14,
        /// [`Failure`], [`FailureV2`].
        AUX_TYPE_PERF_FG_FAILURE = 0x15,
        /// [`OsVersionInfo`].
        AUX_TYPE_OSVERSIONINFO = 0x16,
        /// [`ExOrgInfo`].
        AUX_TYPE_EXORGINFO = 0x17,
        /// [`PerfAccountInfo`].
        AUX_TYPE_PERF_ACCOUNTINFO = 0x18,
        /// [`ServerCapabilities`].
        AUX_TYPE_SERVER_CAPABILITIES = 0x46,
        /// [`EndpointCapabilities`].
        AUX_TYPE_ENDPOINT_CAPABILITIES = 0x48,
        /// A server's account of an exception; its layout is not documented.
        AUX_TYPE_EXCEPTION_TRACE = 0x49,
        /// [`ClientConnectionInfo`].
        AUX_CLIENT_CONNECTION_INFO = 0x4a,
        /// [`ServerSessionInfo`].
        AUX_SERVER_SESSION_INFO = 0x4b,
        /// [`ProtocolDeviceIdentification`].
        AUX_PROTOCOL_DEVICE_IDENTIFICATION = 0x4e,
    }
}

/// The blocks of `rgbAuxIn` or `rgbAuxOut`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuxBuffer {
    /// The blocks, in order.
    pub blocks: Vec<AuxBlock>,
    /// What is left where no header fits any more: at most three bytes.
    pub trailing: Vec<u8>,
}

/// An `AUX_HEADER` with what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuxBlock {
    /// Which layout `body` has.
    pub version: AuxVersion,
    /// What `body` is.
    pub aux_type: AuxType,
    /// The block itself.
    pub body: AuxBody,
    /// What the header's size covers behind the block: padding, or fields that nobody here knows.
    pub padding: Vec<u8>,
}

impl AuxBlock {
    /// A block without padding.
    pub const fn new(version: AuxVersion, aux_type: AuxType, body: AuxBody) -> Self {
        Self { version, aux_type, body, padding: Vec::new() }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self> {
        let start = r.offset();
        let size = r.u16("Size")?;
        let version = AuxVersion(r.u8("Version")?);
        let aux_type = AuxType(r.u8("Type")?);
        let Some(length) = usize::from(size).checked_sub(HEADER_SIZE) else {
            return Err(Error::invalid("Size", start, u64::from(size), "at least 4, the header's own size"));
        };
        let content = r.sub(length, "Payload")?;
        let (body, padding) = AuxBody::read(version, aux_type, content);
        Ok(Self { version, aux_type, body, padding })
    }
}

impl Decode<'_> for AuxBlock {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        Self::read(r).map_err(|error| error.within("AUX_HEADER"))
    }
}

impl Encode for AuxBlock {
    /// Writes the block; whether its type goes with its body is the caller's concern.
    ///
    /// # Errors
    /// For a block of more than 65,535 bytes.
    fn encode(&self, w: &mut Writer) -> Result<()> {
        let start = w.len();
        let mark = w.mark16();
        w.u8(self.version.0).u8(self.aux_type.0);
        self.body.write(w)?;
        w.bytes(&self.padding);
        let size = w.len().saturating_sub(start);
        w.fill16(mark, size, "Size").map_err(|error| error.within("AUX_HEADER"))
    }
}

impl AuxBuffer {
    /// A buffer of `blocks`.
    pub const fn new(blocks: Vec<AuxBlock>) -> Self {
        Self { blocks, trailing: Vec::new() }
    }

    /// Reads `rgbAuxIn` or `rgbAuxOut` with its extended header; `None` where it is empty.
    ///
    /// # Errors
    /// When the extended buffer or a block's size is not sound.
    pub fn unpack(rgb: &[u8]) -> Result<Option<Self>> {
        if rgb.is_empty() {
            return Ok(None);
        }
        Self::from_bytes(&decode_one(rgb)?.payload).map(Some)
    }

    /// The first block of this type, whatever its version.
    pub fn find(&self, aux_type: AuxType) -> Option<&AuxBlock> {
        self.blocks.iter().find(|block| block.aux_type == aux_type)
    }
}

impl Decode<'_> for AuxBuffer {
    /// Reads all that is left in `r`.
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let mut blocks = Vec::new();
        while r.remaining() >= HEADER_SIZE {
            // Every block takes four bytes at least, so that there are no more than a quarter of the bytes.
            blocks.push(AuxBlock::decode(r)?);
        }
        Ok(Self { blocks, trailing: r.rest().to_vec() })
    }
}

impl Encode for AuxBuffer {
    /// Writes the blocks.
    ///
    /// # Errors
    /// As [`AuxBlock`], and for more trailing bytes than a reader would leave alone.
    fn encode(&self, w: &mut Writer) -> Result<()> {
        self.blocks.iter().try_for_each(|block| block.encode(w))?;
        if self.trailing.len() >= HEADER_SIZE {
            let length = u64::try_from(self.trailing.len()).unwrap_or(u64::MAX);
            let kind = ErrorKind::TooLong { length, limit: 3 };
            return Err(Error::new(kind, "trailing", w.len()).within("AUX_HEADER"));
        }
        w.bytes(&self.trailing);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
