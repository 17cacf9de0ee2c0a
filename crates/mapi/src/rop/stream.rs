//! Streams, by which the value of a property is read and written in parts ([MS-OXCROPS] 2.2.9, [MS-OXCPRPT] 2.2.14 to
//! 2.2.26).

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
    /// The access to an opened stream ([MS-OXCPRPT] 2.2.14.1).
    pub struct StreamOpenModeFlags(u8) {
        /// The stream is opened for reading.
        READ_ONLY = 0x00,
        /// The stream is opened for reading and writing.
        READ_WRITE = 0x01,
        /// The value is deleted, and the stream is opened for reading and writing.
        CREATE = 0x02,
        /// The stream is opened for reading and writing if permitted, otherwise for reading.
        BEST_ACCESS = 0x03,
    }
}

enum_field! {
    /// The position to which an offset is relative ([MS-OXCPRPT] 2.2.21.1).
    pub struct Origin(u8) {
        /// The beginning of the stream.
        BEGINNING = 0x00,
        /// The current position.
        CURRENT = 0x01,
        /// The end of the stream.
        END = 0x02,
    }
}

enum_field! {
    /// The access of others to a locked region ([MS-OXCPRPT] 2.2.24.1).
    pub struct LockFlags(u32) {
        /// Others may read the region. With any other value, they have no access.
        READ_ONLY = 0x0000_0001,
    }
}

/// A maximum size in bytes, or the indication that another field contains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SizeOrSentinel(pub u16);

impl SizeOrSentinel {
    /// The indication that the next field contains the size.
    pub const SENTINEL: Self = Self(0xBABE);

    /// Whether the next field contains the size.
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

/// A field that is present exactly if an earlier size is [`SizeOrSentinel::SENTINEL`].
impl<T: Field<Rop>> FieldBy<Rop, SizeOrSentinel> for Option<T> {
    fn read_by(r: &mut Reader<'_>, field: &'static str, by: &SizeOrSentinel) -> Result<Self> {
        by.is_sentinel().then(|| T::read(r, field)).transpose()
    }

    fn write_by(&self, w: &mut Writer, field: &'static str, by: &SizeOrSentinel) -> Result<()> {
        write_optional(self.as_ref(), w, field, by.is_sentinel())
    }
}

structure! {
    /// `RopOpenStream`: opens a property as a stream ([MS-OXCROPS] 2.2.9.1.1).
    pub struct RopOpenStreamRequest: Rop as "RopOpenStream" {
        /// The index in the handle table at which the new stream's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// The property of the object.
        pub property_tag: PropTag = "PropertyTag",
        /// The requested access.
        pub open_mode_flags: StreamOpenModeFlags = "OpenModeFlags",
    }
}

rop_response! {
    /// `RopOpenStream`: the response ([MS-OXCROPS] 2.2.9.1.2).
    pub struct RopOpenStreamResponse as "RopOpenStream" {
        /// The size of the stream, in bytes.
        pub stream_size: u32 = "StreamSize",
    }
}

structure! {
    /// `RopReadStream`: reads from a stream ([MS-OXCROPS] 2.2.9.2.1).
    pub struct RopReadStreamRequest: Rop as "RopReadStream" {
        /// The maximum number of bytes to read, or [`SizeOrSentinel::SENTINEL`].
        pub byte_count: SizeOrSentinel = "ByteCount",
        /// The maximum number of bytes to read, which may exceed 65,535.
        pub maximum_byte_count: Option<u32> = "MaximumByteCount" by byte_count,
    }
}

impl RopReadStreamRequest {
    /// The maximum number of bytes to read.
    pub fn limit(&self) -> u32 {
        self.maximum_byte_count.unwrap_or(u32::from(self.byte_count.0))
    }
}

structure! {
    /// `RopReadStream`: the response ([MS-OXCROPS] 2.2.9.2.2). Its fields are present on failure as well.
    pub struct RopReadStreamResponse: Rop as "RopReadStream" {
        /// The bytes: fewer than requested at the end of the stream, or if the response has no more room.
        pub data: Bytes16 = "Data",
    }
}

plain_response!(RopReadStreamResponse as "RopReadStream", always);

structure! {
    /// `RopWriteStream`: writes to a stream ([MS-OXCROPS] 2.2.9.3.1).
    pub struct RopWriteStreamRequest: Rop as "RopWriteStream" {
        /// The bytes to write.
        pub data: Bytes16 = "Data",
    }
}

structure! {
    /// `RopWriteStream`: the response ([MS-OXCROPS] 2.2.9.3.2). Its fields are present on failure as well.
    pub struct RopWriteStreamResponse: Rop as "RopWriteStream" {
        /// The number of bytes that were written.
        pub written_size: u16 = "WrittenSize",
    }
}

plain_response!(RopWriteStreamResponse as "RopWriteStream", always);

structure! {
    /// `RopWriteStreamExtended`: writes to a stream from several buffers ([MS-OXCROPS] 2.2.9.4.1).
    pub struct RopWriteStreamExtendedRequest: Rop as "RopWriteStreamExtended" {
        /// The bytes in this buffer.
        pub data: Bytes16 = "Data",
    }
}

structure! {
    /// `RopWriteStreamExtended`: the response ([MS-OXCROPS] 2.2.9.4.2). Its fields are present on failure as well.
    pub struct RopWriteStreamExtendedResponse: Rop as "RopWriteStreamExtended" {
        /// The number of bytes that were written.
        pub written_size: u32 = "WrittenSize",
    }
}

plain_response!(RopWriteStreamExtendedResponse as "RopWriteStreamExtended", always);

rop_response! {
    /// `RopGetStreamSize`: the response ([MS-OXCROPS] 2.2.9.6.2).
    pub struct RopGetStreamSizeResponse as "RopGetStreamSize" {
        /// The size of the stream, in bytes.
        pub stream_size: u32 = "StreamSize",
    }
}

structure! {
    /// `RopSetStreamSize`: sets the size of a stream ([MS-OXCROPS] 2.2.9.7.1).
    pub struct RopSetStreamSizeRequest: Rop as "RopSetStreamSize" {
        /// The new size, in bytes.
        pub stream_size: u64 = "StreamSize",
    }
}

structure! {
    /// `RopSeekStream`: moves the position of a stream ([MS-OXCROPS] 2.2.9.8.1).
    pub struct RopSeekStreamRequest: Rop as "RopSeekStream" {
        /// The position to which `offset` is relative.
        pub origin: Origin = "Origin",
        /// The offset in bytes; may be negative unless it is relative to the beginning.
        pub offset: i64 = "Offset",
    }
}

rop_response! {
    /// `RopSeekStream`: the response ([MS-OXCROPS] 2.2.9.8.2).
    pub struct RopSeekStreamResponse as "RopSeekStream" {
        /// The new position, in bytes from the beginning.
        pub new_position: u64 = "NewPosition",
    }
}

structure! {
    /// `RopCopyToStream`: copies from the position of one stream to that of another ([MS-OXCROPS] 2.2.9.9.1).
    pub struct RopCopyToStreamRequest: Rop as "RopCopyToStream" {
        /// The destination stream.
        pub dest_handle_index: DestHandleIndex = "DestHandleIndex",
        /// The number of bytes to copy.
        pub byte_count: u64 = "ByteCount",
    }
}

/// `RopCopyToStream`: the response ([MS-OXCROPS] 2.2.9.9.2, 2.2.9.9.3). Its fields are present on failure as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RopCopyToStreamResponse {
    /// The handle index of the destination from the request, if the error is [`ErrorCode::EC_DST_NULL_OBJECT`].
    pub dest_handle_index: Option<u32>,
    /// The number of bytes that were read.
    pub read_byte_count: u64,
    /// The number of bytes that were written.
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
    const OMITTED_BELOW: Option<usize> = Some(16);

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
    /// `RopLockRegionStream`: locks a region of a stream ([MS-OXCROPS] 2.2.9.10.1).
    pub struct RopLockRegionStreamRequest: Rop as "RopLockRegionStream" {
        /// The offset of the region, in bytes.
        pub region_offset: u64 = "RegionOffset",
        /// The size of the region, in bytes.
        pub region_size: u64 = "RegionSize",
        /// The access of others to the region.
        pub lock_flags: LockFlags = "LockFlags",
    }
}

/// `RopUnlockRegionStream`: unlocks a region of a stream ([MS-OXCROPS] 2.2.9.11.1); its fields are those of
/// `RopLockRegionStream`.
pub type RopUnlockRegionStreamRequest = RopLockRegionStreamRequest;

/// `RopWriteAndCommitStream`: writes to a stream and commits it ([MS-OXCROPS] 2.2.9.12.1).
pub type RopWriteAndCommitStreamRequest = RopWriteStreamRequest;

/// `RopWriteAndCommitStream`: the response ([MS-OXCROPS] 2.2.9.12.2).
pub type RopWriteAndCommitStreamResponse = RopWriteStreamResponse;

structure! {
    /// `RopCloneStream`: opens a second stream on the same value ([MS-OXCROPS] 2.2.9.13.1).
    pub struct RopCloneStreamRequest: Rop as "RopCloneStream" {
        /// The index in the handle table at which the new stream's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
    }
}
