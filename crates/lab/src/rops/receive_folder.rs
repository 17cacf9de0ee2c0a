//! The folders to which messages of each class are delivered ([MS-OXCSTOR] 3.2.5.2 to 3.2.5.4).

use mapi::ErrorCode;
use mapi::data::FolderId;
use mapi::property::{PropertyRow, PropertyValue, Rows};
use mapi::rop::logon_store::{
    RECEIVE_FOLDER_COLUMNS, RopGetReceiveFolderRequest, RopGetReceiveFolderResponse,
    RopGetReceiveFolderTableResponse, RopSetReceiveFolderRequest,
};
use mapi::rop::{AsciiZ, Empty, ResponseBody};
use store::ObjectId;

use super::context::Context;
use super::outcome::{Outcome, done};
use crate::refusal::Refusal;

/// The most classes that have receive folders, so that all of them fit into a response.
const CLASSES_MAX: usize = 100;
/// `ecNoReceiveFolder`: no class has a receive folder ([MS-OXCSTOR] 3.2.5.4).
const NO_RECEIVE_FOLDER: ErrorCode = ErrorCode(0x0000_0463);
/// The size of a response to `RopGetReceiveFolderTable` without its rows, and that of a row without its class
/// ([MS-OXCROPS] 2.2.3.4.2).
const TABLE_SIZE: usize = 1 + 1 + 4 + 4;
const ROW_SIZE: usize = 1 + 8 + 1 + 8;

/// A message class that a client names ([MS-OXCSTOR] 2.2.1.2.1).
fn class(name: &AsciiZ) -> Result<String, Refusal> {
    let name = &name.0;
    let valid = name.len() < 255
        && name.iter().all(|byte| matches!(byte, 32..=126))
        && !name.starts_with(b".")
        && !name.ends_with(b".")
        && !name.windows(2).any(|pair| pair == b"..");
    if !valid {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    Ok(String::from_utf8_lossy(name).into_owned())
}

/// `RopGetReceiveFolder` ([MS-OXCSTOR] 3.2.5.2).
pub(super) fn get(context: &Context<'_>, request: &RopGetReceiveFolderRequest) -> Outcome {
    let logon = context.on_private_logon()?;
    let class = class(&request.message_class)?;
    let found = context.backend().read(|view| view.receive_folder(logon.mailbox.id, &class))?;
    let found = found.ok_or(ErrorCode::MAPI_E_NOT_FOUND)?;
    done(ResponseBody::RopGetReceiveFolder(RopGetReceiveFolderResponse {
        folder_id: found.folder.folder_id(),
        explicit_message_class: AsciiZ(found.message_class.into_bytes()),
    }))
}

/// `RopSetReceiveFolder` ([MS-OXCSTOR] 3.2.5.3). Only the owner of the mailbox decides where mail is delivered:
/// otherwise others could have it delivered to a folder that they may read.
pub(super) fn set(context: &Context<'_>, request: &RopSetReceiveFolderRequest) -> Outcome {
    let (logon, backend) = (context.on_private_logon()?, context.backend());
    let (class, mailbox) = (class(&request.message_class)?, logon.mailbox.id);
    let is_fixed = ["IPM", "REPORT.IPM"].iter().any(|fixed| fixed.eq_ignore_ascii_case(&class));
    if is_fixed || !logon.is_owner() {
        return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
    }
    let is_removed = request.folder_id == FolderId(0);
    if is_removed && class.is_empty() {
        return Err(ErrorCode::MAPI_E_CALL_FAILED.into());
    }
    let folder = (!is_removed).then(|| ObjectId::from(request.folder_id));
    backend.write(backend.now(), |change| {
        change.set_receive_folder(mailbox, &class, folder)?;
        if change.receive_folders(mailbox)?.len() > CLASSES_MAX {
            return Err(Refusal(ErrorCode::MAPI_E_NOT_ENOUGH_RESOURCES));
        }
        Ok(())
    })?;
    done(ResponseBody::RopSetReceiveFolder(Empty))
}

/// `RopGetReceiveFolderTable` ([MS-OXCSTOR] 3.2.5.4).
pub(super) fn table(context: &Context<'_>) -> Outcome {
    let logon = context.on_private_logon()?;
    if !logon.is_owner() {
        return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
    }
    let found = context.backend().read(|view| view.receive_folders(logon.mailbox.id))?;
    if found.is_empty() {
        return Err(NO_RECEIVE_FOLDER.into());
    }
    let sizes = found.iter().map(|one| one.message_class.len().saturating_add(ROW_SIZE));
    if sizes.fold(TABLE_SIZE, usize::saturating_add) > context.room {
        return Err(ErrorCode::EC_BUFFER_TOO_SMALL.into());
    }
    let rows = found.into_iter().map(|one| {
        let values = [
            PropertyValue::Integer64(one.folder.folder_id().0.cast_signed()),
            PropertyValue::String8(one.message_class.into_bytes()),
            PropertyValue::Time(one.modified),
        ];
        PropertyRow::new(&RECEIVE_FOLDER_COLUMNS, values.map(Some).to_vec())
    });
    let rows = Rows::new(RECEIVE_FOLDER_COLUMNS.to_vec(), rows.collect());
    done(ResponseBody::RopGetReceiveFolderTable(RopGetReceiveFolderTableResponse { rows }))
}
