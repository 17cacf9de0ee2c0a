//! Folders: their contents and subfolders, and changes of both.

use mapi::data::{FolderId, MessageId, Text};
use mapi::property::{PropTag, PropertyValue, TaggedValue};
use mapi::rop::folder::{
    DeleteFolderFlags, DeleteMessagesRequest, EmptyFolderRequest, FolderTableRequest, FolderType,
    RopCreateFolderRequest, RopDeleteFolderRequest, RopMoveCopyMessagesRequest, RopMoveFolderRequest,
    TableFlags,
};
use mapi::rop::message::{
    MessageOpenModeFlags, ReadFlags, RopCreateMessageRequest, RopOpenMessageRequest, RopSetReadFlagsRequest,
};
use mapi::rop::{Bool, DestHandleIndex, List16, RequestBody, ResponseBody};

use crate::error::{Error, Failure};
use crate::message::{Message, UNICODE_CODE_PAGE};
use crate::properties::Properties;
use crate::store::batch::{Batch, fields};
use crate::store::object::Object;
use crate::table::TableQuery;
use crate::values;

/// The most messages of one ROP: their ids take 16 KiB of the 32 KiB of a request.
const MAX_IDS: usize = 2000;

/// The columns of a contents table, unless [`TableQuery::columns`] sets others.
pub const MESSAGE_COLUMNS: &[PropTag] = &[
    PropTag::PidTagMid,
    PropTag::PidTagSubject,
    PropTag::PidTagSenderName,
    PropTag::PidTagMessageDeliveryTime,
    PropTag::PidTagMessageFlags,
    PropTag::PidTagMessageSize,
    PropTag::PidTagMessageClass,
    PropTag::PidTagHasAttachments,
];

/// A folder that is open.
#[derive(Debug)]
pub struct Folder {
    object: Object,
    id: FolderId,
}

/// A row of the table of subfolders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FolderInfo {
    /// `PidTagFolderId`.
    pub id: FolderId,
    /// `PidTagParentFolderId`.
    pub parent: FolderId,
    /// `PidTagDisplayName`.
    pub name: String,
    /// `PidTagContainerClass`, such as `IPF.Note`; empty if missing.
    pub class: String,
    /// The number of messages (`PidTagContentCount`).
    pub messages: u32,
    /// The number of unread messages (`PidTagContentUnreadCount`).
    pub unread: u32,
    /// Whether the folder has subfolders (`PidTagSubfolders`).
    pub has_subfolders: bool,
    /// The depth below the folder whose tree was read: 1 for its subfolders (`PidTagDepth`).
    pub depth: u32,
}

impl FolderInfo {
    const COLUMNS: &[PropTag] = &[
        PropTag::PidTagFolderId,
        PropTag::PidTagParentFolderId,
        PropTag::PidTagDisplayName,
        PropTag::PidTagContainerClass,
        PropTag::PidTagContentCount,
        PropTag::PidTagContentUnreadCount,
        PropTag::PidTagSubfolders,
        PropTag::PidTagDepth,
    ];

    fn of_row(row: &Properties) -> Self {
        let number = |tag| row.integer(tag).and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
        Self {
            id: row.folder_id().unwrap_or_default(),
            parent: FolderId(row.integer(PropTag::PidTagParentFolderId).unwrap_or_default().cast_unsigned()),
            name: row.text(PropTag::PidTagDisplayName).unwrap_or_default(),
            class: row.text(PropTag::PidTagContainerClass).unwrap_or_default(),
            messages: number(PropTag::PidTagContentCount),
            unread: number(PropTag::PidTagContentUnreadCount),
            has_subfolders: row.boolean(PropTag::PidTagSubfolders).unwrap_or_default(),
            depth: number(PropTag::PidTagDepth),
        }
    }
}

impl Folder {
    pub(crate) const fn new(object: Object, id: FolderId) -> Self {
        Self { object, id }
    }

    /// The name of a folder in errors.
    pub(crate) fn name_of(id: FolderId) -> String {
        format!("folder {:#x}", id.0)
    }

    pub(crate) const fn object(&self) -> &Object {
        &self.object
    }

    /// The id of the folder in its mailbox.
    pub const fn id(&self) -> FolderId {
        self.id
    }

    /// Reads properties of the folder.
    ///
    /// # Errors
    /// If a ROP fails.
    pub async fn get(&self, tags: &[PropTag]) -> Result<Properties, Error> {
        values::get(&self.object, tags).await
    }

    /// Sets properties of the folder, at once.
    ///
    /// # Errors
    /// If a ROP fails, or the server does not accept a property.
    pub async fn set(&self, values: Vec<TaggedValue>) -> Result<(), Error> {
        values::set(&self.object, values).await
    }

    /// Renames the folder.
    ///
    /// # Errors
    /// Those of [`Folder::set`].
    pub async fn rename(&self, name: &str) -> Result<(), Error> {
        let name = TaggedValue::new(PropTag::PidTagDisplayName, PropertyValue::from(name));
        self.set(vec![name]).await
    }

    /// The table of the messages, with [`MESSAGE_COLUMNS`].
    pub fn messages(&self) -> TableQuery<'_> {
        self.contents(TableFlags::NONE)
    }

    /// The table of the associated messages (FAI), with [`MESSAGE_COLUMNS`].
    pub fn associated(&self) -> TableQuery<'_> {
        self.contents(TableFlags::ASSOCIATED)
    }

    fn contents(&self, table_flags: TableFlags) -> TableQuery<'_> {
        TableQuery::new(&self.object, MESSAGE_COLUMNS, move |output_handle_index| {
            RequestBody::RopGetContentsTable(FolderTableRequest { output_handle_index, table_flags })
        })
    }

    /// The subfolders.
    ///
    /// # Errors
    /// If a ROP fails.
    pub async fn subfolders(&self) -> Result<Vec<FolderInfo>, Error> {
        self.hierarchy(TableFlags::NONE).await
    }

    /// The subfolders of all levels, each after its parent.
    ///
    /// # Errors
    /// If a ROP fails.
    pub async fn tree(&self) -> Result<Vec<FolderInfo>, Error> {
        self.hierarchy(TableFlags::DEPTH).await
    }

    async fn hierarchy(&self, table_flags: TableFlags) -> Result<Vec<FolderInfo>, Error> {
        let table = TableQuery::new(&self.object, FolderInfo::COLUMNS, move |output_handle_index| {
            RequestBody::RopGetHierarchyTable(FolderTableRequest { output_handle_index, table_flags })
        });
        Ok(table.all().await?.iter().map(FolderInfo::of_row).collect())
    }

    /// Creates a subfolder, and opens it (`RopCreateFolder`).
    ///
    /// # Errors
    /// If there is a subfolder of this name, or the ROP fails.
    pub async fn create_folder(&self, name: &str) -> Result<Self, Error> {
        let create = |output_handle_index| {
            RequestBody::RopCreateFolder(RopCreateFolderRequest {
                output_handle_index,
                folder_type: FolderType::GENERIC,
                use_unicode_strings: Bool::TRUE,
                open_existing: Bool::FALSE,
                reserved: 0,
                display_name: Text::from(name),
                comment: Text::from(""),
            })
        };
        let (object, body) = self.object.open(&format!("folder {name}"), create).await?;
        let created = fields!(body, RopCreateFolder)?;
        Ok(Self::new(object, created.folder_id))
    }

    /// Deletes the subfolder `id` with its messages and subfolders (`RopDeleteFolder`).
    ///
    /// # Errors
    /// If the ROP fails, entirely or for some of the objects.
    pub async fn delete_folder(&self, id: FolderId) -> Result<(), Error> {
        let delete_folder_flags = DeleteFolderFlags::DEL_MESSAGES | DeleteFolderFlags::DEL_FOLDERS;
        let request = RopDeleteFolderRequest { delete_folder_flags, folder_id: id };
        let body = self.object.call(RequestBody::RopDeleteFolder(request)).await;
        let body = body.map_err(|error| Error { object: Self::name_of(id).into(), ..error })?;
        self.complete(&body)
    }

    /// Moves the subfolder `id` into the folder `to`, where it is called `name` (`RopMoveFolder`).
    ///
    /// # Errors
    /// If the ROP fails.
    pub async fn move_folder(&self, id: FolderId, to: &Self, name: &str) -> Result<(), Error> {
        let mut batch = Batch::default();
        let (source, dest) = (self.object.add_to(&mut batch), to.object.add_to(&mut batch));
        let request = RopMoveFolderRequest {
            dest_handle_index: DestHandleIndex(dest),
            want_asynchronous: Bool::FALSE,
            use_unicode: Bool::TRUE,
            folder_id: id,
            new_folder_name: Text::from(name),
        };
        batch.push(source, RequestBody::RopMoveFolder(request));
        let body = self.object.run(batch).await?.next();
        let body = body.map_err(|error| Error { object: Self::name_of(id).into(), ..error })?;
        self.complete(&body)
    }

    /// Deletes all messages and subfolders (`RopEmptyFolder`).
    ///
    /// # Errors
    /// If the ROP fails, entirely or for some of the objects.
    pub async fn empty(&self) -> Result<(), Error> {
        let request =
            EmptyFolderRequest { want_asynchronous: Bool::FALSE, want_delete_associated: Bool::FALSE };
        let body = self.object.call(RequestBody::RopEmptyFolder(request)).await?;
        self.complete(&body)
    }

    /// Opens a message (`RopOpenMessage`), for changes as well if the user has the permission.
    ///
    /// # Errors
    /// If the message does not exist in this folder, or the user has no permission to read it.
    pub async fn open_message(&self, id: MessageId) -> Result<Message, Error> {
        // BestAccess ([MS-OXCMSG] 2.2.3.1.1).
        let open_mode_flags = MessageOpenModeFlags::READ_WRITE | MessageOpenModeFlags::CREATE;
        let open = |output_handle_index| {
            RequestBody::RopOpenMessage(RopOpenMessageRequest {
                output_handle_index,
                code_page_id: UNICODE_CODE_PAGE,
                folder_id: self.id,
                open_mode_flags,
                message_id: id,
            })
        };
        let (object, body) = self.object.open(&format!("message {:#x}", id.0), open).await?;
        let opened = fields!(body, RopOpenMessage)?;
        Ok(Message::opened(object, Some(id), opened.recipients))
    }

    /// Creates a message, which the folder contains once it is saved (`RopCreateMessage`).
    ///
    /// # Errors
    /// If the ROP fails.
    pub async fn create_message(&self) -> Result<Message, Error> {
        self.create(false).await
    }

    /// Creates an associated message (FAI), which the folder contains once it is saved.
    ///
    /// # Errors
    /// If the ROP fails.
    pub async fn create_associated(&self) -> Result<Message, Error> {
        self.create(true).await
    }

    async fn create(&self, is_associated: bool) -> Result<Message, Error> {
        let create = |output_handle_index| {
            RequestBody::RopCreateMessage(RopCreateMessageRequest {
                output_handle_index,
                code_page_id: UNICODE_CODE_PAGE,
                folder_id: self.id,
                associated_flag: Bool(u8::from(is_associated)),
            })
        };
        let (object, _) = self.object.open(&format!("new message in {}", self.object.name()), create).await?;
        Ok(Message::created(object))
    }

    /// Moves messages into the folder `to` (`RopMoveCopyMessages`).
    ///
    /// # Errors
    /// If the ROP fails, entirely or for some of the messages.
    pub async fn move_messages(&self, ids: &[MessageId], to: &Self) -> Result<(), Error> {
        self.transfer(ids, to, false).await
    }

    /// Copies messages into the folder `to` (`RopMoveCopyMessages`).
    ///
    /// # Errors
    /// If the ROP fails, entirely or for some of the messages.
    pub async fn copy_messages(&self, ids: &[MessageId], to: &Self) -> Result<(), Error> {
        self.transfer(ids, to, true).await
    }

    async fn transfer(&self, ids: &[MessageId], to: &Self, is_copy: bool) -> Result<(), Error> {
        for ids in ids.chunks(MAX_IDS) {
            let mut batch = Batch::default();
            let (source, dest) = (self.object.add_to(&mut batch), to.object.add_to(&mut batch));
            let request = RopMoveCopyMessagesRequest {
                dest_handle_index: DestHandleIndex(dest),
                message_ids: List16(ids.to_vec()),
                want_asynchronous: Bool::FALSE,
                want_copy: Bool(u8::from(is_copy)),
            };
            batch.push(source, RequestBody::RopMoveCopyMessages(request));
            let body = self.object.run(batch).await?.next().map_err(|error| self.object.on(error))?;
            self.complete(&body)?;
        }
        Ok(())
    }

    /// Deletes messages (`RopDeleteMessages`).
    ///
    /// # Errors
    /// If the ROP fails, entirely or for some of the messages.
    pub async fn delete_messages(&self, ids: &[MessageId]) -> Result<(), Error> {
        for ids in ids.chunks(MAX_IDS) {
            let request = DeleteMessagesRequest {
                want_asynchronous: Bool::FALSE,
                notify_non_read: Bool::FALSE,
                message_ids: List16(ids.to_vec()),
            };
            let body = self.object.call(RequestBody::RopDeleteMessages(request)).await?;
            self.complete(&body)?;
        }
        Ok(())
    }

    /// Marks messages as read or unread, without read receipts (`RopSetReadFlags`).
    ///
    /// # Errors
    /// If the ROP fails, entirely or for some of the messages.
    pub async fn set_read(&self, ids: &[MessageId], is_read: bool) -> Result<(), Error> {
        let read_flags = if is_read { ReadFlags::RF_SUPPRESS_RECEIPT } else { ReadFlags::RF_CLEAR_READ_FLAG };
        for ids in ids.chunks(MAX_IDS) {
            let request = RopSetReadFlagsRequest {
                want_asynchronous: Bool::FALSE,
                read_flags,
                message_ids: List16(ids.to_vec()),
            };
            let body = self.object.call(RequestBody::RopSetReadFlags(request)).await?;
            self.complete(&body)?;
        }
        Ok(())
    }

    /// Whether an operation was executed for all of its objects.
    fn complete(&self, body: &ResponseBody) -> Result<(), Error> {
        let partial = match body {
            ResponseBody::RopDeleteFolder(fields)
            | ResponseBody::RopEmptyFolder(fields)
            | ResponseBody::RopDeleteMessages(fields) => fields.partial_completion,
            ResponseBody::RopMoveCopyMessages(fields) | ResponseBody::RopMoveFolder(fields) => {
                fields.partial_completion
            }
            ResponseBody::RopSetReadFlags(fields) => fields.partial_completion,
            _ => Bool::FALSE,
        };
        if partial.is_true() {
            return Err(self.object.on(Error::new(body.id().name().unwrap_or("ROP"), Failure::Partial)));
        }
        Ok(())
    }
}
