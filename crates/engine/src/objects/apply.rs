//! Applies the responses to ROPs to the tracked objects.

use std::sync::Arc;

use mapi::data::PropertyName;
use mapi::property::{PropTag, PropertyList, PropertyValue};
use mapi::rop::{ColumnChange, RequestBody, ResponseBody, RopReply, RopRequest};

use super::content::{Properties, size_of_columns, size_of_name, size_of_value};
use super::object::{ObjectKind, Stream};
use super::slots::BatchObjects;
use super::table::{size_of_properties, store_properties};

/// Changes the object on which `request` acted, and the named properties of its logon, as the response `reply` shows.
pub(super) fn apply(objects: &mut BatchObjects<'_>, request: &RopRequest, reply: &RopReply) {
    if matches!(reply.body, ResponseBody::Failed(_)) {
        return;
    }
    match request.columns_after(&reply.body) {
        ColumnChange::None => {}
        ColumnChange::Unknown => set_columns(objects, request, None),
        ColumnChange::FromRequest(columns) | ColumnChange::FromResponse(columns) => {
            set_columns(objects, request, Some(columns.into()));
        }
        ColumnChange::Added(columns) => add_columns(objects, request, columns),
    }
    apply_stream(objects, request, &reply.body);
    apply_properties(objects, request, &reply.body);
    apply_names(objects, request, &reply.body);
    super::apply_transfer::apply(objects, request, reply);
}

fn apply_stream(objects: &mut BatchObjects<'_>, request: &RopRequest, reply: &ResponseBody) {
    #[expect(clippy::match_same_arms, reason = "the fields have one name, and types of their own")]
    match (&request.body, reply) {
        (_, ResponseBody::RopReadStream(read)) => record_stream_bytes(objects, request, &read.data.0),
        (RequestBody::RopWriteStream(req), _) => record_stream_bytes(objects, request, &req.data.0),
        (RequestBody::RopWriteStreamExtended(req), _) => record_stream_bytes(objects, request, &req.data.0),
        (RequestBody::RopWriteAndCommitStream(req), _) => record_stream_bytes(objects, request, &req.data.0),
        (_, ResponseBody::RopSeekStream(sought)) => {
            if let Some(stream) = acted_on_stream(objects, request) {
                stream.position = sought.new_position;
            }
        }
        (RequestBody::RopSetStreamSize(req), _) => {
            let Some(stream) = acted_on_stream(objects, request) else { return };
            let lost = stream.content.cut(req.stream_size);
            objects.table.held = objects.table.held.saturating_sub(lost);
        }
        _ => {}
    }
}

/// Applies `request`, which is in a further ROP buffer of the operation and continues the write that is the last ROP of
/// the first buffer.
pub(super) fn apply_packed(objects: &mut BatchObjects<'_>, request: &RopRequest) {
    if let RequestBody::RopWriteStreamExtended(req) = &request.body {
        record_stream_bytes(objects, request, &req.data.0);
    }
    super::apply_transfer::apply_packed(objects, request);
}

fn apply_properties(objects: &mut BatchObjects<'_>, request: &RopRequest, reply: &ResponseBody) {
    if let ResponseBody::RopSaveChangesMessage(saved) = reply
        && let Some(object) = objects.acted_on_mut(request)
        && let ObjectKind::Message(message) = &mut object.kind
    {
        message.id = Some(saved.message_id);
    }
    if !objects.table.keep_content {
        return;
    }
    match reply {
        ResponseBody::RopGetPropertiesSpecific(read) => {
            let row = read.row_data.iter(read.row_data.columns());
            store(objects, request, row.filter_map(|(tag, value)| Some((tag, value?))));
        }
        ResponseBody::RopGetPropertiesAll(read) => store(objects, request, tagged(&read.property_values)),
        _ => {
            if let Some(set) = properties_set(&request.body) {
                store(objects, request, tagged(set));
            }
            if let Some(deleted) = properties_deleted(&request.body) {
                remove_properties(objects, request, deleted);
            }
        }
    }
}

fn properties_set(req: &RequestBody) -> Option<&PropertyList> {
    match req {
        RequestBody::RopSetProperties(req) | RequestBody::RopSetPropertiesNoReplicate(req) => {
            req.property_values.value.as_deref()
        }
        _ => None,
    }
}

fn properties_deleted(req: &RequestBody) -> Option<&[PropTag]> {
    match req {
        RequestBody::RopDeleteProperties(req) | RequestBody::RopDeletePropertiesNoReplicate(req) => {
            Some(&req.property_tags.0)
        }
        _ => None,
    }
}

fn tagged(list: &PropertyList) -> impl Iterator<Item = (PropTag, &PropertyValue)> {
    list.0.iter().map(|property| (property.tag, &property.value))
}

/// Stores properties of the object that `request` acted on, as far as the limit allows.
fn store<'v>(
    objects: &mut BatchObjects<'_>,
    request: &RopRequest,
    known: impl Iterator<Item = (PropTag, &'v PropertyValue)>,
) {
    let known: Vec<_> = known.map(|(tag, value)| (tag, value.detached())).collect();
    let room = objects.table.room(size_of_properties(&known));
    let Some(object) = objects.acted_on_mut(request) else { return };
    let (taken, freed) = store_properties(&mut object.kind, known, room);
    objects.table.held = objects.table.held.saturating_add(taken).saturating_sub(freed);
}

fn remove_properties(objects: &mut BatchObjects<'_>, request: &RopRequest, deleted: &[PropTag]) {
    let Some(object) = objects.acted_on_mut(request) else { return };
    let Some(properties) = object.kind.properties_mut() else { return };
    let freed = deleted.iter().filter_map(|tag| properties.remove(tag.id()));
    let freed: usize = freed.map(|old| size_of_value(&old)).sum();
    objects.table.held = objects.table.held.saturating_sub(freed);
}

/// Stores the names of named properties, which are the same for the whole logon.
fn apply_names(objects: &mut BatchObjects<'_>, request: &RopRequest, reply: &ResponseBody) {
    let names: Vec<(u16, PropertyName)> = match (&request.body, reply) {
        (RequestBody::RopGetPropertyIdsFromNames(req), ResponseBody::RopGetPropertyIdsFromNames(resp)) => {
            resp.property_ids.0.iter().copied().zip(req.property_names.0.iter().cloned()).collect()
        }
        (RequestBody::RopGetNamesFromPropertyIds(req), ResponseBody::RopGetNamesFromPropertyIds(resp)) => {
            req.property_ids.0.iter().copied().zip(resp.property_names.0.iter().cloned()).collect()
        }
        (_, ResponseBody::RopQueryNamedProperties(resp)) => resp.properties.clone(),
        _ => return,
    };
    let mut room = objects.table.room(names.iter().map(|(_, name)| size_of_name(name)).sum());
    let before = room;
    let mut freed = 0_usize;
    let Some(logon) = objects.logon_mut(request) else { return };
    for (id, name) in names {
        let size = size_of_name(&name);
        let is_name = !matches!(name, PropertyName::None { .. });
        if id >= 0x8000 && is_name && size <= room {
            room = room.saturating_sub(size);
            freed = freed.saturating_add(logon.named.insert(id, name).map_or(0, |old| size_of_name(&old)));
        }
    }
    let taken = before.saturating_sub(room);
    objects.table.held = objects.table.held.saturating_add(taken).saturating_sub(freed);
}

/// Applies a further response to `request`, the last ROP of its batch.
pub(super) fn apply_more(objects: &mut BatchObjects<'_>, request: &RopRequest, reply: &RopReply) {
    apply_stream(objects, request, &reply.body);
    super::apply_transfer::apply(objects, request, reply);
}

fn set_columns(objects: &mut BatchObjects<'_>, request: &RopRequest, columns: Option<Arc<[PropTag]>>) {
    let known = columns.filter(|columns| {
        let size = size_of_columns(columns);
        size <= objects.table.room(size)
    });
    let added = known.as_deref().map_or(0, size_of_columns);
    let Some(object) = objects.acted_on_mut(request) else { return };
    let old = match &mut object.kind {
        ObjectKind::Table(table) => std::mem::replace(&mut table.columns, known),
        ObjectKind::Message(message) => std::mem::replace(&mut message.recipient_columns, known),
        _ => return,
    };
    let freed = old.map_or(0, |old| size_of_columns(&old));
    objects.table.held = objects.table.held.saturating_add(added).saturating_sub(freed);
}

/// Adds recipient columns: a client may add recipients with columns that the other recipients of the message lack.
fn add_columns(objects: &mut BatchObjects<'_>, request: &RopRequest, columns: &[PropTag]) {
    let Some(ObjectKind::Message(message)) = objects.acted_on(request).map(|object| &object.kind) else {
        return;
    };
    let Some(known) = &message.recipient_columns else { return };
    let changed = mapi::rop::add_columns(known, columns);
    if changed.as_ref().is_none_or(|changed| !Arc::ptr_eq(changed, known)) {
        set_columns(objects, request, changed);
    }
}

fn acted_on_stream<'a>(objects: &'a mut BatchObjects<'_>, request: &RopRequest) -> Option<&'a mut Stream> {
    match &mut objects.acted_on_mut(request)?.kind {
        ObjectKind::Stream(stream) => Some(stream),
        _ => None,
    }
}

/// Records bytes that were read or written at the position of the stream that `request` acts on.
fn record_stream_bytes(objects: &mut BatchObjects<'_>, request: &RopRequest, bytes: &[u8]) {
    let keep = objects.table.keep_content;
    let room = if keep { objects.table.room(bytes.len()) } else { 0 };
    let Some(stream) = acted_on_stream(objects, request) else { return };
    let at = stream.position;
    stream.position = at.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    if !keep {
        return;
    }
    let growth = stream.content.growth(at, bytes);
    if growth > room {
        stream.content.truncated = true;
        return;
    }
    stream.content.add(at, bytes);
    objects.table.held = objects.table.held.saturating_add(growth);
}

/// Applies the properties that `request` sets or deletes to `properties`.
pub(super) fn overlay(properties: &mut Properties, request: &RopRequest) {
    for property in properties_set(&request.body).map_or(&[][..], |set| &set.0) {
        properties.set(property.tag, property.value.clone());
    }
    for tag in properties_deleted(&request.body).unwrap_or_default() {
        properties.remove(tag.id());
    }
}
