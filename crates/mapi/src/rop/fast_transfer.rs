//! FastTransfer: download and upload of objects as streams ([MS-OXCROPS] 2.2.12, [MS-OXCFXICS] 2.2.3.1). The buffers
//! are not decoded here, since a stream consists of many of them; see [`crate::fast_transfer`].

use wire::{Reader, Result, Writer};

use super::context::ResponseContext;
use super::field::{Bool, Bytes16, List16, OutputHandleIndex, too_long};
use super::format::Rop;
use super::response_fields::{ResponseFields, plain_response};
use super::stream::SizeOrSentinel;
use crate::ErrorCode;
use crate::data::MessageId;
use crate::field::{Field, enum_field, flags_field, structure};
use crate::inspect::{Inspect, Node};
use crate::property::PropTag;

enum_field! {
    /// The operation that created the uploaded stream ([MS-OXCFXICS] 2.2.3.1.2.1.1).
    pub struct SourceOperation(u8) {
        /// `RopFastTransferSourceCopyTo`.
        COPY_TO = 0x01,
        /// `RopFastTransferSourceCopyProperties`.
        COPY_PROPERTIES = 0x02,
        /// `RopFastTransferSourceCopyMessages`.
        COPY_MESSAGES = 0x03,
        /// `RopFastTransferSourceCopyFolder`.
        COPY_FOLDER = 0x04,
    }
}

flags_field! {
    /// The options of an upload ([MS-OXCFXICS] 2.2.3.1.2.1.1).
    pub struct DestinationCopyFlags(u8) {
        /// The upload is part of a move.
        MOVE = 0x01,
    }
}

flags_field! {
    /// The options of the download of a folder ([MS-OXCFXICS] 2.2.3.1.1.4.1).
    pub struct FolderCopyFlags(u8) {
        /// The download is part of a move.
        MOVE = 0x01,
        /// Subfolders are included.
        COPY_SUBFOLDERS = 0x10,
    }
}

flags_field! {
    /// The options of the download of messages ([MS-OXCFXICS] 2.2.3.1.1.3.1).
    pub struct MessageCopyFlags(u8) {
        /// The download is part of a move.
        MOVE = 0x01,
        /// Message bodies are sent in their original format, not only as RTF.
        BEST_BODY = 0x10,
        /// Identifiers and change information of messages are included.
        SEND_ENTRY_ID = 0x20,
    }
}

flags_field! {
    /// The options of the download of an object ([MS-OXCFXICS] 2.2.3.1.1.1.1).
    pub struct CopyToFlags(u32) {
        /// The download is part of a move.
        MOVE = 0x0000_0001,
        /// Message bodies are sent in their original format, not only as RTF.
        BEST_BODY = 0x0000_2000,
    }
}

flags_field! {
    /// The options of the download of properties ([MS-OXCFXICS] 2.2.3.1.1.2.1).
    pub struct PropertyCopyFlags(u8) {
        /// The download is part of a move.
        MOVE = 0x01,
    }
}

flags_field! {
    /// The encoding of texts in a stream, and further capabilities of the client ([MS-OXCFXICS] 2.2.3.1.1.1.1).
    pub struct SendOptions(u8) {
        /// Texts that are stored in Unicode are sent as UTF-16.
        UNICODE = 0x01,
        /// Texts in code pages are sent with the code page.
        USE_CPID = 0x02,
        /// The client can continue after errors in the stream.
        RECOVER_MODE = 0x04,
        /// All texts are sent as UTF-16.
        FORCE_UNICODE = 0x08,
        /// The client supports changes of parts of messages.
        PARTIAL_ITEM = 0x10,
    }
}

enum_field! {
    /// The progress of a transfer ([MS-OXCFXICS] 2.2.3.1.1.5.2).
    pub struct TransferStatus(u16) {
        /// The transfer failed.
        ERROR = 0x0000,
        /// More data follow.
        PARTIAL = 0x0001,
        /// More data follow, which did not fit into the buffer.
        NO_ROOM = 0x0002,
        /// The transfer is complete.
        DONE = 0x0003,
    }
}

structure! {
    /// `RopFastTransferDestinationConfigure`: begins an upload ([MS-OXCROPS] 2.2.12.1.1).
    pub struct RopFastTransferDestinationConfigureRequest: Rop as "RopFastTransferDestinationConfigure" {
        /// The index in the handle table at which the new object's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// The operation that created the stream.
        pub source_operation: SourceOperation = "SourceOperation",
        /// The options of the upload.
        pub copy_flags: DestinationCopyFlags = "CopyFlags",
    }
}

structure! {
    /// `RopFastTransferDestinationPutBuffer`: uploads the next part of a stream ([MS-OXCROPS] 2.2.12.2.1).
    pub struct RopFastTransferDestinationPutBufferRequest: Rop as "RopFastTransferDestinationPutBuffer" {
        /// The next part of the stream.
        pub transfer_data: Bytes16 = "TransferData",
    }
}

structure! {
    /// `RopFastTransferDestinationPutBuffer`: the response ([MS-OXCROPS] 2.2.12.2.2). Its fields are present on failure
    /// as well.
    pub struct RopFastTransferDestinationPutBufferResponse: Rop as "RopFastTransferDestinationPutBuffer" {
        /// The progress of the upload; clients ignore it.
        pub transfer_status: TransferStatus = "TransferStatus",
        /// The number of completed steps.
        pub in_progress_count: u16 = "InProgressCount",
        /// The approximate total number of steps.
        pub total_step_count: u16 = "TotalStepCount",
        /// Reserved; zero.
        pub reserved: u8 = "Reserved",
        /// The number of uploaded bytes that were processed.
        pub buffer_used_size: u16 = "BufferUsedSize",
    }
}

plain_response!(RopFastTransferDestinationPutBufferResponse as "RopFastTransferDestinationPutBuffer", always);

/// `RopFastTransferDestinationPutBufferExtended`: uploads the next part of a stream ([MS-OXCROPS] 2.2.12.3.1); its
/// fields are those of `RopFastTransferDestinationPutBuffer`.
pub type RopFastTransferDestinationPutBufferExtendedRequest = RopFastTransferDestinationPutBufferRequest;

structure! {
    /// `RopFastTransferDestinationPutBufferExtended`: the response ([MS-OXCROPS] 2.2.12.3.2). Its fields are present on
    /// failure as well.
    pub struct RopFastTransferDestinationPutBufferExtendedResponse: Rop
        as "RopFastTransferDestinationPutBufferExtended"
    {
        /// The progress of the upload; clients ignore it.
        pub transfer_status: TransferStatus = "TransferStatus",
        /// The number of completed steps.
        pub in_progress_count: u32 = "InProgressCount",
        /// The approximate total number of steps.
        pub total_step_count: u32 = "TotalStepCount",
        /// Reserved; zero.
        pub reserved: u8 = "Reserved",
        /// The number of uploaded bytes that were processed.
        pub buffer_used_size: u16 = "BufferUsedSize",
    }
}

plain_response!(
    RopFastTransferDestinationPutBufferExtendedResponse as "RopFastTransferDestinationPutBufferExtended",
    always
);

structure! {
    /// `RopFastTransferSourceGetBuffer`: downloads the next part of a stream ([MS-OXCROPS] 2.2.12.4.1).
    pub struct RopFastTransferSourceGetBufferRequest: Rop as "RopFastTransferSourceGetBuffer" {
        /// The maximum size of the part, in bytes, or [`SizeOrSentinel::SENTINEL`].
        pub buffer_size: SizeOrSentinel = "BufferSize",
        /// The maximum size of the part, in bytes, if the server may use all remaining room in the response.
        pub maximum_buffer_size: Option<u16> = "MaximumBufferSize" by buffer_size,
    }
}

/// `RopFastTransferSourceGetBuffer`: the response ([MS-OXCROPS] 2.2.12.4.2). Its fields are present on failure as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RopFastTransferSourceGetBufferResponse {
    /// The progress of the download.
    pub transfer_status: TransferStatus,
    /// The number of completed steps.
    pub in_progress_count: u16,
    /// The approximate total number of steps.
    pub total_step_count: u16,
    /// Reserved; zero.
    pub reserved: u8,
    /// The next part of the stream, or the time until the client may repeat the request.
    pub content: TransferContent,
}

/// The content of a download's response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferContent {
    /// The next part of the stream.
    Buffer(Vec<u8>),
    /// The server is busy.
    Backoff {
        /// The size of a buffer that is not present.
        transfer_buffer_size: u16,
        /// The time until the client may repeat the request, in milliseconds.
        backoff_time: u32,
    },
}

impl Inspect for RopFastTransferSourceGetBufferResponse {
    fn to_node(&self) -> Node {
        let mut fields = vec![
            ("TransferStatus".into(), self.transfer_status.to_node()),
            ("InProgressCount".into(), self.in_progress_count.to_node()),
            ("TotalStepCount".into(), self.total_step_count.to_node()),
            ("Reserved".into(), self.reserved.to_node()),
        ];
        match &self.content {
            TransferContent::Buffer(buffer) => {
                fields.push(("TransferBuffer".into(), Node::Bytes(buffer.clone())));
            }
            TransferContent::Backoff { transfer_buffer_size, backoff_time } => {
                fields.push(("TransferBufferSize".into(), transfer_buffer_size.to_node()));
                fields.push(("BackoffTime".into(), backoff_time.to_node()));
            }
        }
        Node::Fields(fields)
    }
}

impl ResponseFields for RopFastTransferSourceGetBufferResponse {
    const OMITTED_BELOW: Option<usize> = Some(9);

    fn present(_return_value: ErrorCode) -> bool {
        true
    }

    fn read(r: &mut Reader<'_>, return_value: ErrorCode, _context: ResponseContext<'_>) -> Result<Self> {
        let transfer_status = TransferStatus(r.u16("TransferStatus")?);
        let in_progress_count = r.u16("InProgressCount")?;
        let total_step_count = r.u16("TotalStepCount")?;
        let reserved = r.u8("Reserved")?;
        let transfer_buffer_size = r.u16("TransferBufferSize")?;
        let content = if return_value == ErrorCode::EC_SERVER_BUSY {
            TransferContent::Backoff { transfer_buffer_size, backoff_time: r.u32("BackoffTime")? }
        } else {
            TransferContent::Buffer(r.bytes(usize::from(transfer_buffer_size), "TransferBuffer")?.to_vec())
        };
        Ok(Self { transfer_status, in_progress_count, total_step_count, reserved, content })
    }

    fn fits(&self, return_value: ErrorCode) -> bool {
        matches!(self.content, TransferContent::Backoff { .. }) == (return_value == ErrorCode::EC_SERVER_BUSY)
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        w.u16(self.transfer_status.0)
            .u16(self.in_progress_count)
            .u16(self.total_step_count)
            .u8(self.reserved);
        match &self.content {
            TransferContent::Buffer(buffer) => {
                let size = u16::try_from(buffer.len());
                w.u16(size.map_err(|_| too_long(buffer.len(), u16::MAX, w, "TransferBuffer"))?).bytes(buffer);
            }
            TransferContent::Backoff { transfer_buffer_size, backoff_time } => {
                w.u16(*transfer_buffer_size).u32(*backoff_time);
            }
        }
        Ok(())
    }
}

structure! {
    /// `RopFastTransferSourceCopyFolder`: begins the download of a folder ([MS-OXCROPS] 2.2.12.5.1).
    pub struct RopFastTransferSourceCopyFolderRequest: Rop as "RopFastTransferSourceCopyFolder" {
        /// The index in the handle table at which the new object's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// The options of the download.
        pub copy_flags: FolderCopyFlags = "CopyFlags",
        /// The encoding of texts in the stream.
        pub send_options: SendOptions = "SendOptions",
    }
}

structure! {
    /// `RopFastTransferSourceCopyMessages`: begins the download of messages ([MS-OXCROPS] 2.2.12.6.1).
    pub struct RopFastTransferSourceCopyMessagesRequest: Rop as "RopFastTransferSourceCopyMessages" {
        /// The index in the handle table at which the new object's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// The messages of the folder to download.
        pub message_ids: List16<MessageId> = "MessageIds",
        /// The options of the download.
        pub copy_flags: MessageCopyFlags = "CopyFlags",
        /// The encoding of texts in the stream.
        pub send_options: SendOptions = "SendOptions",
    }
}

structure! {
    /// `RopFastTransferSourceCopyTo`: begins the download of an object except for some properties ([MS-OXCROPS]
    /// 2.2.12.7.1).
    pub struct RopFastTransferSourceCopyToRequest: Rop as "RopFastTransferSourceCopyTo" {
        /// The index in the handle table at which the new object's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// Whether nested objects are excluded.
        pub level: Bool = "Level",
        /// The options of the download.
        pub copy_flags: CopyToFlags = "CopyFlags",
        /// The encoding of texts in the stream.
        pub send_options: SendOptions = "SendOptions",
        /// The properties to exclude.
        pub property_tags: List16<PropTag> = "PropertyTags",
    }
}

structure! {
    /// `RopFastTransferSourceCopyProperties`: begins the download of some properties of an object ([MS-OXCROPS]
    /// 2.2.12.8.1).
    pub struct RopFastTransferSourceCopyPropertiesRequest: Rop as "RopFastTransferSourceCopyProperties" {
        /// The index in the handle table at which the new object's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// Whether nested objects are excluded.
        pub level: Bool = "Level",
        /// The options of the download.
        pub copy_flags: PropertyCopyFlags = "CopyFlags",
        /// The encoding of texts in the stream.
        pub send_options: SendOptions = "SendOptions",
        /// The properties to download.
        pub property_tags: List16<PropTag> = "PropertyTags",
    }
}

structure! {
    /// `RopTellVersion`: sends the version of the server from or to which objects are transferred ([MS-OXCROPS]
    /// 2.2.12.9.1).
    pub struct RopTellVersionRequest: Rop as "RopTellVersion" {
        /// The version, in the form of [MS-OXCRPC] 3.1.4.1.3: product, build major and build minor.
        pub version: Version = "Version",
    }
}

/// The version of a server as three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Version(pub [u16; 3]);

impl Inspect for Version {
    fn to_node(&self) -> Node {
        let [a, b, c] = self.0;
        Node::List(vec![a.to_node(), b.to_node(), c.to_node()])
    }
}

impl Field<Rop> for Version {
    const MIN_SIZE: usize = 6;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        Ok(Self([r.u16(field)?, r.u16(field)?, r.u16(field)?]))
    }

    fn write(&self, w: &mut Writer, _field: &'static str) -> Result<()> {
        for part in self.0 {
            w.u16(part);
        }
        Ok(())
    }
}
