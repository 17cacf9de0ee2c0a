//! Permissions of folders ([MS-OXCROPS] 2.2.10, [MS-OXCPERM]).

use super::field::{List16, OutputHandleIndex, rop_flags};
use super::macros::rop_struct;
use crate::property::PropertyList;

rop_flags! {
    /// How permissions are changed ([MS-OXCPERM] 2.2.2.1).
    pub struct ModifyFlags(u8) {
        /// All that there are go first.
        REPLACE_ROWS = 0x01,
        /// Those about free and busy times count.
        INCLUDE_FREE_BUSY = 0x02,
    }
}

rop_flags! {
    /// What happens to a permission ([MS-OXCPERM] 2.2.2.1.1).
    pub struct PermissionDataFlags(u8) {
        /// It is added.
        ADD_ROW = 0x01,
        /// It is changed.
        MODIFY_ROW = 0x02,
        /// It is removed.
        REMOVE_ROW = 0x04,
    }
}

rop_flags! {
    /// What a table of permissions shows ([MS-OXCPERM] 2.2.1.1).
    pub struct PermissionsTableFlags(u8) {
        /// Permissions about free and busy times too.
        INCLUDE_FREE_BUSY = 0x02,
    }
}

rop_struct! {
    /// Asks for the table of a folder's permissions ([MS-OXCROPS] 2.2.10.2.1).
    pub struct RopGetPermissionsTableRequest as "RopGetPermissionsTable" {
        /// Where its handle goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// What it shows.
        pub table_flags: PermissionsTableFlags = "TableFlags",
    }
}

rop_struct! {
    /// Changes a folder's permissions ([MS-OXCROPS] 2.2.10.1.1).
    pub struct RopModifyPermissionsRequest as "RopModifyPermissions" {
        /// How.
        pub modify_flags: ModifyFlags = "ModifyFlags",
        /// Which.
        pub permissions_data: List16<PermissionData> = "PermissionsData",
    }
}

rop_struct! {
    /// A permission that is changed ([MS-OXCROPS] 2.2.10.1.1.1).
    pub struct PermissionData as "PermissionData" {
        /// What happens to it.
        pub permission_data_flags: PermissionDataFlags = "PermissionDataFlags",
        /// What it is.
        pub property_values: PropertyList = "PropertyValues",
    }
}
