//! Folders ([MS-OXCROPS] 2.2.4, [MS-OXCFOLD]).

use wire::{Reader, Result, Writer};

use super::context::ResponseContext;
use super::field::{Bool, DestHandleIndex, List16, OutputHandleIndex};
use super::format::Rop;
use super::response_fields::{ResponseFields, plain_response, rop_response};
use super::shared::{GhostServers, Sized16};
use crate::ErrorCode;
use crate::data::{FolderId, MessageId, Text};
use crate::field::{FieldBy, enum_field, flags_field, structure};
use crate::inspect::{Inspect, Node};
use crate::property::Restriction;

flags_field! {
    /// The options of opening a folder ([MS-OXCFOLD] 2.2.1.1.1).
    pub struct OpenModeFlags(u8) {
        /// The folder may be soft-deleted.
        OPEN_SOFT_DELETED = 0x04,
    }
}

enum_field! {
    /// The type of a folder ([MS-OXCFOLD] 2.2.1.2.1).
    pub struct FolderType(u8) {
        /// A folder that contains messages.
        GENERIC = 1,
        /// A search folder, which refers to messages in other folders.
        SEARCH = 2,
    }
}

flags_field! {
    /// The options of deleting a folder ([MS-OXCFOLD] 2.2.1.3.1).
    pub struct DeleteFolderFlags(u8) {
        /// The messages of the folder are deleted.
        DEL_MESSAGES = 0x01,
        /// The subfolders of the folder are deleted.
        DEL_FOLDERS = 0x04,
        /// The folder is permanently deleted.
        DELETE_HARD_DELETE = 0x10,
    }
}

flags_field! {
    /// The options of a search ([MS-OXCFOLD] 2.2.1.4.1).
    pub struct SearchRequestFlags(u32) {
        /// The search is stopped.
        STOP_SEARCH = 0x0000_0001,
        /// The search is restarted.
        RESTART_SEARCH = 0x0000_0002,
        /// Subfolders are searched.
        RECURSIVE_SEARCH = 0x0000_0004,
        /// Only the listed folders are searched.
        SHALLOW_SEARCH = 0x0000_0008,
        /// The search uses the content index.
        CONTENT_INDEXED_SEARCH = 0x0001_0000,
        /// The search does not use the content index.
        NON_CONTENT_INDEXED_SEARCH = 0x0002_0000,
        /// The search is executed once; its results are not updated.
        STATIC_SEARCH = 0x0004_0000,
    }
}

flags_field! {
    /// The state of a search ([MS-OXCFOLD] 2.2.1.5.2).
    pub struct SearchResponseFlags(u32) {
        /// The search is running.
        SEARCH_RUNNING = 0x0000_0001,
        /// The search is in its initial pass.
        SEARCH_REBUILD = 0x0000_0002,
        /// Subfolders are searched.
        SEARCH_RECURSIVE = 0x0000_0004,
        /// The search is complete.
        SEARCH_COMPLETE = 0x0000_1000,
        /// Only some of the folders were searched completely.
        SEARCH_PARTIAL = 0x0000_2000,
        /// The results are not updated.
        SEARCH_STATIC = 0x0001_0000,
        /// The results are possibly not updated.
        SEARCH_MAYBE_STATIC = 0x0002_0000,
        /// The search uses only the content index.
        CI_TOTALLY = 0x0100_0000,
        /// The search does not use the content index.
        TWIR_TOTALLY = 0x0800_0000,
    }
}

flags_field! {
    /// The options of a contents table or hierarchy table ([MS-OXCFOLD] 2.2.1.13.1, 2.2.1.14.1).
    pub struct TableFlags(u8) {
        /// Contents tables: the associated messages (FAI) are listed.
        ASSOCIATED = 0x02,
        /// Hierarchy tables: subfolders of all levels are listed.
        DEPTH = 0x04,
        /// The server may respond before the table is available.
        DEFERRED_ERRORS = 0x08,
        /// The table causes no notifications.
        NO_NOTIFICATIONS = 0x10,
        /// Soft-deleted objects are listed.
        SOFT_DELETES = 0x20,
        /// Texts are UTF-16.
        USE_UNICODE = 0x40,
        /// Contents tables: one row for each conversation. Hierarchy tables: no notifications of changes by the client
        /// itself.
        CONVERSATION_MEMBERS = 0x80,
    }
}

structure! {
    /// `RopOpenFolder`: opens a folder ([MS-OXCROPS] 2.2.4.1.1).
    pub struct RopOpenFolderRequest: Rop as "RopOpenFolder" {
        /// The index in the handle table at which the new object's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// The folder to open.
        pub folder_id: FolderId = "FolderId",
        /// Whether soft-deleted folders can be opened.
        pub open_mode_flags: OpenModeFlags = "OpenModeFlags",
    }
}

rop_response! {
    /// `RopOpenFolder`: the response ([MS-OXCROPS] 2.2.4.1.2).
    pub struct RopOpenFolderResponse as "RopOpenFolder" {
        /// Whether the folder has rules.
        pub has_rules: Bool = "HasRules",
        /// Whether the content of the folder is on other servers.
        pub is_ghosted: Bool = "IsGhosted",
        /// The servers that have the content of the folder.
        pub servers: Option<GhostServers> = "" by is_ghosted,
    }
}

structure! {
    /// `RopCreateFolder`: creates a folder ([MS-OXCROPS] 2.2.4.2.1).
    pub struct RopCreateFolderRequest: Rop as "RopCreateFolder" {
        /// The index in the handle table at which the new object's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// The type of the folder.
        pub folder_type: FolderType = "FolderType",
        /// Whether the texts are UTF-16.
        pub use_unicode_strings: Bool = "UseUnicodeStrings",
        /// Whether an existing folder of this name is opened.
        pub open_existing: Bool = "OpenExisting",
        /// Reserved; zero.
        pub reserved: u8 = "Reserved",
        /// The name of the folder.
        pub display_name: Text = "DisplayName" by use_unicode_strings,
        /// The comment of the folder.
        pub comment: Text = "Comment" by use_unicode_strings,
    }
}

rop_response! {
    /// `RopCreateFolder`: the response ([MS-OXCROPS] 2.2.4.2.2).
    pub struct RopCreateFolderResponse as "RopCreateFolder" {
        /// The identifier of the folder.
        pub folder_id: FolderId = "FolderId",
        /// Whether the folder existed.
        pub is_existing_folder: Bool = "IsExistingFolder",
        /// Details of a folder that existed already.
        pub existing: Option<ExistingFolder> = "" by is_existing_folder,
    }
}

structure! {
    /// Details of a folder that existed already ([MS-OXCROPS] 2.2.4.2.2).
    pub struct ExistingFolder: Rop as "RopCreateFolder" {
        /// Whether the folder has rules.
        pub has_rules: Bool = "HasRules",
        /// Whether the content of the folder is on other servers.
        pub is_ghosted: Bool = "IsGhosted",
        /// The servers that have the content of the folder.
        pub servers: Option<GhostServers> = "" by is_ghosted,
    }
}

structure! {
    /// `RopDeleteFolder`: deletes a folder ([MS-OXCROPS] 2.2.4.3.1).
    pub struct RopDeleteFolderRequest: Rop as "RopDeleteFolder" {
        /// Which contents are deleted with the folder, and whether permanently.
        pub delete_folder_flags: DeleteFolderFlags = "DeleteFolderFlags",
        /// The folder to delete.
        pub folder_id: FolderId = "FolderId",
    }
}

structure! {
    /// The response to several ROPs, whose fields are present on failure as well ([MS-OXCROPS] 2.2.4.3.2, 2.2.4.9.2 to
    /// 2.2.4.12.2).
    pub struct PartialCompletion: Rop as "PartialCompletion" {
        /// Whether the operation failed for some of the objects.
        pub partial_completion: Bool = "PartialCompletion",
    }
}

plain_response!(PartialCompletion as "PartialCompletion", always);

/// The response to ROPs that move or copy, whose fields are present on failure as well ([MS-OXCROPS] 2.2.4.6.2 to
/// 2.2.4.8.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveCompletion {
    /// The handle index of the destination, if the error is [`ErrorCode::EC_DST_NULL_OBJECT`].
    pub dest_handle_index: Option<u32>,
    /// Whether the operation failed for some of the objects.
    pub partial_completion: Bool,
}

impl ResponseFields for MoveCompletion {
    const OMITTED_BELOW: Option<usize> = Some(1);

    fn present(_return_value: ErrorCode) -> bool {
        true
    }

    fn read(r: &mut Reader<'_>, return_value: ErrorCode, _context: ResponseContext<'_>) -> Result<Self> {
        let no_destination = Bool(u8::from(return_value == ErrorCode::EC_DST_NULL_OBJECT));
        Ok(Self {
            dest_handle_index: Option::read_by(r, "DestHandleIndex", &no_destination)?,
            partial_completion: Bool(r.u8("PartialCompletion")?),
        })
    }

    fn fits(&self, return_value: ErrorCode) -> bool {
        self.dest_handle_index.is_some() == (return_value == ErrorCode::EC_DST_NULL_OBJECT)
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        if let Some(index) = self.dest_handle_index {
            w.u32(index);
        }
        w.u8(self.partial_completion.0);
        Ok(())
    }
}

impl Inspect for MoveCompletion {
    fn to_node(&self) -> Node {
        let partial = ("PartialCompletion".into(), self.partial_completion.to_node());
        let index = self.dest_handle_index.map(|index| ("DestHandleIndex".into(), index.to_node()));
        Node::Fields(index.into_iter().chain([partial]).collect())
    }
}

structure! {
    /// `RopSetSearchCriteria`: sets the criteria of a search folder ([MS-OXCROPS] 2.2.4.4.1).
    pub struct RopSetSearchCriteriaRequest: Rop as "RopSetSearchCriteria" {
        /// The restriction that messages must match.
        pub restriction_data: Sized16<Restriction> = "RestrictionData",
        /// The folders to search.
        pub folder_ids: List16<FolderId> = "FolderIds",
        /// The options of the search.
        pub search_flags: SearchRequestFlags = "SearchFlags",
    }
}

structure! {
    /// `RopGetSearchCriteria`: returns the criteria of a search folder ([MS-OXCROPS] 2.2.4.5.1).
    pub struct RopGetSearchCriteriaRequest: Rop as "RopGetSearchCriteria" {
        /// Whether texts in the response must be UTF-16.
        pub use_unicode: Bool = "UseUnicode",
        /// Whether the response includes the restriction.
        pub include_restriction: Bool = "IncludeRestriction",
        /// Whether the response includes the searched folders.
        pub include_folders: Bool = "IncludeFolders",
    }
}

rop_response! {
    /// `RopGetSearchCriteria`: the response ([MS-OXCROPS] 2.2.4.5.2).
    pub struct RopGetSearchCriteriaResponse as "RopGetSearchCriteria" {
        /// The restriction that messages must match.
        pub restriction_data: Sized16<Restriction> = "RestrictionData",
        /// The logon of the request.
        pub logon_id: u8 = "LogonId",
        /// The folders to search.
        pub folder_ids: List16<FolderId> = "FolderIds",
        /// The state of the search.
        pub search_flags: SearchResponseFlags = "SearchFlags",
    }
}

structure! {
    /// `RopMoveCopyMessages`: moves or copies messages ([MS-OXCROPS] 2.2.4.6.1).
    pub struct RopMoveCopyMessagesRequest: Rop as "RopMoveCopyMessages" {
        /// The destination folder.
        pub dest_handle_index: DestHandleIndex = "DestHandleIndex",
        /// The messages to move or copy.
        pub message_ids: List16<MessageId> = "MessageIds",
        /// Whether the server may respond before the operation is complete.
        pub want_asynchronous: Bool = "WantAsynchronous",
        /// Whether the messages are copied; otherwise they are moved.
        pub want_copy: Bool = "WantCopy",
    }
}

structure! {
    /// `RopMoveFolder`: moves a folder ([MS-OXCROPS] 2.2.4.7.1).
    pub struct RopMoveFolderRequest: Rop as "RopMoveFolder" {
        /// The destination folder.
        pub dest_handle_index: DestHandleIndex = "DestHandleIndex",
        /// Whether the server may respond before the operation is complete.
        pub want_asynchronous: Bool = "WantAsynchronous",
        /// Whether the name is UTF-16.
        pub use_unicode: Bool = "UseUnicode",
        /// The folder to move.
        pub folder_id: FolderId = "FolderId",
        /// The new name of the folder.
        pub new_folder_name: Text = "NewFolderName" by use_unicode,
    }
}

structure! {
    /// `RopCopyFolder`: copies a folder ([MS-OXCROPS] 2.2.4.8.1).
    pub struct RopCopyFolderRequest: Rop as "RopCopyFolder" {
        /// The destination folder.
        pub dest_handle_index: DestHandleIndex = "DestHandleIndex",
        /// Whether the server may respond before the operation is complete.
        pub want_asynchronous: Bool = "WantAsynchronous",
        /// Whether subfolders are copied.
        pub want_recursive: Bool = "WantRecursive",
        /// Whether the name is UTF-16.
        pub use_unicode: Bool = "UseUnicode",
        /// The folder to copy.
        pub folder_id: FolderId = "FolderId",
        /// The name of the copy.
        pub new_folder_name: Text = "NewFolderName" by use_unicode,
    }
}

structure! {
    /// `RopEmptyFolder`, `RopHardDeleteMessagesAndSubfolders`: deletes the content of a folder ([MS-OXCROPS] 2.2.4.9.1,
    /// 2.2.4.10.1).
    pub struct EmptyFolderRequest: Rop as "RopEmptyFolder" {
        /// Whether the server may respond before the operation is complete.
        pub want_asynchronous: Bool = "WantAsynchronous",
        /// Whether associated messages (FAI) are deleted.
        pub want_delete_associated: Bool = "WantDeleteAssociated",
    }
}

structure! {
    /// `RopDeleteMessages`, `RopHardDeleteMessages`: deletes messages ([MS-OXCROPS] 2.2.4.11.1, 2.2.4.12.1).
    pub struct DeleteMessagesRequest: Rop as "RopDeleteMessages" {
        /// Whether the server may respond before the operation is complete.
        pub want_asynchronous: Bool = "WantAsynchronous",
        /// Whether non-read receipts are sent for unread messages.
        pub notify_non_read: Bool = "NotifyNonRead",
        /// The messages to delete.
        pub message_ids: List16<MessageId> = "MessageIds",
    }
}

structure! {
    /// `RopGetHierarchyTable`, `RopGetContentsTable`: opens the table of a folder's subfolders or messages
    /// ([MS-OXCROPS] 2.2.4.13.1, 2.2.4.14.1).
    pub struct FolderTableRequest: Rop as "RopGetContentsTable" {
        /// The index in the handle table at which the new object's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// The options of the table.
        pub table_flags: TableFlags = "TableFlags",
    }
}

rop_response! {
    /// `RopGetHierarchyTable`, `RopGetContentsTable`: the response ([MS-OXCROPS] 2.2.4.13.2, 2.2.4.14.2).
    pub struct FolderTableResponse as "RopGetContentsTable" {
        /// The number of rows in the table.
        pub row_count: u32 = "RowCount",
    }
}
