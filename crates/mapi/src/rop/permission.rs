//! Permissions of folders ([MS-OXCROPS] 2.2.10, [MS-OXCPERM]).

use super::field::{List16, OutputHandleIndex};
use super::format::Rop;
use crate::field::{flags_field, structure};
use crate::property::PropertyList;

flags_field! {
    /// The options of changing permissions ([MS-OXCPERM] 2.2.2.1).
    pub struct ModifyFlags(u8) {
        /// All existing permissions are removed first.
        REPLACE_ROWS = 0x01,
        /// The changes include permissions for free/busy information.
        INCLUDE_FREE_BUSY = 0x02,
    }
}

flags_field! {
    /// The kind of change of a permission ([MS-OXCPERM] 2.2.2.1.1).
    pub struct PermissionDataFlags(u8) {
        /// The permission is added.
        ADD_ROW = 0x01,
        /// The permission is modified.
        MODIFY_ROW = 0x02,
        /// The permission is removed.
        REMOVE_ROW = 0x04,
    }
}

flags_field! {
    /// The options of a permissions table ([MS-OXCPERM] 2.2.1.1).
    pub struct PermissionsTableFlags(u8) {
        /// The table includes permissions for free/busy information.
        INCLUDE_FREE_BUSY = 0x02,
    }
}

structure! {
    /// `RopGetPermissionsTable`: opens the table of a folder's permissions ([MS-OXCROPS] 2.2.10.2.1).
    pub struct RopGetPermissionsTableRequest: Rop as "RopGetPermissionsTable" {
        /// The index in the handle table at which the table's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// The options of the table.
        pub table_flags: PermissionsTableFlags = "TableFlags",
    }
}

structure! {
    /// `RopModifyPermissions`: changes the permissions of a folder ([MS-OXCROPS] 2.2.10.1.1).
    pub struct RopModifyPermissionsRequest: Rop as "RopModifyPermissions" {
        /// Whether existing permissions are replaced, and whether free/busy rights are included.
        pub modify_flags: ModifyFlags = "ModifyFlags",
        /// The permissions to add, change or remove.
        pub permissions_data: List16<PermissionData> = "PermissionsData",
    }
}

structure! {
    /// A change of a permission ([MS-OXCROPS] 2.2.10.1.1.1).
    pub struct PermissionData: Rop as "PermissionData" {
        /// The kind of change.
        pub permission_data_flags: PermissionDataFlags = "PermissionDataFlags",
        /// The properties of the permission.
        pub property_values: PropertyList = "PropertyValues",
    }
}
