//! What a server might answer.

use mapi::ErrorCode;
use mapi::property::{PropTag, Row};
use mapi::rop::fast_transfer::RopFastTransferSourceGetBufferResponse;
use mapi::rop::folder::MoveCompletion;
use mapi::rop::logon::{LogonRedirect, RopLogonResponse};
use mapi::rop::logon_store::{RECEIVE_FOLDER_COLUMNS, RopGetReceiveFolderTableResponse};
use mapi::rop::property::{RopCopyPropertiesResponse, RopGetPropertiesSpecificResponse};
use mapi::rop::stream::RopCopyToStreamResponse;
use mapi::rop::table::{RopExpandRowResponse, RopQueryRowsResponse};
use mapi::rop::{RequestBody, ResponseBody, ResponseFields, RopId, RopReply, RopRequest};

use super::folders::{find_row, move_completion};
use super::messages::read_recipients;
use super::sample::Sample;
use super::transfer::{copy_to_stream, get_buffer};
use super::values::{row, rows};
use crate::input::Input;

/// Return values: success most of the time, and those that change what a response has.
const RETURN_VALUES: [ErrorCode; 8] = [
    ErrorCode::SUCCESS,
    ErrorCode::SUCCESS,
    ErrorCode::SUCCESS,
    ErrorCode::EC_DST_NULL_OBJECT,
    ErrorCode::EC_SERVER_BUSY,
    ErrorCode::EC_WRONG_SERVER,
    ErrorCode::MAPI_W_ERRORS_RETURNED,
    ErrorCode::MAPI_E_NO_ACCESS,
];

/// What a server might answer to `request`; none where it does not answer.
pub(super) fn reply(request: &RopRequest, columns: &[PropTag], input: &mut Input<'_>) -> Option<RopReply> {
    if request.id() == RopId::RopRelease {
        return None;
    }
    let return_value = RETURN_VALUES[usize::from(input.byte() % 8)];
    let body = special(request, columns, return_value, input)
        .unwrap_or_else(|| plain(request.id(), return_value, input));
    Some(RopReply { handle_index: request.answered_index(), return_value, body })
}

/// The fields, where a response with this return value has some.
fn some<T: ResponseFields>(return_value: ErrorCode, make: impl FnOnce() -> T) -> Option<T> {
    T::present(return_value).then(make)
}

/// The answers that depend on the request, the columns or the return value.
fn special(
    request: &RopRequest,
    columns: &[PropTag],
    return_value: ErrorCode,
    input: &mut Input<'_>,
) -> Option<ResponseBody> {
    use ResponseBody as B;
    let missing = return_value == ErrorCode::EC_DST_NULL_OBJECT;
    let moved =
        |input: &mut Input<'_>| some::<MoveCompletion>(return_value, || move_completion(input, missing));
    let copied = |input: &mut Input<'_>| {
        some(return_value, || {
            if missing {
                RopCopyPropertiesResponse::NullDestination { dest_handle_index: Sample::sample(input) }
            } else {
                RopCopyPropertiesResponse::Copied(Sample::sample(input))
            }
        })
    };
    let body = match &request.body {
        RequestBody::RopLogon(_) => some(return_value, || match return_value {
            ErrorCode::SUCCESS => RopLogonResponse::sample(input),
            _ => RopLogonResponse::Redirect(LogonRedirect::sample(input)),
        })
        .map(B::RopLogon),
        RequestBody::RopGetReceiveFolderTable(_) => some(return_value, || RopGetReceiveFolderTableResponse {
            rows: rows(input, &RECEIVE_FOLDER_COLUMNS),
        })
        .map(B::RopGetReceiveFolderTable),
        RequestBody::RopMoveCopyMessages(_) => moved(input).map(B::RopMoveCopyMessages),
        RequestBody::RopMoveFolder(_) => moved(input).map(B::RopMoveFolder),
        RequestBody::RopCopyFolder(_) => moved(input).map(B::RopCopyFolder),
        RequestBody::RopQueryRows(_) => some(return_value, || RopQueryRowsResponse {
            origin: Sample::sample(input),
            rows: rows(input, columns),
        })
        .map(B::RopQueryRows),
        RequestBody::RopFindRow(_) => some(return_value, || find_row(input, columns)).map(B::RopFindRow),
        RequestBody::RopExpandRow(_) => some(return_value, || RopExpandRowResponse {
            expanded_row_count: Sample::sample(input),
            rows: rows(input, columns),
        })
        .map(B::RopExpandRow),
        RequestBody::RopReadRecipients(_) => {
            some(return_value, || read_recipients(input, columns)).map(B::RopReadRecipients)
        }
        RequestBody::RopGetPropertiesSpecific(asked) => {
            some(return_value, || RopGetPropertiesSpecificResponse {
                row_data: Row::new(asked.property_tags.0.clone(), row(input, &asked.property_tags.0)),
            })
            .map(B::RopGetPropertiesSpecific)
        }
        RequestBody::RopCopyProperties(_) => copied(input).map(B::RopCopyProperties),
        RequestBody::RopCopyTo(_) => copied(input).map(B::RopCopyTo),
        RequestBody::RopCopyToStream(_) => {
            some::<RopCopyToStreamResponse>(return_value, || copy_to_stream(input, missing))
                .map(B::RopCopyToStream)
        }
        RequestBody::RopFastTransferSourceGetBuffer(_) => {
            let busy = return_value == ErrorCode::EC_SERVER_BUSY;
            some::<RopFastTransferSourceGetBufferResponse>(return_value, || get_buffer(input, busy))
                .map(B::RopFastTransferSourceGetBuffer)
        }
        _ => return None,
    };
    Some(body.unwrap_or(B::Failed(request.id())))
}

macro_rules! response_bodies {
    ($($name:ident)*) => {
        /// The answers that depend on nothing.
        fn plain(id: RopId, return_value: ErrorCode, input: &mut Input<'_>) -> ResponseBody {
            match id {
                $(RopId::$name => some(return_value, || Sample::sample(input))
                    .map_or(ResponseBody::Failed(id), ResponseBody::$name),)*
                _ => ResponseBody::Failed(id),
            }
        }
    };
}

response_bodies! {
    RopGetReceiveFolder RopSetReceiveFolder RopGetStoreState RopGetOwningServers
    RopPublicFolderIsGhosted RopLongTermIdFromId RopIdFromLongTermId RopGetPerUserLongTermIds
    RopGetPerUserGuid RopReadPerUserInformation RopWritePerUserInformation RopOpenFolder
    RopCreateFolder RopDeleteFolder RopSetSearchCriteria RopGetSearchCriteria RopEmptyFolder
    RopHardDeleteMessagesAndSubfolders RopDeleteMessages RopHardDeleteMessages RopGetHierarchyTable
    RopGetContentsTable RopSetColumns RopSortTable RopRestrict RopAbort RopGetStatus
    RopQueryPosition RopSeekRow RopSeekRowBookmark RopSeekRowFractional RopCreateBookmark
    RopQueryColumnsAll RopFreeBookmark RopResetTable RopCollapseRow RopGetCollapseState
    RopSetCollapseState RopOpenMessage RopCreateMessage RopSaveChangesMessage RopRemoveAllRecipients
    RopModifyRecipients RopReloadCachedInformation RopSetMessageStatus RopGetMessageStatus
    RopSetReadFlags RopSetMessageReadFlag RopOpenAttachment RopCreateAttachment RopDeleteAttachment
    RopSaveChangesAttachment RopOpenEmbeddedMessage RopGetAttachmentTable RopGetValidAttachments
    RopSubmitMessage RopAbortSubmit RopGetAddressTypes RopSetSpooler RopSpoolerLockMessage
    RopTransportSend RopTransportNewMail RopGetTransportFolder RopOptionsData
    RopGetPropertyIdsFromNames RopGetNamesFromPropertyIds RopGetPropertiesAll RopGetPropertiesList
    RopSetProperties RopSetPropertiesNoReplicate RopDeleteProperties RopDeletePropertiesNoReplicate
    RopQueryNamedProperties RopProgress RopOpenStream RopReadStream RopWriteStream
    RopWriteStreamExtended RopCommitStream RopGetStreamSize RopSetStreamSize RopSeekStream
    RopLockRegionStream RopUnlockRegionStream RopWriteAndCommitStream RopCloneStream
    RopModifyPermissions RopGetPermissionsTable RopModifyRules RopGetRulesTable
    RopUpdateDeferredActionMessages RopFastTransferDestinationConfigure
    RopFastTransferDestinationPutBuffer RopFastTransferDestinationPutBufferExtended
    RopFastTransferSourceCopyFolder RopFastTransferSourceCopyMessages RopFastTransferSourceCopyTo
    RopFastTransferSourceCopyProperties RopTellVersion RopSynchronizationConfigure
    RopSynchronizationImportMessageChange RopSynchronizationImportReadStateChanges
    RopSynchronizationImportHierarchyChange RopSynchronizationImportDeletes
    RopSynchronizationImportMessageMove RopSynchronizationOpenCollector
    RopSynchronizationGetTransferState RopSynchronizationUploadStateStreamBegin
    RopSynchronizationUploadStateStreamContinue RopSynchronizationUploadStateStreamEnd
    RopSetLocalReplicaMidsetDeleted RopGetLocalReplicaIds RopRegisterNotification
}
