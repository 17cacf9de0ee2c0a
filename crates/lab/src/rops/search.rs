//! The criteria of search folders ([MS-OXCFOLD] 3.2.5.4, 3.2.5.5).

use mapi::ErrorCode;
use mapi::property::Layout;
use mapi::rop::folder::{
    RopGetSearchCriteriaRequest, RopGetSearchCriteriaResponse, RopSetSearchCriteriaRequest,
    SearchRequestFlags, SearchResponseFlags,
};
use mapi::rop::shared::Sized16;
use mapi::rop::{Empty, List16, ResponseBody};
use store::{FolderKind, ObjectId, Search};
use wire::Writer;

use super::context::Context;
use super::folder::visible;
use super::outcome::{Outcome, done};
use crate::refusal::Refusal;
use crate::search::{for_each_hit, restriction};
use crate::session::logon::{OWNER, READ_ANY};
use crate::values::eight_bit::to_eight_bit;
use crate::values::restriction::check;

/// `ecNotSearchFolder` and `ecNotInitialized` ([MS-OXCFOLD] 3.2.5.4).
const NOT_SEARCH_FOLDER: ErrorCode = ErrorCode(0x0000_0461);
const NOT_INITIALIZED: ErrorCode = ErrorCode(0x8004_0605);
/// The most folders of a scope, and the most messages that a static search finds.
const FOLDERS_MAX: usize = 1000;
const HITS_MAX: usize = 100_000;
/// The size of a response to `RopGetSearchCriteria` without restriction and folders ([MS-OXCROPS] 2.2.4.5.2).
const CRITERIA_SIZE: usize = 1 + 1 + 4 + 2 + 1 + 2 + 4;

/// The known options, and those that exclude one another. Searches in the foreground and in the background are equal.
const KNOWN: SearchRequestFlags = SearchRequestFlags(0x0007_003f);
const EXCLUSIVE: [SearchRequestFlags; 3] =
    [SearchRequestFlags(0x3), SearchRequestFlags(0xc), SearchRequestFlags(0x3_0000)];

/// `RopSetSearchCriteria` ([MS-OXCFOLD] 3.2.5.4). The search is complete at once: one that is stopped no longer counts
/// as running, but its results are still updated.
pub(super) fn set(context: &Context<'_>, request: &RopSetSearchCriteriaRequest) -> Outcome {
    let ((logon, folder), backend) = (context.folder()?, context.backend());
    let (mailbox, flags) = (logon.mailbox.id, request.search_flags);
    if flags.0 & !KNOWN.0 != 0 || EXCLUSIVE.iter().any(|both| flags.contains(*both)) {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    let data = &request.restriction_data;
    if !data.trailing.is_empty() || request.folder_ids.0.len() > FOLDERS_MAX {
        return Err(ErrorCode::MAPI_E_TOO_COMPLEX.into());
    }
    let mut encoded = Writer::new();
    if let Some(restriction) = &data.value {
        check(restriction)?;
        restriction.write(&mut encoded, Layout::Rop).map_err(|_| ErrorCode::MAPI_E_TOO_COMPLEX)?;
    }
    let folders: Vec<ObjectId> = request.folder_ids.0.iter().copied().map(ObjectId::from).collect();
    backend.write(backend.now(), |change| {
        visible(change, &logon, folder, false)?;
        if change.folder(mailbox, folder)?.kind != FolderKind::Search {
            return Err(Refusal(NOT_SEARCH_FOLDER));
        }
        logon.require(change, folder, OWNER)?;
        if folders.contains(&folder) {
            return Err(Refusal(ErrorCode::EC_SEARCH_FOLDER_SCOPE_VIOLATION));
        }
        folders.iter().try_for_each(|id| visible(change, &logon, *id, false))?;
        let before = change.search(mailbox, folder)?;
        if before.is_none() && folders.is_empty() {
            return Err(Refusal(NOT_INITIALIZED));
        }
        if flags.contains(SearchRequestFlags::STOP_SEARCH) {
            return Ok(change.stop_search(mailbox, folder)?);
        }
        let before = before.unwrap_or_default();
        let keeps = data.value.is_none();
        let mut search = Search {
            restriction: if keeps { before.restriction } else { encoded.as_slice().to_vec() },
            code_page: if keeps { before.code_page } else { context.session.code_page.number() },
            folders: if folders.is_empty() { before.folders } else { folders.clone() },
            recursive: flags.contains(SearchRequestFlags::RECURSIVE_SEARCH),
            stopped: false,
            hits: None,
        };
        change.set_search(mailbox, folder, &search)?;
        if flags.contains(SearchRequestFlags::STATIC_SEARCH) {
            let mut hits = Vec::new();
            for_each_hit(change, &logon, folder, |message, _| {
                hits.push(message.id);
                if hits.len() > HITS_MAX {
                    return Err(Refusal(ErrorCode::MAPI_E_TABLE_TOO_BIG));
                }
                Ok(())
            })?;
            search.hits = Some(hits);
            change.set_search(mailbox, folder, &search)?;
        }
        Ok(())
    })?;
    done(ResponseBody::RopSetSearchCriteria(Empty))
}

/// `RopGetSearchCriteria` ([MS-OXCFOLD] 3.2.5.5).
pub(super) fn get(context: &Context<'_>, request: &RopGetSearchCriteriaRequest) -> Outcome {
    let ((logon, folder), mailbox_room) = (context.folder()?, context.room);
    let search = context.backend().read(|view| {
        visible(view, &logon, folder, false)?;
        if view.folder(logon.mailbox.id, folder)?.kind != FolderKind::Search {
            return Err(Refusal(NOT_SEARCH_FOLDER));
        }
        logon.require(view, folder, READ_ANY | OWNER)?;
        view.search(logon.mailbox.id, folder)?.ok_or(Refusal(NOT_INITIALIZED))
    })?;
    let mut restriction = if request.include_restriction.is_true() { restriction(&search)? } else { None };
    if !request.use_unicode.is_true()
        && let Some(restriction) = &mut restriction
    {
        to_eight_bit(restriction, context.session.code_page);
    }
    let mut encoded = Writer::new();
    if let Some(restriction) = &restriction {
        restriction.write(&mut encoded, Layout::Rop).map_err(|_| ErrorCode::MAPI_E_TOO_COMPLEX)?;
    }
    let folders = if request.include_folders.is_true() { search.folders.as_slice() } else { &[] };
    let size = folders.len().saturating_mul(8).saturating_add(encoded.len());
    if size.saturating_add(CRITERIA_SIZE) > mailbox_room {
        return Err(ErrorCode::EC_BUFFER_TOO_SMALL.into());
    }
    let mut flags = SearchResponseFlags::SEARCH_COMPLETE | SearchResponseFlags::TWIR_TOTALLY;
    flags = flags
        | match search.hits {
            Some(_) => SearchResponseFlags::SEARCH_STATIC,
            None if search.stopped => SearchResponseFlags::NONE,
            None => SearchResponseFlags::SEARCH_RUNNING,
        };
    if search.recursive {
        flags = flags | SearchResponseFlags::SEARCH_RECURSIVE;
    }
    done(ResponseBody::RopGetSearchCriteria(RopGetSearchCriteriaResponse {
        restriction_data: restriction.map(Sized16::new).unwrap_or_default(),
        logon_id: context.request.logon_id,
        folder_ids: List16(folders.iter().map(|id| id.folder_id()).collect()),
        search_flags: flags,
    }))
}
