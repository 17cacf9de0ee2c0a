//! What the answers to ROPs teach of the objects that they act on.

use std::sync::Arc;

use mapi::data::PropertyName;
use mapi::property::{PropTag, PropertyList, PropertyValue};
use mapi::rop::{ColumnChange, RequestBody, ResponseBody, RopReply, RopRequest};

use super::{BatchObjects, ObjectKind, ObjectTable, Properties, Stream};

/// Learns from the answer to `request` what it says of the object that it acted on.
pub(super) fn learn(objects: &mut BatchObjects<'_>, request: &RopRequest, reply: &RopReply) {
    if matches!(reply.body, ResponseBody::Failed(_)) {
        return;
    }
    match request.columns_after(&reply.body) {
        ColumnChange::None => {}
        ColumnChange::Unknown => set_columns(objects, request, None),
        ColumnChange::Asked(columns) | ColumnChange::Told(columns) => {
            set_columns(objects, request, Some(columns));
        }
        ColumnChange::Added(columns) => add_columns(objects, request, columns),
    }
    learn_stream(objects, request, &reply.body);
    learn_properties(objects, request, &reply.body);
    learn_names(objects, request, &reply.body);
}

fn learn_stream(objects: &mut BatchObjects<'_>, request: &RopRequest, reply: &ResponseBody) {
    #[expect(clippy::match_same_arms, reason = "the fields have one name, and types of their own")]
    match (&request.body, reply) {
        (_, ResponseBody::RopReadStream(read)) => passed(objects, request, &read.data.0),
        (RequestBody::RopWriteStream(asked), _) => passed(objects, request, &asked.data.0),
        (RequestBody::RopWriteStreamExtended(asked), _) => passed(objects, request, &asked.data.0),
        (RequestBody::RopWriteAndCommitStream(asked), _) => passed(objects, request, &asked.data.0),
        (_, ResponseBody::RopSeekStream(sought)) => {
            if let Some(stream) = acted_on_stream(objects, request) {
                stream.position = sought.new_position;
            }
        }
        (RequestBody::RopSetStreamSize(asked), _) => {
            let Some(stream) = acted_on_stream(objects, request) else { return };
            let lost = stream.content.cut(asked.stream_size);
            objects.table.held = objects.table.held.saturating_sub(lost);
        }
        _ => {}
    }
}

/// The bytes of the further buffers that continue a write, the last ROP of the batch.
pub(super) fn learn_packed(objects: &mut BatchObjects<'_>, request: &RopRequest) {
    if let RequestBody::RopWriteStreamExtended(asked) = &request.body {
        passed(objects, request, &asked.data.0);
    }
}

fn learn_properties(objects: &mut BatchObjects<'_>, request: &RopRequest, reply: &ResponseBody) {
    match reply {
        ResponseBody::RopSaveChangesMessage(saved) => {
            if let Some(object) = objects.acted_on_mut(request)
                && let ObjectKind::Message(message) = &mut object.kind
            {
                message.id = Some(saved.message_id);
            }
        }
        ResponseBody::RopGetPropertiesSpecific(read) => {
            let row = read.row_data.iter(&read.property_tags);
            let known = row.filter_map(|(tag, value)| Some((tag, value?.clone()))).collect();
            keep(objects, request, known);
        }
        ResponseBody::RopGetPropertiesAll(read) => keep(objects, request, tagged(&read.property_values)),
        _ => {
            if let Some(set) = properties_set(&request.body) {
                keep(objects, request, tagged(set));
            }
            if let Some(deleted) = properties_deleted(&request.body) {
                forget(objects, request, deleted);
            }
        }
    }
}

fn properties_set(asked: &RequestBody) -> Option<&PropertyList> {
    match asked {
        RequestBody::RopSetProperties(asked) | RequestBody::RopSetPropertiesNoReplicate(asked) => {
            asked.property_values.value.as_deref()
        }
        _ => None,
    }
}

fn properties_deleted(asked: &RequestBody) -> Option<&[PropTag]> {
    match asked {
        RequestBody::RopDeleteProperties(asked) | RequestBody::RopDeletePropertiesNoReplicate(asked) => {
            Some(&asked.property_tags.0)
        }
        _ => None,
    }
}

fn tagged(list: &PropertyList) -> Vec<(PropTag, PropertyValue)> {
    list.0.iter().map(|property| (property.tag, property.value.clone())).collect()
}

/// Keeps what became known of the properties of the object that `request` acted on.
fn keep(objects: &mut BatchObjects<'_>, request: &RopRequest, known: Vec<(PropTag, PropertyValue)>) {
    if !objects.table.keep_content {
        return;
    }
    let mut room = objects.table.room();
    let before = room;
    let mut freed = 0_usize;
    let Some(object) = objects.acted_on_mut(request) else { return };
    let Some(properties) = object.kind.properties_mut() else { return };
    for (tag, value) in known {
        let size = size_of_value(&value);
        if size > room {
            properties.truncated = true;
            continue;
        }
        room = room.saturating_sub(size);
        freed = freed.saturating_add(properties.set(tag, value).map_or(0, |old| size_of_value(&old)));
    }
    let taken = before.saturating_sub(room);
    objects.table.held = objects.table.held.saturating_add(taken).saturating_sub(freed);
}

fn forget(objects: &mut BatchObjects<'_>, request: &RopRequest, deleted: &[PropTag]) {
    let Some(object) = objects.acted_on_mut(request) else { return };
    let Some(properties) = object.kind.properties_mut() else { return };
    let freed = deleted.iter().filter_map(|tag| properties.remove(tag.id()));
    let freed: usize = freed.map(|old| size_of_value(&old)).sum();
    objects.table.held = objects.table.held.saturating_sub(freed);
}

/// The most names of named properties that are remembered for a logon: more ids than that there are not.
const NAMES: usize = 0x8000;

/// Learns the names of named properties, which hold for the whole logon.
fn learn_names(objects: &mut BatchObjects<'_>, request: &RopRequest, reply: &ResponseBody) {
    let learnt: Vec<(u16, PropertyName)> = match (&request.body, reply) {
        (RequestBody::RopGetPropertyIdsFromNames(asked), ResponseBody::RopGetPropertyIdsFromNames(told)) => {
            told.property_ids.0.iter().copied().zip(asked.property_names.0.iter().cloned()).collect()
        }
        (RequestBody::RopGetNamesFromPropertyIds(asked), ResponseBody::RopGetNamesFromPropertyIds(told)) => {
            asked.property_ids.0.iter().copied().zip(told.property_names.0.iter().cloned()).collect()
        }
        (_, ResponseBody::RopQueryNamedProperties(told)) => told.properties.clone(),
        _ => return,
    };
    let Some(logon) = objects.logon_mut(request.logon_id) else { return };
    for (id, name) in learnt {
        if id >= 0x8000 && logon.named.len() < NAMES {
            logon.named.insert(id, name);
        }
    }
}

/// Learns from one more answer to `request`, the last ROP of its batch.
pub(super) fn learn_more(objects: &mut BatchObjects<'_>, request: &RopRequest, reply: &RopReply) {
    learn_stream(objects, request, &reply.body);
}

fn set_columns(objects: &mut BatchObjects<'_>, request: &RopRequest, columns: Option<&[PropTag]>) {
    match objects.acted_on_mut(request).map(|object| &mut object.kind) {
        Some(ObjectKind::Table(table)) => table.columns = columns.map(Arc::from),
        Some(ObjectKind::Message(message)) => {
            message.recipient_columns = Arc::from(columns.unwrap_or_default());
        }
        _ => {}
    }
}

/// A client that adds recipients may give them columns that the message's others did not have.
fn add_columns(objects: &mut BatchObjects<'_>, request: &RopRequest, columns: &[PropTag]) {
    if let Some(object) = objects.acted_on_mut(request)
        && let ObjectKind::Message(message) = &mut object.kind
    {
        let mut known = message.recipient_columns.to_vec();
        mapi::rop::add_columns(&mut known, columns);
        message.recipient_columns = known.into();
    }
}

fn acted_on_stream<'a>(objects: &'a mut BatchObjects<'_>, request: &RopRequest) -> Option<&'a mut Stream> {
    match &mut objects.acted_on_mut(request)?.kind {
        ObjectKind::Stream(stream) => Some(stream),
        _ => None,
    }
}

/// Bytes passed through the stream that `request` acts on, at its position.
fn passed(objects: &mut BatchObjects<'_>, request: &RopRequest, bytes: &[u8]) {
    let (room, keep) = (objects.table.room(), objects.table.keep_content);
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

/// About how many bytes of content an object holds.
pub(super) fn content_of(kind: &ObjectKind) -> usize {
    match kind {
        ObjectKind::Stream(stream) => stream.content.bytes().len(),
        _ => kind.properties().map_or(0, |known| known.iter().map(|(_, value)| size_of_value(value)).sum()),
    }
}

/// About how many bytes a value takes.
fn size_of_value(value: &PropertyValue) -> usize {
    const LEAST: usize = 32;
    let own = match value {
        PropertyValue::String8(bytes) | PropertyValue::Binary(bytes) | PropertyValue::Object(bytes) => {
            bytes.len()
        }
        PropertyValue::Unicode(text) => text.0.len().saturating_mul(2),
        PropertyValue::MultipleBinary(values) | PropertyValue::MultipleString8(values) => {
            values.iter().map(|value| value.len().saturating_add(LEAST)).sum()
        }
        PropertyValue::MultipleUnicode(values) => {
            values.iter().map(|value| value.0.len().saturating_mul(2).saturating_add(LEAST)).sum()
        }
        _ => 0,
    };
    own.saturating_add(LEAST)
}

impl ObjectTable {
    /// How many bytes of content may be added.
    fn room(&self) -> usize {
        self.limits.content.saturating_sub(self.held)
    }
}

/// Puts what `request` sets into `properties`, and takes out what it deletes.
pub(super) fn overlay(properties: &mut Properties, request: &RopRequest) {
    for property in properties_set(&request.body).map_or(&[][..], |set| &set.0) {
        properties.set(property.tag, property.value.clone());
    }
    for tag in properties_deleted(&request.body).unwrap_or_default() {
        properties.remove(tag.id());
    }
}
