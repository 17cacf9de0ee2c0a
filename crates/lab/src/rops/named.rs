//! Names of properties and their ids in a mailbox ([MS-OXCPRPT] 3.2.5.6, 3.2.5.9, 3.2.5.10).

use std::collections::BTreeSet;

use mapi::ErrorCode;
use mapi::data::PropertyName;
use mapi::property::PropTag;
use mapi::property::names::set::PS_MAPI;
use mapi::rop::named_property::{
    PropertyIdFlags, QueryFlags, RopGetNamesFromPropertyIdsRequest, RopGetNamesFromPropertyIdsResponse,
    RopGetPropertyIdsFromNamesRequest, RopGetPropertyIdsFromNamesResponse, RopQueryNamedPropertiesRequest,
    RopQueryNamedPropertiesResponse,
};
use mapi::rop::{List16, ResponseBody};
use store::{MailboxId, View};
use wire::{Encode as _, Guid};

use super::context::Context;
use super::outcome::{Outcome, done};
use crate::refusal::Refusal;
use crate::session::Object;

/// The lowest id of a named property.
const FIRST_NAMED: u16 = 0x8000;
/// The size of a response to `RopQueryNamedProperties` without ids and names ([MS-OXCROPS] 2.2.8.10.2).
const QUERY_SIZE: usize = 1 + 1 + 4 + 2;
/// The most names or ids in one request.
const NAMES_MAX: usize = 1000;

/// `RopGetPropertyIdsFromNames` ([MS-OXCPRPT] 3.2.5.10).
pub(super) fn ids(context: &Context<'_>, request: &RopGetPropertyIdsFromNamesRequest) -> Outcome {
    let (logon, backend, names) = (context.logon()?, context.backend(), &request.property_names.0);
    let mailbox = logon.mailbox.id;
    if names.len() > NAMES_MAX {
        return Err(ErrorCode::MAPI_E_TOO_BIG.into());
    }
    let found: Vec<u16> = if names.is_empty() {
        let all = backend.read(|view| view.named_properties(mailbox))?;
        all.into_iter().map(|(id, _)| id).collect()
    } else if request.flags == PropertyIdFlags::CREATE {
        backend.write(backend.now(), |change| {
            let ids = names.iter().map(|name| match fixed(name) {
                Some(id) => Ok(id),
                None => Ok(change.assign_named_property(mailbox, name)?),
            });
            ids.collect::<Result<_, Refusal>>()
        })?
    } else {
        backend.read(|view| {
            names.iter().map(|name| known(view, mailbox, name)).collect::<Result<_, Refusal>>()
        })?
    };
    if found.len().saturating_mul(2).saturating_add(8) > context.room {
        return Err(ErrorCode::EC_BUFFER_TOO_SMALL.into());
    }
    // A name without an id has the id 0; the response is a success nevertheless.
    let response = RopGetPropertyIdsFromNamesResponse { property_ids: List16(found) };
    done(ResponseBody::RopGetPropertyIdsFromNames(response))
}

/// The id of a name in `PS_MAPI`, whose ids are its numbers; 0 for those without a name.
fn fixed(name: &PropertyName) -> Option<u16> {
    match name {
        PropertyName::Lid { guid, lid } if *guid == PS_MAPI => {
            Some(u16::try_from(*lid).ok().filter(|id| *id < FIRST_NAMED).unwrap_or_default())
        }
        PropertyName::RawName { .. } | PropertyName::None { .. } => Some(0),
        _ => None,
    }
}

fn known(view: &View<'_>, mailbox: MailboxId, name: &PropertyName) -> Result<u16, Refusal> {
    match fixed(name) {
        Some(id) => Ok(id),
        None => Ok(view.named_property(mailbox, name)?.unwrap_or_default()),
    }
}

/// `RopGetNamesFromPropertyIds` ([MS-OXCPRPT] 3.2.5.9).
pub(super) fn names(context: &Context<'_>, request: &RopGetNamesFromPropertyIdsRequest) -> Outcome {
    let (logon, ids) = (context.logon()?, &request.property_ids.0);
    if ids.len() > NAMES_MAX {
        return Err(ErrorCode::MAPI_E_TOO_BIG.into());
    }
    let names = context.backend().read(|view| {
        let names = ids.iter().map(|id| {
            if *id < FIRST_NAMED {
                return Ok(PropertyName::Lid { guid: PS_MAPI, lid: u32::from(*id) });
            }
            let name = view.property_name(logon.mailbox.id, *id)?;
            Ok(name.unwrap_or(PropertyName::None { guid: Guid::default() }))
        });
        names.collect::<Result<Vec<_>, Refusal>>()
    })?;
    done(ResponseBody::RopGetNamesFromPropertyIds(RopGetNamesFromPropertyIdsResponse {
        property_names: List16(names),
    }))
}

/// `RopQueryNamedProperties`: those of the object on which the ROP acts, or of the mailbox if that is the logon
/// ([MS-OXCPRPT] 3.2.5.6).
pub(super) fn query(context: &Context<'_>, request: &RopQueryNamedPropertiesRequest) -> Outcome {
    let (logon, flags) = (context.logon()?, request.query_flags);
    let of_object: Option<BTreeSet<u16>> = match &context.opened()?.object {
        Object::Logon => None,
        _ => Some(super::property::tags(context)?.into_iter().map(PropTag::id).collect()),
    };
    let all = context.backend().read(|view| view.named_properties(logon.mailbox.id))?;
    let is_wanted = |id: u16, name: &PropertyName| {
        let (guid, is_excluded) = match name {
            PropertyName::Name { guid, .. } => (guid, flags.contains(QueryFlags::NO_STRINGS)),
            PropertyName::Lid { guid, .. } => (guid, flags.contains(QueryFlags::NO_IDS)),
            _ => return false,
        };
        !is_excluded
            && request.property_guid.is_none_or(|wanted| wanted == *guid)
            && of_object.as_ref().is_none_or(|ids| ids.contains(&id))
    };
    let properties: Vec<_> = all.into_iter().filter(|(id, name)| is_wanted(*id, name)).collect();
    let sizes = properties.iter().map(|(_, name)| name.to_bytes().map_or(usize::MAX, |name| name.len()));
    let size = sizes.fold(QUERY_SIZE, |sum, size| sum.saturating_add(size).saturating_add(2));
    if size > context.room {
        return Err(ErrorCode::EC_BUFFER_TOO_SMALL.into());
    }
    done(ResponseBody::RopQueryNamedProperties(RopQueryNamedPropertiesResponse { properties }))
}
