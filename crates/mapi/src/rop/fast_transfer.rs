//! `FastTransfer`: objects as streams, down and up ([MS-OXCROPS] 2.2.12, [MS-OXCFXICS] 2.2.3.1). What the
//! buffers hold is not decoded here: a stream goes across many of them.

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
    /// How the stream was made that is uploaded ([MS-OXCFXICS] 2.2.3.1.2.1.1).
    pub struct SourceOperation(u8) {
        /// By `RopFastTransferSourceCopyTo`.
        COPY_TO = 0x01,
        /// By `RopFastTransferSourceCopyProperties`.
        COPY_PROPERTIES = 0x02,
        /// By `RopFastTransferSourceCopyMessages`.
        COPY_MESSAGES = 0x03,
        /// By `RopFastTransferSourceCopyFolder`.
        COPY_FOLDER = 0x04,
    }
}

flags_field! {
    /// How an upload goes ([MS-OXCFXICS] 2.2.3.1.2.1.1).
    pub struct DestinationCopyFlags(u8) {
        /// It is part of moving the object.
        MOVE = 0x01,
    }
}

flags_field! {
    /// What of a folder is transferred ([MS-OXCFXICS] 2.2.3.1.1.4.1).
    pub struct FolderCopyFlags(u8) {
        /// It is part of moving the folder.
        MOVE = 0x01,
        /// The folders in it too.
        COPY_SUBFOLDERS = 0x10,
    }
}

flags_field! {
    /// How messages are transferred ([MS-OXCFXICS] 2.2.3.1.1.3.1).
    pub struct MessageCopyFlags(u8) {
        /// It is part of moving them.
        MOVE = 0x01,
        /// Bodies as they were first written, not only as RTF.
        BEST_BODY = 0x10,
        /// With what is known of their changes.
        SEND_ENTRY_ID = 0x20,
    }
}

flags_field! {
    /// How an object is transferred ([MS-OXCFXICS] 2.2.3.1.1.1.1).
    pub struct CopyToFlags(u32) {
        /// It is part of moving the object.
        MOVE = 0x0000_0001,
        /// Bodies as they were first written, not only as RTF.
        BEST_BODY = 0x0000_2000,
    }
}

flags_field! {
    /// How properties are transferred ([MS-OXCFXICS] 2.2.3.1.1.2.1).
    pub struct PropertyCopyFlags(u8) {
        /// It is part of moving them.
        MOVE = 0x01,
    }
}

flags_field! {
    /// How texts stand in a stream, and what else the client can read ([MS-OXCFXICS] 2.2.3.1.1.1.1).
    pub struct SendOptions(u8) {
        /// Texts in UTF-16 where they are stored so.
        UNICODE = 0x01,
        /// Texts of other code pages with these.
        USE_CPID = 0x02,
        /// Errors in the stream from which it goes on.
        RECOVER_MODE = 0x04,
        /// All texts in UTF-16.
        FORCE_UNICODE = 0x08,
        /// Parts of messages.
        PARTIAL_ITEM = 0x10,
    }
}

enum_field! {
    /// How far a transfer is ([MS-OXCFXICS] 2.2.3.1.1.5.2).
    pub struct TransferStatus(u16) {
        /// It failed.
        ERROR = 0x0000,
        /// There is more.
        PARTIAL = 0x0001,
        /// There is more, and the buffer had no room for it.
        NO_ROOM = 0x0002,
        /// It is done.
        DONE = 0x0003,
    }
}

structure! {
    /// Begins an upload ([MS-OXCROPS] 2.2.12.1.1).
    pub struct RopFastTransferDestinationConfigureRequest: Rop as "RopFastTransferDestinationConfigure" {
        /// Where the handle of the upload goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// How the stream was made.
        pub source_operation: SourceOperation = "SourceOperation",
        /// How it goes.
        pub copy_flags: DestinationCopyFlags = "CopyFlags",
    }
}

structure! {
    /// Uploads a part of a stream ([MS-OXCROPS] 2.2.12.2.1).
    pub struct RopFastTransferDestinationPutBufferRequest: Rop as "RopFastTransferDestinationPutBuffer" {
        /// The part.
        pub transfer_data: Bytes16 = "TransferData",
    }
}

structure! {
    /// What became of an uploaded part ([MS-OXCROPS] 2.2.12.2.2). It is there on failure too.
    pub struct RopFastTransferDestinationPutBufferResponse: Rop as "RopFastTransferDestinationPutBuffer" {
        /// How far the upload is; clients ignore it.
        pub transfer_status: TransferStatus = "TransferStatus",
        /// How many steps are done.
        pub in_progress_count: u16 = "InProgressCount",
        /// How many steps there are, about.
        pub total_step_count: u16 = "TotalStepCount",
        /// Zero.
        pub reserved: u8 = "Reserved",
        /// How many bytes of the part were used.
        pub buffer_used_size: u16 = "BufferUsedSize",
    }
}

plain_response!(RopFastTransferDestinationPutBufferResponse as "RopFastTransferDestinationPutBuffer", always);

/// Uploads a part of a stream ([MS-OXCROPS] 2.2.12.3.1); its fields are those of the plain upload.
pub type RopFastTransferDestinationPutBufferExtendedRequest = RopFastTransferDestinationPutBufferRequest;

structure! {
    /// What became of an uploaded part ([MS-OXCROPS] 2.2.12.3.2). It is there on failure too.
    pub struct RopFastTransferDestinationPutBufferExtendedResponse: Rop
        as "RopFastTransferDestinationPutBufferExtended"
    {
        /// How far the upload is; clients ignore it.
        pub transfer_status: TransferStatus = "TransferStatus",
        /// How many steps are done.
        pub in_progress_count: u32 = "InProgressCount",
        /// How many steps there are, about.
        pub total_step_count: u32 = "TotalStepCount",
        /// Zero.
        pub reserved: u8 = "Reserved",
        /// How many bytes of the part were used.
        pub buffer_used_size: u16 = "BufferUsedSize",
    }
}

plain_response!(
    RopFastTransferDestinationPutBufferExtendedResponse as "RopFastTransferDestinationPutBufferExtended",
    always
);

structure! {
    /// Asks for the next part of a stream ([MS-OXCROPS] 2.2.12.4.1).
    pub struct RopFastTransferSourceGetBufferRequest: Rop as "RopFastTransferSourceGetBuffer" {
        /// How many bytes at most.
        pub buffer_size: SizeOrSentinel = "BufferSize",
        /// How many bytes at most, where the server may take all the room that there is.
        pub maximum_buffer_size: Option<u16> = "MaximumBufferSize" by buffer_size,
    }
}

/// The next part of a stream ([MS-OXCROPS] 2.2.12.4.2). It is there on failure too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RopFastTransferSourceGetBufferResponse {
    /// How far the download is.
    pub transfer_status: TransferStatus,
    /// How many steps are done.
    pub in_progress_count: u16,
    /// How many steps there are, about.
    pub total_step_count: u16,
    /// Zero.
    pub reserved: u8,
    /// The next part, or the time until the client may ask again.
    pub content: TransferContent,
}

/// What a download answers with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferContent {
    /// The next part of the stream.
    Buffer(Vec<u8>),
    /// The server is busy.
    Backoff {
        /// The size of a part that is not there.
        transfer_buffer_size: u16,
        /// After how many milliseconds to try again.
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
    const LEFT_OUT_BELOW: Option<usize> = Some(9);

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
                w.u16(size.map_err(|_| too_long(buffer.len(), w, "TransferBuffer"))?).bytes(buffer);
            }
            TransferContent::Backoff { transfer_buffer_size, backoff_time } => {
                w.u16(*transfer_buffer_size).u32(*backoff_time);
            }
        }
        Ok(())
    }
}

structure! {
    /// Begins the download of a folder ([MS-OXCROPS] 2.2.12.5.1).
    pub struct RopFastTransferSourceCopyFolderRequest: Rop as "RopFastTransferSourceCopyFolder" {
        /// Where the handle of the download goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// What of it.
        pub copy_flags: FolderCopyFlags = "CopyFlags",
        /// How texts stand in the stream.
        pub send_options: SendOptions = "SendOptions",
    }
}

structure! {
    /// Begins the download of messages ([MS-OXCROPS] 2.2.12.6.1).
    pub struct RopFastTransferSourceCopyMessagesRequest: Rop as "RopFastTransferSourceCopyMessages" {
        /// Where the handle of the download goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// Which messages of the folder.
        pub message_ids: List16<MessageId> = "MessageIds",
        /// How.
        pub copy_flags: MessageCopyFlags = "CopyFlags",
        /// How texts stand in the stream.
        pub send_options: SendOptions = "SendOptions",
    }
}

structure! {
    /// Begins the download of an object but for some of it ([MS-OXCROPS] 2.2.12.7.1).
    pub struct RopFastTransferSourceCopyToRequest: Rop as "RopFastTransferSourceCopyTo" {
        /// Where the handle of the download goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// Whether the objects in it are left out.
        pub level: Bool = "Level",
        /// How.
        pub copy_flags: CopyToFlags = "CopyFlags",
        /// How texts stand in the stream.
        pub send_options: SendOptions = "SendOptions",
        /// The properties that are left out.
        pub property_tags: List16<PropTag> = "PropertyTags",
    }
}

structure! {
    /// Begins the download of some of an object ([MS-OXCROPS] 2.2.12.8.1).
    pub struct RopFastTransferSourceCopyPropertiesRequest: Rop as "RopFastTransferSourceCopyProperties" {
        /// Where the handle of the download goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// Whether the objects in it are left out.
        pub level: Bool = "Level",
        /// How.
        pub copy_flags: PropertyCopyFlags = "CopyFlags",
        /// How texts stand in the stream.
        pub send_options: SendOptions = "SendOptions",
        /// The properties that are wanted.
        pub property_tags: List16<PropTag> = "PropertyTags",
    }
}

structure! {
    /// Tells one server the version of the other that objects are transferred to or from ([MS-OXCROPS]
    /// 2.2.12.9.1).
    pub struct RopTellVersionRequest: Rop as "RopTellVersion" {
        /// The version, as [MS-OXCRPC] 3.1.4.1.3 packs it: product, build, build within it.
        pub version: Version = "Version",
    }
}

/// A server's version in three numbers.
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
