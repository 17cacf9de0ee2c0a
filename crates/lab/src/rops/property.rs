//! Properties of objects ([MS-OXCPRPT] 3.2.5).

use mapi::ErrorCode;
use mapi::data::{PropertyProblem, PropertyProblemArray};
use mapi::property::{Layout, PropTag, PropType, PropertyList, PropertyRow, PropertyValue, Row, TaggedValue};
use mapi::rop::property::{
    PropertyProblemsResponse, RopGetPropertiesAllRequest, RopGetPropertiesAllResponse,
    RopGetPropertiesListResponse, RopGetPropertiesSpecificRequest, RopGetPropertiesSpecificResponse,
    RopSetPropertiesRequest,
};
use mapi::rop::{List16, ResponseBody};
use store::{ObjectId, Properties, View};
use wire::Writer;

use super::context::Context;
use super::outcome::{Found, Outcome, Permitted, done};
use crate::backend::Backend;
use crate::refusal::Refusal;
use crate::session::logon::{Logon, OWNER};
use crate::session::{Object, Opened};
use crate::values::convert::{requested, size, stored};
use crate::values::folder::{FolderValues, KNOWN};

/// The most properties of an object, and the most bytes of a folder's properties.
pub(super) const PROPERTIES_MAX: usize = 4096;
const FOLDER_BYTES_MAX: usize = 1 << 20;

/// `RopGetPropertiesSpecific` ([MS-OXCPRPT] 3.2.5.1). As Exchange since 2010, it ignores `PropertySizeLimit`.
pub(super) fn get(context: &Context<'_>, request: &RopGetPropertiesSpecificRequest) -> Outcome {
    let tags = &request.property_tags.0;
    // Texts of an unspecified type are 8-bit texts if the client does not want UTF-16.
    let found = read(context, Some(tags))?;
    let code_page = context.session.code_page;
    let values = found.into_iter().map(|(tag, value)| Some(requested(tag, value, code_page)));
    let mut values: Vec<Option<PropertyValue>> = values.collect();
    let mut row = PropertyRow::new(tags, values.clone());
    // Values that do not fit into the response are read with streams ([MS-OXCPRPT] 3.2.5.1).
    while encoded(&row, tags).saturating_add(7) > context.room {
        let largest = values.iter_mut().flatten().max_by_key(|value| size(value));
        let largest = largest.filter(|value| size(value) > 16).ok_or(ErrorCode::EC_BUFFER_TOO_SMALL)?;
        *largest = PropertyValue::Error(ErrorCode::MAPI_E_NOT_ENOUGH_MEMORY);
        row = PropertyRow::new(tags, values.clone());
    }
    let row_data = Row::new(tags.clone(), row);
    done(ResponseBody::RopGetPropertiesSpecific(RopGetPropertiesSpecificResponse { row_data }))
}

/// The size of an encoded row; the largest number if a value is too long for its field.
fn encoded(row: &PropertyRow, tags: &[PropTag]) -> usize {
    let mut w = Writer::new();
    row.write(&mut w, tags, Layout::Rop).map_or(usize::MAX, |()| w.len())
}

/// `RopGetPropertiesAll` ([MS-OXCPRPT] 3.2.5.2). As Exchange since 2010, it ignores `PropertySizeLimit`.
pub(super) fn get_all(context: &Context<'_>, request: &RopGetPropertiesAllRequest) -> Outcome {
    let (mut list, mut free) = (Vec::new(), context.room.saturating_sub(8));
    for (tag, value) in read(context, None)? {
        let text = tag.prop_type() == PropType::PtypString && !request.want_unicode.is_true();
        let tag = if text { tag.with_type(PropType::PtypString8) } else { tag };
        let value = requested(tag, value, context.session.code_page);
        let mut tagged = TaggedValue::new(tag, value);
        if tagged_size(&tagged) > free {
            tagged = TaggedValue::new(tag, PropertyValue::Error(ErrorCode::MAPI_E_NOT_ENOUGH_MEMORY));
        }
        free = free.checked_sub(tagged_size(&tagged)).ok_or(ErrorCode::EC_BUFFER_TOO_SMALL)?;
        list.push(tagged);
    }
    let property_values = PropertyList(list);
    done(ResponseBody::RopGetPropertiesAll(RopGetPropertiesAllResponse { property_values }))
}

fn tagged_size(value: &TaggedValue) -> usize {
    let mut w = Writer::new();
    value.write(&mut w, Layout::Rop).map_or(usize::MAX, |()| w.len())
}

/// `RopGetPropertiesList` ([MS-OXCPRPT] 3.2.5.3).
pub(super) fn list(context: &Context<'_>) -> Outcome {
    let tags = tags(context)?;
    if tags.len().saturating_mul(4).saturating_add(8) > context.room {
        return Err(ErrorCode::EC_BUFFER_TOO_SMALL.into());
    }
    done(ResponseBody::RopGetPropertiesList(RopGetPropertiesListResponse { property_tags: List16(tags) }))
}

/// The tags of the properties of the object.
pub(super) fn tags(context: &Context<'_>) -> Result<Vec<PropTag>, Refusal> {
    Ok(read(context, None)?.into_iter().map(|(tag, _)| tag).collect())
}

/// The properties `tags` of the object, or all.
fn read(context: &Context<'_>, tags: Option<&[PropTag]>) -> Result<Found, Refusal> {
    if tags.is_some_and(|tags| tags.len() > PROPERTIES_MAX) {
        return Err(ErrorCode::MAPI_E_TOO_BIG.into());
    }
    let Opened { logon, object } = context.opened()?;
    match object {
        Object::Folder(id) => context.backend().read(|view| of_folder(view, logon, *id, tags)),
        Object::Logon => Ok(super::logon::properties(context, logon, tags)?),
        Object::Message(message) => {
            let read = |view: &View<'_>| super::message::properties(view, logon, message, tags);
            Ok(context.backend().read(read)?)
        }
        Object::Attachment(attachment) => {
            let read = |view: &View<'_>| super::attachment::properties(view, attachment, tags);
            Ok(context.backend().read(read)?)
        }
        Object::Table(_)
        | Object::Stream(_)
        | Object::Subscription(_)
        | Object::Download(_)
        | Object::Collector(_)
        | Object::Upload(_) => Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
    }
}

/// The properties `tags` of a folder, or all.
pub(super) fn of_folder(
    view: &View<'_>,
    logon: &Logon,
    id: ObjectId,
    tags: Option<&[PropTag]>,
) -> Result<Found, Refusal> {
    let folder = view.folder(logon.mailbox.id, id)?;
    let values = FolderValues { view, logon, folder: &folder, depth: 0 };
    let all: Vec<PropTag> = match tags {
        Some(tags) => tags.to_vec(),
        None => KNOWN.into_iter().chain(folder.properties.iter().map(|(tag, _)| tag)).collect(),
    };
    let found: Result<Found, store::Error> = all.iter().map(|tag| Ok((*tag, values.get(*tag)?))).collect();
    Ok(found?)
}

/// `RopSetProperties` and `RopSetPropertiesNoReplicate` ([MS-OXCPRPT] 3.2.5.4).
pub(super) fn set(
    context: &mut Context<'_>,
    request: &RopSetPropertiesRequest,
    body: fn(PropertyProblemsResponse) -> ResponseBody,
) -> Outcome {
    let values = request.property_values.value.as_ref().ok_or(ErrorCode::MAPI_E_INVALID_PARAMETER)?;
    if !request.property_values.trailing.is_empty() || values.0.len() > PROPERTIES_MAX {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    let code_page = context.session.code_page;
    let values: Vec<TaggedValue> = values
        .0
        .iter()
        .map(|value| TaggedValue { tag: value.tag, value: stored(&value.value, code_page) })
        .collect();
    let problems = match &context.opened()?.object {
        Object::Folder(id) => {
            change_folder(&context.backend(), context.logon()?.as_ref(), *id, &values, &[])?
        }
        Object::Logon => {
            super::logon::set_properties(&context.backend(), context.logon()?.as_ref(), &values)?
        }
        Object::Message(_) => super::message::change(context, &values, &[])?,
        Object::Attachment(_) => super::attachment::change(context, &values, &[])?,
        _ => return Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
    };
    done(body(PropertyProblemsResponse { property_problems: PropertyProblemArray(problems) }))
}

/// `RopDeleteProperties` and `RopDeletePropertiesNoReplicate` ([MS-OXCPRPT] 3.2.5.5).
pub(super) fn delete(
    context: &mut Context<'_>,
    tags: &[PropTag],
    body: fn(PropertyProblemsResponse) -> ResponseBody,
) -> Outcome {
    if tags.len() > PROPERTIES_MAX {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    let problems = match &context.opened()?.object {
        Object::Folder(id) => change_folder(&context.backend(), context.logon()?.as_ref(), *id, &[], tags)?,
        Object::Message(_) => super::message::change(context, &[], tags)?,
        Object::Attachment(_) => super::attachment::change(context, &[], tags)?,
        _ => return Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
    };
    done(body(PropertyProblemsResponse { property_problems: PropertyProblemArray(problems) }))
}

/// Changes properties of a folder, and returns those that could not be changed.
pub(super) fn change_folder(
    backend: &Backend,
    logon: &Logon,
    id: ObjectId,
    set: &[TaggedValue],
    deleted: &[PropTag],
) -> Result<Vec<PropertyProblem>, Refusal> {
    let mailbox = logon.mailbox.id;
    let computed: Vec<PropTag> = KNOWN.into_iter().filter(|tag| *tag != PropTag::PidTagDisplayName).collect();
    let permitted = Permitted::new(set, deleted, &computed);
    backend.write(backend.now(), |change| {
        logon.require(change, id, OWNER)?;
        let folder = change.folder(mailbox, id)?;
        let (mut name, mut properties) = (folder.name.clone(), folder.properties.clone());
        for TaggedValue { tag, value } in &permitted.set {
            if tag.is_same_property(PropTag::PidTagDisplayName) {
                name = value.to_text().unwrap_or_default();
            } else {
                properties.set(*tag, value.clone());
            }
        }
        for tag in &permitted.deleted {
            if tag.is_same_property(PropTag::PidTagDisplayName) {
                name.clear();
            } else {
                properties.remove(*tag);
            }
        }
        if name.is_empty() {
            return Err(Refusal(ErrorCode::MAPI_E_INVALID_PARAMETER));
        }
        check_folder(&properties)?;
        change.change_folder(mailbox, id, &name, &properties)?;
        Ok(())
    })?;
    Ok(permitted.problems)
}

/// Succeeds if a folder may have so many properties.
pub(super) fn check_folder(properties: &Properties) -> Result<(), Refusal> {
    if bytes(properties) > FOLDER_BYTES_MAX || properties.len() > PROPERTIES_MAX {
        return Err(ErrorCode::MAPI_E_TOO_BIG.into());
    }
    Ok(())
}

fn bytes(properties: &Properties) -> usize {
    properties.iter().fold(0, |sum, (_, value)| sum.saturating_add(size(value)))
}
