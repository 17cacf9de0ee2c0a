//! Permissions on folders ([MS-OXCPERM] 3.2.5).

use mapi::ErrorCode;
use mapi::data::EntryId;
use mapi::property::{PropTag, PropertyValue};
use mapi::rop::permission::{
    ModifyFlags, PermissionData, PermissionDataFlags, RopGetPermissionsTableRequest,
    RopModifyPermissionsRequest,
};
use mapi::rop::{Empty, ResponseBody};
use store::{Change, MailboxId, Member, ObjectId, Properties};

use super::context::Context;
use super::outcome::{Outcome, Success, done};
use crate::backend::Backend;
use crate::directory::properties::person_id;
use crate::refusal::Refusal;
use crate::session::Object;
use crate::session::logon::OWNER;
use crate::session::table::{Notified, Source, Table, TableKind};

/// The most changes in one request.
const CHANGES_MAX: usize = 1000;

/// `RopGetPermissionsTable` ([MS-OXCPERM] 3.2.5.1).
pub(super) fn table(context: &Context<'_>, _request: &RopGetPermissionsTableRequest) -> Outcome {
    let ((logon, folder), backend) = (context.folder()?, context.backend());
    let permissions = backend.read(|view| {
        logon.require(view, folder, OWNER)?;
        Ok::<_, Refusal>(view.permissions(logon.mailbox.id, folder)?)
    })?;
    let rows = permissions.iter().map(|permission| {
        let (name, entry_id) = match &permission.member {
            Member::Default => (String::new(), Vec::new()),
            Member::Anonymous => ("Anonymous".to_owned(), Vec::new()),
            Member::User(alias) => member(&backend, alias),
        };
        Properties::from([
            (PropTag::PidTagMemberId, PropertyValue::Integer64(permission.id)),
            (PropTag::PidTagMemberName, PropertyValue::from(name.as_str())),
            (PropTag::PidTagMemberRights, PropertyValue::Integer32(permission.rights.cast_signed())),
            (PropTag::PidTagEntryId, PropertyValue::Binary(entry_id)),
        ])
    });
    let table = Table::new(Source::Fixed(rows.collect(), TableKind::Other), Notified::Never);
    Ok(Success::opened(ResponseBody::RopGetPermissionsTable(Empty), &logon, Object::Table(Box::new(table))))
}

/// The name and the entry id of the person with this alias.
fn member(backend: &Backend, alias: &str) -> (String, Vec<u8>) {
    let dn = backend.config.user_dn(alias);
    let name = backend.directory.by_dn(&dn).map(|entry| entry.display_name.clone());
    (name.unwrap_or_default(), person_id(&dn))
}

/// `RopModifyPermissions` ([MS-OXCPERM] 3.2.5.2). All changes are made, or none.
pub(super) fn modify(context: &Context<'_>, request: &RopModifyPermissionsRequest) -> Outcome {
    let ((logon, folder), backend) = (context.folder()?, context.backend());
    let mailbox = logon.mailbox.id;
    if request.permissions_data.0.len() > CHANGES_MAX {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    backend.write(backend.now(), |change| {
        logon.require(change, folder, OWNER)?;
        if request.modify_flags.contains(ModifyFlags::REPLACE_ROWS) {
            for permission in change.permissions(mailbox, folder)? {
                if matches!(permission.member, Member::User(_)) {
                    change.remove_permission(mailbox, folder, permission.id)?;
                }
            }
        }
        request
            .permissions_data
            .0
            .iter()
            .try_for_each(|data| apply(&backend, change, (mailbox, folder), data))
    })?;
    done(ResponseBody::RopModifyPermissions(Empty))
}

fn apply(
    backend: &Backend,
    change: &Change<'_>,
    (mailbox, folder): (MailboxId, ObjectId),
    data: &PermissionData,
) -> Result<(), Refusal> {
    let number = |tag| data.property_values.get(tag).and_then(PropertyValue::to_integer);
    let invalid = Refusal(ErrorCode::MAPI_E_INVALID_PARAMETER);
    let rights = || {
        let rights = number(PropTag::PidTagMemberRights).and_then(|rights| i32::try_from(rights).ok());
        rights.map(i32::cast_unsigned).ok_or(invalid)
    };
    let listed = || {
        let id = number(PropTag::PidTagMemberId).ok_or(invalid)?;
        let mut permissions = change.permissions(mailbox, folder)?.into_iter();
        permissions.find(|permission| permission.id == id).ok_or(Refusal(ErrorCode::MAPI_E_NOT_FOUND))
    };
    match data.permission_data_flags {
        PermissionDataFlags::ADD_ROW => {
            let id = data.property_values.get(PropTag::PidTagEntryId).and_then(PropertyValue::as_bytes);
            let EntryId::AddressBook(id) = EntryId::parse(id.ok_or(invalid)?) else { return Err(invalid) };
            let dn = String::from_utf8_lossy(&id.distinguished_name).into_owned();
            let entry = backend.person(&dn).ok_or(invalid)?;
            change.set_permission(mailbox, folder, &Member::User(entry.alias.clone()), rights()?)?;
        }
        PermissionDataFlags::MODIFY_ROW => {
            change.set_permission(mailbox, folder, &listed()?.member, rights()?)?;
        }
        PermissionDataFlags::REMOVE_ROW => change.remove_permission(mailbox, folder, listed()?.id)?,
        _ => return Err(invalid),
    }
    Ok(())
}
