//! The ROPs that the lab executes ([MS-OXCROPS]): one table, and a file for each group.

mod attachment;
mod bulk;
mod category;
mod collector;
mod context;
mod copy;
mod copy_folder;
mod folder;
mod grouping;
mod import;
mod logon;
mod message;
mod named;
mod notification;
mod outcome;
mod permission;
mod position;
mod property;
mod public;
mod receive_folder;
mod recipient;
mod rows;
mod rule;
mod search;
mod selection;
mod spooler;
mod stream;
mod submit;
mod sync;
mod table;
mod table_events;
mod transfer;
mod transfer_destination;
mod transfer_source;
mod tree;

use mapi::ErrorCode;
use mapi::rop::{RequestBody, ResponseBody, RopReply, RopRequest};

use self::context::Context;
use self::outcome::{Outcome, Success};
pub(crate) use self::table_events::{forget_table, row_events, table_changed};
use crate::refusal::Refusal;
use crate::session::MailboxSession;

/// The most bytes of a response without property problems, rows or values.
const PLAIN_MAX: usize = 32;
/// The size of a property problem ([MS-OXCDATA] 2.7).
const PROBLEM_SIZE: usize = 10;
/// The most bytes that a client may request from a stream ([MS-OXCROPS] 2.2.9.2.1).
const READ_MAX: u32 = 0x8000_0000;

/// What a ROP results in.
pub(crate) struct Executed {
    /// The response; `None` for `RopRelease`.
    pub(crate) reply: Option<RopReply>,
    /// The handle of the object that it opened.
    pub(crate) opened: Option<u32>,
    /// The ROP that continues it in another buffer ([MS-OXCRPC] 3.1.4.2.1.2.2).
    pub(crate) next: Option<RopRequest>,
}

/// Executes one ROP, whose response may have `room` bytes.
pub(crate) fn execute(
    session: &mut MailboxSession,
    request: &RopRequest,
    handles: &mut [u32],
    room: usize,
) -> Executed {
    if let RequestBody::RopRelease(_) = &request.body {
        release(session, request.handle_index, handles);
        return Executed { reply: None, opened: None, next: None };
    }
    let place = request.output_handle_index();
    let outcome = match place {
        Some(index) if usize::from(index) >= handles.len() => Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into()),
        _ => dispatch(&mut Context { session, request, handles, room }),
    };
    let outcome = outcome.and_then(|Success { body, code, opened, next }| {
        let opened = opened.map(|object| session.open(request.logon_id, object)).transpose()?;
        Ok((body, code, opened, next))
    });
    match outcome {
        Ok((body, return_value, opened, next)) => {
            let handle_index = request.reply_handle_index();
            let reply = RopReply { handle_index, return_value, body };
            Executed { reply: Some(reply), opened, next }
        }
        Err(Refusal(code)) => {
            tracing::debug!(rop = ?request.id(), "lab: refused with {code}");
            Executed { reply: Some(outcome::refused(request, code)), opened: None, next: None }
        }
    }
}

/// Executes a ROP by its table. The ROPs that are missing here are not supported; docs/lab.md lists them.
fn dispatch(context: &mut Context<'_>) -> Outcome {
    use {RequestBody as R, ResponseBody as A};
    match &context.request.body {
        R::RopLogon(request) => logon::logon(context, request),
        R::RopGetReceiveFolder(request) => receive_folder::get(context, request),
        R::RopSetReceiveFolder(request) => receive_folder::set(context, request),
        R::RopGetReceiveFolderTable(_) => receive_folder::table(context),
        R::RopPublicFolderIsGhosted(_) => public::is_ghosted(context),
        R::RopGetPerUserLongTermIds(_) => public::per_user_ids(context),
        R::RopGetPerUserGuid(_) => public::per_user_guid(context),
        R::RopReadPerUserInformation(request) => public::read_per_user(context, request),
        // As Exchange since 2010 ([MS-OXCSTOR] 3.2.5.5).
        R::RopGetStoreState(_) => Err(ErrorCode::MAPI_E_NOT_IMPLEMENTED.into()),
        R::RopLongTermIdFromId(request) => logon::long_term_id(context, request),
        R::RopIdFromLongTermId(request) => logon::id_from_long_term_id(context, request),

        R::RopOpenFolder(request) => folder::open(context, request),
        R::RopCreateFolder(request) => folder::create(context, request),
        R::RopDeleteFolder(request) => folder::delete(context, request),
        R::RopEmptyFolder(request) => tree::empty(context, request, true, A::RopEmptyFolder),
        R::RopHardDeleteMessagesAndSubfolders(request) => {
            tree::empty(context, request, false, A::RopHardDeleteMessagesAndSubfolders)
        }
        R::RopMoveFolder(request) => tree::move_folder(context, request),
        R::RopCopyFolder(request) => tree::copy_folder(context, request),
        R::RopSetSearchCriteria(request) => search::set(context, request),
        R::RopGetSearchCriteria(request) => search::get(context, request),
        R::RopGetHierarchyTable(request) => folder::hierarchy_table(context, request),
        R::RopGetContentsTable(request) => folder::contents_table(context, request),

        R::RopGetPropertiesSpecific(request) => property::get(context, request),
        R::RopGetPropertiesAll(request) => property::get_all(context, request),
        R::RopGetPropertiesList(_) => property::list(context),
        R::RopSetProperties(request) => property::set(context, request, A::RopSetProperties),
        R::RopSetPropertiesNoReplicate(request) => {
            property::set(context, request, A::RopSetPropertiesNoReplicate)
        }
        R::RopDeleteProperties(request) => {
            property::delete(context, &request.property_tags.0, A::RopDeleteProperties)
        }
        R::RopDeletePropertiesNoReplicate(request) => {
            property::delete(context, &request.property_tags.0, A::RopDeletePropertiesNoReplicate)
        }
        R::RopGetPropertyIdsFromNames(request) => named::ids(context, request),
        R::RopGetNamesFromPropertyIds(request) => named::names(context, request),
        R::RopQueryNamedProperties(request) => named::query(context, request),
        R::RopCopyProperties(request) => copy::properties(context, request),
        R::RopCopyTo(request) => copy::all(context, request),

        R::RopCreateMessage(request) => message::create(context, request),
        R::RopOpenMessage(request) => message::open(context, request),
        R::RopSaveChangesMessage(request) => message::save(context, request),
        R::RopReloadCachedInformation(_) => message::reload(context),
        R::RopSetMessageReadFlag(request) => message::set_read(context, request),
        R::RopModifyRecipients(request) => recipient::modify(context, request),
        R::RopRemoveAllRecipients(_) => recipient::remove_all(context),
        R::RopReadRecipients(request) => recipient::read(context, request),
        R::RopCreateAttachment(_) => attachment::create(context),
        R::RopOpenAttachment(request) => attachment::open(context, request),
        R::RopSaveChangesAttachment(request) => attachment::save(context, request),
        R::RopDeleteAttachment(request) => attachment::delete(context, request),
        R::RopGetAttachmentTable(_) => attachment::table(context),
        R::RopGetValidAttachments(_) => attachment::valid(context),
        R::RopOpenEmbeddedMessage(request) => attachment::open_embedded(context, request),
        R::RopDeleteMessages(request) => bulk::delete(context, request, true, A::RopDeleteMessages),
        R::RopHardDeleteMessages(request) => bulk::delete(context, request, false, A::RopHardDeleteMessages),
        R::RopMoveCopyMessages(request) => bulk::move_or_copy(context, request),
        R::RopSetReadFlags(request) => bulk::set_read_flags(context, request),
        R::RopSetMessageStatus(request) => bulk::set_status(context, request),
        R::RopGetMessageStatus(request) => bulk::get_status(context, request),

        R::RopOpenStream(request) => stream::open(context, request),
        R::RopReadStream(request) => stream::read(context, request),
        R::RopWriteStream(request) => stream::write(context, request),
        R::RopWriteStreamExtended(request) => stream::write_extended(context, request),
        R::RopCopyToStream(request) => stream::copy(context, request),
        R::RopGetStreamSize(_) => stream::size(context),
        R::RopSetStreamSize(request) => stream::set_size(context, request),
        R::RopSeekStream(request) => stream::seek(context, request),
        R::RopCommitStream(_) => stream::commit(context),

        R::RopSubmitMessage(request) => submit::submit(context, request),
        R::RopTransportSend(_) => submit::transport_send(context),
        R::RopGetAddressTypes(_) => submit::address_types(context),
        R::RopGetTransportFolder(_) => submit::transport_folder(context),
        R::RopOptionsData(request) => submit::options(context, request),
        R::RopSetSpooler(_) => spooler::set(context),
        R::RopSpoolerLockMessage(_) => spooler::lock_message(context),
        R::RopTransportNewMail(request) => spooler::new_mail(context, request),

        R::RopRegisterNotification(request) => notification::register(context, request),

        R::RopGetPermissionsTable(request) => permission::table(context, request),
        R::RopModifyPermissions(request) => permission::modify(context, request),

        R::RopGetRulesTable(request) => rule::table(context, request),
        R::RopModifyRules(request) => rule::modify(context, request),
        R::RopUpdateDeferredActionMessages(request) => rule::update_deferred(context, request),
        _ => dispatch_table(context),
    }
}

/// Executes a ROP that acts on a table.
fn dispatch_table(context: &mut Context<'_>) -> Outcome {
    use RequestBody as R;
    match &context.request.body {
        R::RopSetColumns(request) => table::set_columns(context, request),
        R::RopSortTable(request) => table::sort(context, request),
        R::RopRestrict(request) => table::restrict(context, request),
        R::RopQueryRows(request) => table::query_rows(context, request),
        R::RopGetStatus(_) => table::status(context),
        R::RopAbort(_) => table::abort(context),
        R::RopResetTable(_) => table::reset(context),
        R::RopQueryColumnsAll(_) => table::all_columns(context),
        R::RopQueryPosition(_) => position::position(context),
        R::RopSeekRow(request) => position::seek(context, request),
        R::RopSeekRowBookmark(request) => position::seek_bookmark(context, request),
        R::RopSeekRowFractional(request) => position::seek_fraction(context, request),
        R::RopCreateBookmark(_) => position::create_bookmark(context),
        R::RopFreeBookmark(request) => position::free_bookmark(context, request),
        R::RopFindRow(request) => position::find_row(context, request),
        R::RopExpandRow(request) => category::expand(context, request),
        R::RopCollapseRow(request) => category::collapse(context, request),
        R::RopGetCollapseState(request) => category::state(context, request),
        R::RopSetCollapseState(request) => category::set_state(context, request),
        _ => dispatch_transfer(context),
    }
}

/// Executes a ROP of [MS-OXCFXICS].
fn dispatch_transfer(context: &mut Context<'_>) -> Outcome {
    use RequestBody as R;
    match &context.request.body {
        R::RopSynchronizationConfigure(request) => sync::configure(context, request),
        R::RopSynchronizationUploadStateStreamBegin(request) => sync::begin_state(context, request),
        R::RopSynchronizationUploadStateStreamContinue(request) => sync::continue_state(context, request),
        R::RopSynchronizationUploadStateStreamEnd(_) => sync::end_state(context),
        R::RopSynchronizationGetTransferState(_) => sync::transfer_state(context),
        R::RopSynchronizationOpenCollector(request) => collector::open(context, request),
        R::RopSynchronizationImportMessageChange(request) => import::message_change(context, request),
        R::RopSynchronizationImportMessageMove(request) => import::message_move(context, request),
        R::RopSynchronizationImportHierarchyChange(request) => collector::hierarchy_change(context, request),
        R::RopSynchronizationImportDeletes(request) => collector::deletes(context, request),
        R::RopSynchronizationImportReadStateChanges(request) => collector::read_states(context, request),
        R::RopGetLocalReplicaIds(request) => collector::local_ids(context, request),
        R::RopSetLocalReplicaMidsetDeleted(request) => collector::release_ids(context, request),
        R::RopFastTransferDestinationConfigure(request) => transfer_destination::configure(context, request),
        R::RopFastTransferDestinationPutBuffer(request) => transfer_destination::put_buffer(context, request),
        R::RopFastTransferDestinationPutBufferExtended(request) => {
            transfer_destination::put_buffer_extended(context, request)
        }
        R::RopTellVersion(_) => transfer_source::tell_version(context),
        R::RopFastTransferSourceCopyTo(request) => transfer_source::copy_to(context, request),
        R::RopFastTransferSourceCopyProperties(request) => transfer_source::copy_properties(context, request),
        R::RopFastTransferSourceCopyMessages(request) => transfer_source::copy_messages(context, request),
        R::RopFastTransferSourceCopyFolder(request) => transfer_source::copy_folder(context, request),
        R::RopFastTransferSourceGetBuffer(request) => transfer::get_buffer(context, request),
        _ => Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
    }
}

/// The room that is necessary for the response to `request` before it is executed.
pub(crate) fn reserve(request: &RopRequest) -> usize {
    let problems = match &request.body {
        RequestBody::RopSetProperties(set) | RequestBody::RopSetPropertiesNoReplicate(set) => {
            set.property_values.value.as_ref().map_or(0, |list| list.0.len())
        }
        RequestBody::RopDeleteProperties(deleted) | RequestBody::RopDeletePropertiesNoReplicate(deleted) => {
            deleted.property_tags.0.len()
        }
        RequestBody::RopFastTransferSourceGetBuffer(request) => return transfer::buffer_room(request),
        RequestBody::RopCopyProperties(copied) => copied.property_tags.0.len(),
        _ => return PLAIN_MAX,
    };
    problems.saturating_mul(PROBLEM_SIZE).saturating_add(PLAIN_MAX)
}

/// Whether a ROP that can be decoded has no value for which the whole request fails.
pub(crate) fn is_well_formed(request: &RopRequest) -> bool {
    match &request.body {
        RequestBody::RopReadStream(read) => read.limit() <= READ_MAX,
        _ => true,
    }
}

/// Releases an object. The table keeps its handle, which is not used again.
fn release(session: &mut MailboxSession, index: u8, handles: &[u32]) {
    if let Some(handle) = handles.get(usize::from(index)) {
        stream::commit_at_release(session, *handle);
        session.release(*handle);
    }
}
