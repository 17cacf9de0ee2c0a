//! Streams: a property's value read and written in parts ([MS-OXCROPS] 2.2.9, [MS-OXCPRPT] 2.2.14 to 2.2.26).

use wire::{Reader, Result, Writer};

use super::context::ResponseContext;
use super::field::{Bytes16, DestHandleIndex, OutputHandleIndex};
use super::format::Rop;
use super::response_fields::{ResponseFields, plain_response, rop_response};
use crate::ErrorCode;
use crate::field::{Field, FieldBy, enum_field, newtype_field, structure, write_optional};
use crate::inspect::{Inspect, Node};
use crate::property::PropTag;

enum_field! {
    /// How a stream is opened ([MS-OXCPRPT] 2.2.14.1).
    pub struct StreamOpenModeFlags(u8) {
        /// To be read.
        READ_ONLY = 0x00,
        /// To be read and written.
        READ_WRITE = 0x01,
        /// To be read and written, after the present value was deleted.
        CREATE = 0x02,
        /// To be read, and to be written where that is permitted.
        BEST_ACCESS = 0x03,
    }
}

enum_field! {
    /// From where an offset counts ([MS-OXCPRPT] 2.2.21.1).
    pub struct Origin(u8) {
        /// From the start of the stream.
        BEGINNING = 0x00,
        /// From the present position.
        CURRENT = 0x01,
        /// From the end of the stream.
        END = 0x02,
    }
}

enum_field! {
    /// What others may still do with a locked region ([MS-OXCPRPT] 2.2.24.1).
    pub struct LockFlags(u32) {
        /// Read it, but not write it. Every other value shuts them out altogether.
        READ_ONLY = 0x0000_0001,
    }
}

/// How many bytes are asked for, or that this stands in a field behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SizeOrSentinel(pub u16);

impl SizeOrSentinel {
    /// The size is in the field behind it.
    pub const SENTINEL: Self = Self(0xBABE);

    /// Whether the size is in the field behind it.
    pub const fn is_sentinel(self) -> bool {
        self.0 == Self::SENTINEL.0
    }
}

impl Inspect for SizeOrSentinel {
    fn to_node(&self) -> Node {
        self.0.to_node()
    }
}

newtype_field!(SizeOrSentinel(u16));

/// What is there only where the size before it says so.
impl<T: Field<Rop>> FieldBy<Rop, SizeOrSentinel> for Option<T> {
    fn read_by(r: &mut Reader<'_>, field: &'static str, by: &SizeOrSentinel) -> Result<Self> {
        by.is_sentinel().then(|| T::read(r, field)).transpose()
    }

    fn write_by(&self, w: &mut Writer, field: &'static str, by: &SizeOrSentinel) -> Result<()> {
        write_optional(self.as_ref(), w, field, by.is_sentinel())
    }
}

structure! {
    /// Opens a property as a stream ([MS-OXCROPS] 2.2.9.1.1).
    pub struct RopOpenStreamRequest: Rop as "RopOpenStream" {
        /// Where its handle goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// Which property of the object.
        pub property_tag: PropTag = "PropertyTag",
        /// How.
        pub open_mode_flags: StreamOpenModeFlags = "OpenModeFlags",
    }
}

rop_response! {
    /// A stream is open ([MS-OXCROPS] 2.2.9.1.2).
    pub struct RopOpenStreamResponse as "RopOpenStream" {
        /// Its size in bytes.
        pub stream_size: u32 = "StreamSize",
    }
}

structure! {
    /// Reads from a stream ([MS-OXCROPS] 2.2.9.2.1).
    pub struct RopReadStreamRequest: Rop as "RopReadStream" {
        /// How many bytes at most.
        pub byte_count: SizeOrSentinel = "ByteCount",
        /// How many bytes at most, where that may be more than 65,535.
        pub maximum_byte_count: Option<u32> = "MaximumByteCount" by byte_count,
    }
}

impl RopReadStreamRequest {
    /// How many bytes are asked for at most.
    pub fn limit(&self) -> u32 {
        self.maximum_byte_count.unwrap_or(u32::from(self.byte_count.0))
    }
}

structure! {
    /// What was read from a stream ([MS-OXCROPS] 2.2.9.2.2). It is there on failure too.
    pub struct RopReadStreamResponse: Rop as "RopReadStream" {
        /// The bytes: fewer than asked for where the stream ends, or the answer has no more room.
        pub data: Bytes16 = "Data",
    }
}

plain_response!(RopReadStreamResponse as "RopReadStream", always);

structure! {
    /// Writes to a stream ([MS-OXCROPS] 2.2.9.3.1).
    pub struct RopWriteStreamRequest: Rop as "RopWriteStream" {
        /// The bytes.
        pub data: Bytes16 = "Data",
    }
}

structure! {
    /// How much was written to a stream ([MS-OXCROPS] 2.2.9.3.2). It is there on failure too.
    pub struct RopWriteStreamResponse: Rop as "RopWriteStream" {
        /// How many bytes.
        pub written_size: u16 = "WrittenSize",
    }
}

plain_response!(RopWriteStreamResponse as "RopWriteStream", always);

structure! {
    /// Writes to a stream, and more than one buffer holds ([MS-OXCROPS] 2.2.9.4.1).
    pub struct RopWriteStreamExtendedRequest: Rop as "RopWriteStreamExtended" {
        /// The bytes that are in this buffer.
        pub data: Bytes16 = "Data",
    }
}

structure! {
    /// How much was written to a stream ([MS-OXCROPS] 2.2.9.4.2). It is there on failure too.
    pub struct RopWriteStreamExtendedResponse: Rop as "RopWriteStreamExtended" {
        /// How many bytes.
        pub written_size: u32 = "WrittenSize",
    }
}

plain_response!(RopWriteStreamExtendedResponse as "RopWriteStreamExtended", always);

rop_response! {
    /// The size of a stream ([MS-OXCROPS] 2.2.9.6.2).
    pub struct RopGetStreamSizeResponse as "RopGetStreamSize" {
        /// In bytes.
        pub stream_size: u32 = "StreamSize",
    }
}

structure! {
    /// Cuts or grows a stream ([MS-OXCROPS] 2.2.9.7.1).
    pub struct RopSetStreamSizeRequest: Rop as "RopSetStreamSize" {
        /// To how many bytes.
        pub stream_size: u64 = "StreamSize",
    }
}

structure! {
    /// Goes to another place of a stream ([MS-OXCROPS] 2.2.9.8.1).
    pub struct RopSeekStreamRequest: Rop as "RopSeekStream" {
        /// From where it is counted.
        pub origin: Origin = "Origin",
        /// By how many bytes. Where it does not count from the beginning, it may be negative.
        pub offset: i64 = "Offset",
    }
}

rop_response! {
    /// Where the stream now stands ([MS-OXCROPS] 2.2.9.8.2).
    pub struct RopSeekStreamResponse as "RopSeekStream" {
        /// In bytes from the beginning.
        pub new_position: u64 = "NewPosition",
    }
}

structure! {
    /// Copies from where one stream stands to where another does ([MS-OXCROPS] 2.2.9.9.1).
    pub struct RopCopyToStreamRequest: Rop as "RopCopyToStream" {
        /// The stream that is written.
        pub dest_handle_index: DestHandleIndex = "DestHandleIndex",
        /// How many bytes.
        pub byte_count: u64 = "ByteCount",
    }
}

/// How much was copied between streams ([MS-OXCROPS] 2.2.9.9.2, 2.2.9.9.3). It is there on failure too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RopCopyToStreamResponse {
    /// The index from the request, where there is no such stream to write to
    /// ([`NULL_DESTINATION`).
    pub dest_handle_index: Option<u32>,
    /// How many bytes were read.
    pub read_byte_count: u64,
    /// How many bytes were written.
    pub written_byte_count: u64,
}

impl Inspect for RopCopyToStreamResponse {
    fn to_node(&self) -> Node {
        let mut fields = Vec::new();
        if let Some(index) = self.dest_handle_index {
            fields.push(("DestHandleIndex".into(), index.to_node()));
        }
        fields.push(("ReadByteCount".into(), self.read_byte_count.to_node()));
        fields.push(("WrittenByteCount".into(), self.written_byte_count.to_node()));
        Node::Fields(fields)
    }
}

impl ResponseFields for RopCopyToStreamResponse {
    const LEFT_OUT_BELOW: Option<usize> = Some(16);

    fn present(_return_value: ErrorCode) -> bool {
        true
    }

    fn read(r: &mut Reader<'_>, return_value: ErrorCode, _context: ResponseContext<'_>) -> Result<Self> {
        Ok(Self {
            dest_handle_index: (return_value == ErrorCode::EC_DST_NULL_OBJECT)
                .then(|| r.u32("DestHandleIndex"))
                .transpose()?,
            read_byte_count: r.u64("ReadByteCount")?,
            written_byte_count: r.u64("WrittenByteCount")?,
        })
    }

    fn fits(&self, return_value: ErrorCode) -> bool {
        self.dest_handle_index.is_some() == (return_value == ErrorCode::EC_DST_NULL_OBJECT)
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        if let Some(index) = self.dest_handle_index {
            w.u32(index);
        }
        w.u64(self.read_byte_count).u64(self.written_byte_count);
        Ok(())
    }
}

structure! {
    /// Locks a part of a stream ([MS-OXCROPS] 2.2.9.10.1).
    pub struct RopLockRegionStreamRequest: Rop as "RopLockRegionStream" {
        /// Where it begins, in bytes.
        pub region_offset: u64 = "RegionOffset",
        /// How many bytes it has.
        pub region_size: u64 = "RegionSize",
        /// What others may still do.
        pub lock_flags: LockFlags = "LockFlags",
    }
}

/// Unlocks a part of a stream ([MS-OXCROPS] 2.2.9.11.1); its fields are those of the lock.
pub type RopUnlockRegionStreamRequest = RopLockRegionStreamRequest;

/// Writes to a stream and makes it last ([MS-OXCROPS] 2.2.9.12.1).
pub type RopWriteAndCommitStreamRequest = RopWriteStreamRequest;

/// How much was written to a stream ([MS-OXCROPS] 2.2.9.12.2).
pub type RopWriteAndCommitStreamResponse = RopWriteStreamResponse;

structure! {
    /// Opens a second stream on the same value ([MS-OXCROPS] 2.2.9.13.1).
    pub struct RopCloneStreamRequest: Rop as "RopCloneStream" {
        /// Where its handle goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
    }
}
