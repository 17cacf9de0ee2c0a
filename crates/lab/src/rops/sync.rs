//! Downloads of changes, and the state of synchronizations ([MS-OXCFXICS] 3.2.5.9).

use mapi::ErrorCode;
use mapi::rop::fast_transfer::SendOptions;
use mapi::rop::sync::{
    RopSynchronizationConfigureRequest, RopSynchronizationUploadStateStreamBeginRequest,
    RopSynchronizationUploadStateStreamContinueRequest, SynchronizationFlags, SynchronizationType,
};
use mapi::rop::{Empty, ResponseBody};
use wire::Guid;

use super::context::Context;
use super::outcome::{Outcome, Success, done};
use crate::refusal::Refusal;
use crate::session::logon::{OWNER, READ_ANY};
use crate::session::{Object, Opened};
use crate::sync::contents::Contents;
use crate::sync::download::{Download, Scope};
use crate::sync::element::{Encoding, Filter};
use crate::sync::hierarchy::Hierarchy;
use crate::sync::state::{StateUpload, SyncState};
use crate::sync::step::Step;
use crate::values::restriction::check;

/// The flags of [MS-OXCFXICS] 2.2.3.2.1.1.1.
const KNOWN_FLAGS: u16 = 0xf1bf;

/// The options of [MS-OXCFXICS] 2.2.3.1.1.1.2, and those that are reserved.
pub(super) const KNOWN_OPTIONS: u8 = 0x7f;

/// How texts are sent with these options.
pub(super) fn encoding(context: &Context<'_>, options: SendOptions) -> Encoding {
    let is_unicode = options.intersects(SendOptions::UNICODE | SendOptions::FORCE_UNICODE);
    Encoding { is_unicode, code_page: context.session.code_page }
}

/// `RopSynchronizationConfigure` ([MS-OXCFXICS] 3.2.5.9.1.1). Unknown flags are refused, unknown extra flags ignored.
pub(super) fn configure(context: &Context<'_>, request: &RopSynchronizationConfigureRequest) -> Outcome {
    let (logon, folder) = context.folder()?;
    let (flags, extra) = (request.synchronization_flags, request.synchronization_extra_flags);
    let restriction = request.restriction_data.value.as_deref();
    let tags = &request.property_tags.0;
    if request.send_options.0 & !KNOWN_OPTIONS != 0 {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    if flags.0 & !KNOWN_FLAGS != 0 || !request.restriction_data.trailing.is_empty() {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    let scope = match request.synchronization_type {
        SynchronizationType::CONTENTS => {
            context.backend().read(|view| logon.require(view, folder, READ_ANY | OWNER))?;
            restriction.map_or(Ok(()), check)?;
            let restriction = restriction.cloned();
            let code_page = context.session.code_page;
            Scope::Contents(Box::new(Contents { folder, flags, extra, restriction, code_page }))
        }
        SynchronizationType::HIERARCHY if restriction.is_none() => {
            context.backend().read(|view| super::folder::visible(view, &logon, folder, false))?;
            Scope::Hierarchy(Hierarchy { folder, flags, extra })
        }
        _ => return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into()),
    };
    let filter = if flags.contains(SynchronizationFlags::ONLY_SPECIFIED_PROPERTIES) {
        Filter::only(tags)
    } else {
        Filter::all_except(tags)
    };
    let download = Download::new(scope, encoding(context, request.send_options), filter);
    let body = ResponseBody::RopSynchronizationConfigure(Empty);
    Ok(Success::opened(body, &logon, Object::Download(Box::new(download))))
}

/// Calls `change` with the state of the synchronization on which the ROP acts.
fn with_state(
    context: &mut Context<'_>,
    change: impl FnOnce(&mut StateUpload, &mut SyncState, Guid) -> Result<(), ErrorCode>,
) -> Result<(), Refusal> {
    let handle = context.handle()?;
    let Opened { logon, object } =
        context.session.objects.get_mut(handle).ok_or(ErrorCode::EC_NULL_OBJECT)?;
    let (upload, state) = match object {
        Object::Download(download) => download.upload()?,
        Object::Collector(collector) => (&mut collector.upload, &mut collector.state),
        _ => return Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
    };
    Ok(change(upload, state, logon.mailbox.replica)?)
}

/// `RopSynchronizationUploadStateStreamBegin` ([MS-OXCFXICS] 3.2.5.9.2.1).
pub(super) fn begin_state(
    context: &mut Context<'_>,
    request: &RopSynchronizationUploadStateStreamBeginRequest,
) -> Outcome {
    with_state(context, |upload, _, _| upload.begin(request.state_property, request.transfer_buffer_size))?;
    done(ResponseBody::RopSynchronizationUploadStateStreamBegin(Empty))
}

/// `RopSynchronizationUploadStateStreamContinue` ([MS-OXCFXICS] 3.2.5.9.2.2).
pub(super) fn continue_state(
    context: &mut Context<'_>,
    request: &RopSynchronizationUploadStateStreamContinueRequest,
) -> Outcome {
    with_state(context, |upload, _, _| upload.add(&request.stream_data.0))?;
    context.session.objects.check_room(0)?;
    done(ResponseBody::RopSynchronizationUploadStateStreamContinue(Empty))
}

/// `RopSynchronizationUploadStateStreamEnd` ([MS-OXCFXICS] 3.2.5.9.2.3).
pub(super) fn end_state(context: &mut Context<'_>) -> Outcome {
    with_state(context, |upload, state, replica| upload.end(replica, state))?;
    done(ResponseBody::RopSynchronizationUploadStateStreamEnd(Empty))
}

/// `RopSynchronizationGetTransferState` ([MS-OXCFXICS] 3.2.5.9.3.1).
pub(super) fn transfer_state(context: &Context<'_>) -> Outcome {
    let Opened { logon, object } = context.opened()?;
    let state = match object {
        Object::Download(download) => download.checkpoint(logon.mailbox.replica)?,
        Object::Collector(collector) => {
            collector.state.element(logon.mailbox.replica, collector.is_contents)?
        }
        _ => return Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
    };
    let encoding = Encoding { is_unicode: true, code_page: context.session.code_page };
    let download = Download::of_steps(vec![Step::Bytes(state)], encoding, Filter::default());
    let body = ResponseBody::RopSynchronizationGetTransferState(Empty);
    Ok(Success::opened(body, logon, Object::Download(Box::new(download))))
}
