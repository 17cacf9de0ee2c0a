//! The permissions on a folder ([MS-OXCPERM]).

use mapi::nspi::{DisplayType, PermanentEntryId};
use mapi::property::{PropTag, PropertyList, PropertyValue, TaggedValue};
use mapi::rop::permission::{
    ModifyFlags, PermissionData, PermissionDataFlags, PermissionsTableFlags, RopGetPermissionsTableRequest,
    RopModifyPermissionsRequest,
};
use mapi::rop::{List16, RequestBody};
use wire::Encode as _;

use crate::error::{Error, Failure};
use crate::folder::Folder;
use crate::properties::Properties;
use crate::table::TableQuery;

/// The permission of one member on a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// `PidTagMemberId`: 0 is everyone who is not listed, -1 is a client that did not authenticate.
    pub member: i64,
    /// `PidTagMemberName`; empty for everyone who is not listed.
    pub name: String,
    /// `PidTagMemberRights`: flags of [MS-OXCPERM] 2.2.7.
    pub rights: u32,
}

/// The names of flags of `PidTagMemberRights` ([MS-OXCPERM] 2.2.7).
const RIGHTS: [(u32, &str); 13] = [
    (0x0001, "ReadAny"),
    (0x0002, "Create"),
    (0x0008, "EditOwned"),
    (0x0010, "DeleteOwned"),
    (0x0020, "EditAny"),
    (0x0040, "DeleteAny"),
    (0x0080, "CreateSubFolder"),
    (0x0100, "FolderOwner"),
    (0x0200, "FolderContact"),
    (0x0400, "FolderVisible"),
    (0x0800, "FreeBusySimple"),
    (0x1000, "FreeBusyDetailed"),
    (0x2000, "Reserved"),
];

impl Permission {
    const COLUMNS: &[PropTag] =
        &[PropTag::PidTagMemberId, PropTag::PidTagMemberName, PropTag::PidTagMemberRights];

    fn of_row(row: &Properties) -> Self {
        let rights = row.integer(PropTag::PidTagMemberRights).unwrap_or_default();
        Self {
            member: row.integer(PropTag::PidTagMemberId).unwrap_or_default(),
            name: row.text(PropTag::PidTagMemberName).unwrap_or_default(),
            rights: u32::try_from(rights & 0xFFFF_FFFF).unwrap_or_default(),
        }
    }

    /// The names of the rights, as [MS-OXCPERM] 2.2.7 spells them.
    pub fn right_names(&self) -> Vec<&'static str> {
        RIGHTS.into_iter().filter(|(flag, _)| self.rights & flag != 0).map(|(_, name)| name).collect()
    }
}

impl Folder {
    /// The permissions on the folder (`RopGetPermissionsTable`).
    ///
    /// # Errors
    /// If the user is not an owner of the folder, or a ROP fails.
    pub async fn permissions(&self) -> Result<Vec<Permission>, Error> {
        let table = TableQuery::new(self.object(), Permission::COLUMNS, |output_handle_index| {
            let table_flags = PermissionsTableFlags::NONE;
            let request = RopGetPermissionsTableRequest { output_handle_index, table_flags };
            RequestBody::RopGetPermissionsTable(request)
        });
        Ok(table.all().await?.iter().map(Permission::of_row).collect())
    }

    /// Adds a permission of the user or list with the distinguished name `member_dn`.
    ///
    /// # Errors
    /// If the user is not an owner of the folder, or the server does not accept the member.
    pub async fn add_permission(&self, member_dn: &str, rights: u32) -> Result<(), Error> {
        let id = PermanentEntryId {
            display_type: DisplayType::DT_MAILUSER,
            distinguished_name: member_dn.as_bytes().to_vec(),
        };
        let id = id.to_bytes();
        let id = id.map_err(|error| Error::new("RopModifyPermissions", Failure::Request(error)))?;
        let member = TaggedValue::new(PropTag::PidTagEntryId, PropertyValue::Binary(id));
        self.modify_permission(PermissionDataFlags::ADD_ROW, vec![member, member_rights(rights)]).await
    }

    /// Changes the rights of a member that [`Folder::permissions`] lists.
    ///
    /// # Errors
    /// If there is no such member, or the user is not an owner of the folder.
    pub async fn change_permission(&self, member: i64, rights: u32) -> Result<(), Error> {
        let values = vec![member_id(member), member_rights(rights)];
        self.modify_permission(PermissionDataFlags::MODIFY_ROW, values).await
    }

    /// Removes the permission of a member that [`Folder::permissions`] lists.
    ///
    /// # Errors
    /// If there is no such member, or the user is not an owner of the folder.
    pub async fn remove_permission(&self, member: i64) -> Result<(), Error> {
        self.modify_permission(PermissionDataFlags::REMOVE_ROW, vec![member_id(member)]).await
    }

    async fn modify_permission(
        &self,
        permission_data_flags: PermissionDataFlags,
        values: Vec<TaggedValue>,
    ) -> Result<(), Error> {
        let data = PermissionData { permission_data_flags, property_values: PropertyList(values) };
        let request = RopModifyPermissionsRequest {
            modify_flags: ModifyFlags::NONE,
            permissions_data: List16(vec![data]),
        };
        self.object().call(RequestBody::RopModifyPermissions(request)).await.map(drop)
    }
}

fn member_id(member: i64) -> TaggedValue {
    TaggedValue::new(PropTag::PidTagMemberId, PropertyValue::Integer64(member))
}

fn member_rights(rights: u32) -> TaggedValue {
    TaggedValue::new(PropTag::PidTagMemberRights, PropertyValue::Integer32(rights.cast_signed()))
}
