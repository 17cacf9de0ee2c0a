//! Folders ([MS-OXCROPS] 2.2.4, [MS-OXCFOLD]).

use super::{Bool, OutputHandleIndex, rop_flags, rop_response, rop_struct};

rop_flags! {
    /// How a folder is opened ([MS-OXCFOLD] 2.2.1.1.1).
    pub struct OpenModeFlags(u8) {
        /// Soft-deleted folders too.
        OPEN_SOFT_DELETED = 0x04,
    }
}

rop_struct! {
    /// Asks for a folder ([MS-OXCROPS] 2.2.4.1.1).
    pub struct RopOpenFolderRequest as "RopOpenFolder" {
        /// Where its handle goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// Which folder.
        pub folder_id: u64 = "FolderId",
        /// How.
        pub open_mode_flags: OpenModeFlags = "OpenModeFlags",
    }
}

rop_response! {
    /// A folder is open ([MS-OXCROPS] 2.2.4.1.2).
    pub struct RopOpenFolderResponse as "RopOpenFolder" {
        /// Whether it has rules.
        pub has_rules: Bool = "HasRules",
    }
}
