//! Permissions of folders ([MS-OXCROPS] 2.2.10, [MS-OXCPERM]).

use super::field::{List16, OutputHandleIndex};
use super::format::Rop;
use crate::field::{flags_field, structure};
use crate::property::PropertyList;

flags_field! {
    /// How permissions are changed ([MS-OXCPERM] 2.2.2.1).
    pub struct ModifyFlags(u8) {
        /// All that there are go first.
        REPLACE_ROWS = 0x01,
        /// Those about free and busy times count.
        INCLUDE_FREE_BUSY = 0x02,
    }
}

flags_field! {
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

flags_field! {
    /// What a table of permissions shows ([MS-OXCPERM] 2.2.1.1).
    pub struct PermissionsTableFlags(u8) {
        /// Permissions about free and busy times too.
        INCLUDE_FREE_BUSY = 0x02,
    }
}

structure! {
    /// Asks for the table of a folder's permissions ([MS-OXCROPS] 2.2.10.2.1).
    pub struct RopGetPermissionsTableRequest: Rop as "RopGetPermissionsTable" {
        /// Where its handle goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// What it shows.
        pub table_flags: PermissionsTableFlags = "TableFlags",
    }
}

structure! {
    /// Changes a folder's permissions ([MS-OXCROPS] 2.2.10.1.1).
    pub struct RopModifyPermissionsRequest: Rop as "RopModifyPermissions" {
        /// How.
        pub modify_flags: ModifyFlags = "ModifyFlags",
        /// Which.
        pub permissions_data: List16<PermissionData> = "PermissionsData",
    }
}

structure! {
    /// A permission that is changed ([MS-OXCROPS] 2.2.10.1.1.1).
    pub struct PermissionData: Rop as "PermissionData" {
        /// What happens to it.
        pub permission_data_flags: PermissionDataFlags = "PermissionDataFlags",
        /// What it is.
        pub property_values: PropertyList = "PropertyValues",
    }
}
