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
    /// How a folder is opened ([MS-OXCFOLD] 2.2.1.1.1).
    pub struct OpenModeFlags(u8) {
        /// Soft-deleted folders too.
        OPEN_SOFT_DELETED = 0x04,
    }
}

enum_field! {
    /// What kind of folder ([MS-OXCFOLD] 2.2.1.2.1).
    pub struct FolderType(u8) {
        /// One that holds messages.
        GENERIC = 1,
        /// One that finds messages elsewhere.
        SEARCH = 2,
    }
}

flags_field! {
    /// What of a folder is deleted with it ([MS-OXCFOLD] 2.2.1.3.1).
    pub struct DeleteFolderFlags(u8) {
        /// Its messages too.
        DEL_MESSAGES = 0x01,
        /// Its subfolders too.
        DEL_FOLDERS = 0x04,
        /// For good.
        DELETE_HARD_DELETE = 0x10,
    }
}

flags_field! {
    /// How a search goes on ([MS-OXCFOLD] 2.2.1.4.1).
    pub struct SearchRequestFlags(u32) {
        /// It stops.
        STOP_SEARCH = 0x0000_0001,
        /// It begins anew.
        RESTART_SEARCH = 0x0000_0002,
        /// Subfolders are searched too.
        RECURSIVE_SEARCH = 0x0000_0004,
        /// Only the folders named are searched.
        SHALLOW_SEARCH = 0x0000_0008,
        /// By the index of contents.
        CONTENT_INDEXED_SEARCH = 0x0001_0000,
        /// Not by the index of contents.
        NON_CONTENT_INDEXED_SEARCH = 0x0002_0000,
        /// Once, not kept up to date.
        STATIC_SEARCH = 0x0004_0000,
    }
}

flags_field! {
    /// How a search stands ([MS-OXCFOLD] 2.2.1.5.2).
    pub struct SearchResponseFlags(u32) {
        /// It runs.
        SEARCH_RUNNING = 0x0000_0001,
        /// It is at its first pass.
        SEARCH_REBUILD = 0x0000_0002,
        /// Subfolders are searched too.
        SEARCH_RECURSIVE = 0x0000_0004,
        /// It is complete.
        SEARCH_COMPLETE = 0x0000_1000,
        /// Only some of it is complete.
        SEARCH_PARTIAL = 0x0000_2000,
        /// It is not kept up to date.
        SEARCH_STATIC = 0x0001_0000,
        /// It may not be kept up to date.
        SEARCH_MAYBE_STATIC = 0x0002_0000,
        /// It goes wholly by the index of contents.
        CI_TOTALLY = 0x0100_0000,
        /// It goes not by the index of contents at all.
        TWIR_TOTALLY = 0x0800_0000,
    }
}

flags_field! {
    /// What a table of a folder's contents or subfolders shows ([MS-OXCFOLD] 2.2.1.13.1, 2.2.1.14.1).
    pub struct TableFlags(u8) {
        /// Of contents: the associated messages.
        ASSOCIATED = 0x02,
        /// Of subfolders: those of all levels.
        DEPTH = 0x04,
        /// The answer may come before the table is made.
        DEFERRED_ERRORS = 0x08,
        /// No notifications are sent for it.
        NO_NOTIFICATIONS = 0x10,
        /// What is soft-deleted.
        SOFT_DELETES = 0x20,
        /// Texts are in UTF-16.
        USE_UNICODE = 0x40,
        /// Of contents: one row a conversation. Of subfolders: no notifications of the client's own changes.
        CONVERSATION_MEMBERS = 0x80,
    }
}

structure! {
    /// Asks for a folder ([MS-OXCROPS] 2.2.4.1.1).
    pub struct RopOpenFolderRequest: Rop as "RopOpenFolder" {
        /// Where its handle goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// Which folder.
        pub folder_id: FolderId = "FolderId",
        /// How.
        pub open_mode_flags: OpenModeFlags = "OpenModeFlags",
    }
}

rop_response! {
    /// A folder is open ([MS-OXCROPS] 2.2.4.1.2).
    pub struct RopOpenFolderResponse as "RopOpenFolder" {
        /// Whether it has rules.
        pub has_rules: Bool = "HasRules",
        /// Whether its contents are on other servers.
        pub is_ghosted: Bool = "IsGhosted",
        /// The servers that have its contents.
        pub servers: Option<GhostServers> = "" by is_ghosted,
    }
}

structure! {
    /// Creates a folder ([MS-OXCROPS] 2.2.4.2.1).
    pub struct RopCreateFolderRequest: Rop as "RopCreateFolder" {
        /// Where its handle goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// Of which kind.
        pub folder_type: FolderType = "FolderType",
        /// Whether the texts are in UTF-16.
        pub use_unicode_strings: Bool = "UseUnicodeStrings",
        /// Whether a folder of this name is opened where there is one.
        pub open_existing: Bool = "OpenExisting",
        /// Zero.
        pub reserved: u8 = "Reserved",
        /// Its name.
        pub display_name: Text = "DisplayName" by use_unicode_strings,
        /// What is said of it.
        pub comment: Text = "Comment" by use_unicode_strings,
    }
}

rop_response! {
    /// A folder is created, or was there ([MS-OXCROPS] 2.2.4.2.2).
    pub struct RopCreateFolderResponse as "RopCreateFolder" {
        /// Its id.
        pub folder_id: FolderId = "FolderId",
        /// Whether it was there.
        pub is_existing_folder: Bool = "IsExistingFolder",
        /// Details of a folder that existed already.
        pub existing: Option<ExistingFolder> = "" by is_existing_folder,
    }
}

structure! {
    /// Details of a folder that existed already ([MS-OXCROPS] 2.2.4.2.2).
    pub struct ExistingFolder: Rop as "RopCreateFolder" {
        /// Whether it has rules.
        pub has_rules: Bool = "HasRules",
        /// Whether its contents are on other servers.
        pub is_ghosted: Bool = "IsGhosted",
        /// The servers that have its contents.
        pub servers: Option<GhostServers> = "" by is_ghosted,
    }
}

structure! {
    /// Deletes a folder ([MS-OXCROPS] 2.2.4.3.1).
    pub struct RopDeleteFolderRequest: Rop as "RopDeleteFolder" {
        /// What of it.
        pub delete_folder_flags: DeleteFolderFlags = "DeleteFolderFlags",
        /// Which.
        pub folder_id: FolderId = "FolderId",
    }
}

structure! {
    /// Whether all was done, which is said even where the ROP failed ([MS-OXCROPS] 2.2.4.3.2, 2.2.4.9.2 to
    /// 2.2.4.12.2).
    pub struct PartialCompletion: Rop as "PartialCompletion" {
        /// Whether some was not done.
        pub partial_completion: Bool = "PartialCompletion",
    }
}

plain_response!(PartialCompletion as "PartialCompletion", always);

/// Whether all was moved or copied, which is said even where the ROP failed ([MS-OXCROPS] 2.2.4.6.2 to
/// 2.2.4.8.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveCompletion {
    /// The index of the destination, where that is why it failed: [`ErrorCode::EC_DST_NULL_OBJECT`].
    pub dest_handle_index: Option<u32>,
    /// Whether some was not done.
    pub partial_completion: Bool,
}

impl ResponseFields for MoveCompletion {
    const LEFT_OUT_BELOW: Option<usize> = Some(1);

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
    /// Says what a search folder finds ([MS-OXCROPS] 2.2.4.4.1).
    pub struct RopSetSearchCriteriaRequest: Rop as "RopSetSearchCriteria" {
        /// What is found.
        pub restriction_data: Sized16<Restriction> = "RestrictionData",
        /// Where it is searched.
        pub folder_ids: List16<FolderId> = "FolderIds",
        /// How.
        pub search_flags: SearchRequestFlags = "SearchFlags",
    }
}

structure! {
    /// Asks what a search folder finds ([MS-OXCROPS] 2.2.4.5.1).
    pub struct RopGetSearchCriteriaRequest: Rop as "RopGetSearchCriteria" {
        /// Whether texts are to be in UTF-16.
        pub use_unicode: Bool = "UseUnicode",
        /// Whether the response includes the restriction.
        pub include_restriction: Bool = "IncludeRestriction",
        /// Whether the response includes the folders that are searched.
        pub include_folders: Bool = "IncludeFolders",
    }
}

rop_response! {
    /// What a search folder finds ([MS-OXCROPS] 2.2.4.5.2).
    pub struct RopGetSearchCriteriaResponse as "RopGetSearchCriteria" {
        /// What is found.
        pub restriction_data: Sized16<Restriction> = "RestrictionData",
        /// The logon of the request.
        pub logon_id: u8 = "LogonId",
        /// Where it is searched.
        pub folder_ids: List16<FolderId> = "FolderIds",
        /// How the search stands.
        pub search_flags: SearchResponseFlags = "SearchFlags",
    }
}

structure! {
    /// Moves or copies messages ([MS-OXCROPS] 2.2.4.6.1).
    pub struct RopMoveCopyMessagesRequest: Rop as "RopMoveCopyMessages" {
        /// The folder that they go to.
        pub dest_handle_index: DestHandleIndex = "DestHandleIndex",
        /// Which.
        pub message_ids: List16<MessageId> = "MessageIds",
        /// Whether the answer may come before it is done.
        pub want_asynchronous: Bool = "WantAsynchronous",
        /// Whether they are copied.
        pub want_copy: Bool = "WantCopy",
    }
}

structure! {
    /// Moves a folder ([MS-OXCROPS] 2.2.4.7.1).
    pub struct RopMoveFolderRequest: Rop as "RopMoveFolder" {
        /// The folder that it goes to.
        pub dest_handle_index: DestHandleIndex = "DestHandleIndex",
        /// Whether the answer may come before it is done.
        pub want_asynchronous: Bool = "WantAsynchronous",
        /// Whether the name is in UTF-16.
        pub use_unicode: Bool = "UseUnicode",
        /// Which.
        pub folder_id: FolderId = "FolderId",
        /// What it is called there.
        pub new_folder_name: Text = "NewFolderName" by use_unicode,
    }
}

structure! {
    /// Copies a folder ([MS-OXCROPS] 2.2.4.8.1).
    pub struct RopCopyFolderRequest: Rop as "RopCopyFolder" {
        /// The folder that the copy goes to.
        pub dest_handle_index: DestHandleIndex = "DestHandleIndex",
        /// Whether the answer may come before it is done.
        pub want_asynchronous: Bool = "WantAsynchronous",
        /// Whether subfolders are copied too.
        pub want_recursive: Bool = "WantRecursive",
        /// Whether the name is in UTF-16.
        pub use_unicode: Bool = "UseUnicode",
        /// Which.
        pub folder_id: FolderId = "FolderId",
        /// What the copy is called.
        pub new_folder_name: Text = "NewFolderName" by use_unicode,
    }
}

structure! {
    /// Deletes all that a folder has, softly or for good ([MS-OXCROPS] 2.2.4.9.1, 2.2.4.10.1).
    pub struct EmptyFolderRequest: Rop as "RopEmptyFolder" {
        /// Whether the answer may come before it is done.
        pub want_asynchronous: Bool = "WantAsynchronous",
        /// Whether associated messages are deleted too.
        pub want_delete_associated: Bool = "WantDeleteAssociated",
    }
}

structure! {
    /// Deletes messages, softly or for good ([MS-OXCROPS] 2.2.4.11.1, 2.2.4.12.1).
    pub struct DeleteMessagesRequest: Rop as "RopDeleteMessages" {
        /// Whether the answer may come before it is done.
        pub want_asynchronous: Bool = "WantAsynchronous",
        /// Whether senders that asked for a non-read receipt get one for messages that were not read.
        pub notify_non_read: Bool = "NotifyNonRead",
        /// Which.
        pub message_ids: List16<MessageId> = "MessageIds",
    }
}

structure! {
    /// Asks for the table of a folder's subfolders or contents ([MS-OXCROPS] 2.2.4.13.1, 2.2.4.14.1).
    pub struct FolderTableRequest: Rop as "RopGetContentsTable" {
        /// Where its handle goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// What it shows.
        pub table_flags: TableFlags = "TableFlags",
    }
}

rop_response! {
    /// The table of a folder's subfolders or contents is open ([MS-OXCROPS] 2.2.4.13.2, 2.2.4.14.2).
    pub struct FolderTableResponse as "RopGetContentsTable" {
        /// How many rows it has.
        pub row_count: u32 = "RowCount",
    }
}
