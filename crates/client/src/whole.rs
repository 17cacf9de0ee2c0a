//! Whole messages: all properties, recipients, attachments, and the messages within them.

use ::message::{Attachment as WholeAttachment, Content, Limits, Message as WholeMessage, NamedValue};
use mapi::data::PropertyName;
use mapi::property::{PropTag, PropType, PropertyList, PropertyValue, TaggedValue};
use mapi::rop::named_property::RopGetNamesFromPropertyIdsRequest;
use mapi::rop::{Empty, List16, RequestBody};

use crate::attachment::{Attachment, BY_VALUE, EMBEDDED_MESSAGE, STORAGE};
use crate::error::{Error, Failure};
use crate::message::Message;
use crate::recipient::Recipient;
use crate::store::batch::fields;
use crate::store::object::Object;
use crate::values;

/// The first id of named properties ([MS-OXCPRPT] 1.3.1).
const FIRST_NAMED: u16 = 0x8000;

/// The most properties that one ROP reads.
const MAX_TAGS: usize = 64;

/// The names of named properties that one ROP queries.
const MAX_NAMES: usize = 256;

/// What may still be read.
struct Budget {
    bytes: usize,
    parts: usize,
    recipients: usize,
}

impl Budget {
    fn take(left: &mut usize, count: usize, object: &Object) -> Result<(), Error> {
        match left.checked_sub(count) {
            Some(less) => *left = less,
            None => return Err(object.on(Error::new("reading the whole message", Failure::TooLong))),
        }
        Ok(())
    }
}

impl Message {
    /// Reads the whole message into memory, as [`message::to_rfc5322`] converts it. `limits` bound the bytes of its
    /// values, the attachments, the recipients and the messages within each other.
    ///
    /// # Errors
    /// If a ROP fails, or the message exceeds one of `limits` ([`Failure::TooLong`]).
    pub async fn whole(&self, limits: &Limits) -> Result<WholeMessage, Error> {
        let mut budget = Budget { bytes: limits.bytes, parts: limits.parts, recipients: limits.recipients };
        self.read_whole(&mut budget, limits.depth).await
    }

    async fn read_whole(&self, budget: &mut Budget, mut depth: usize) -> Result<WholeMessage, Error> {
        let object = self.object();
        Budget::take(&mut depth, 1, object)?;
        let (properties, with_ids) = properties(object, budget).await?;
        let named = named(object, with_ids).await?;
        let recipients = self.recipients().await?;
        Budget::take(&mut budget.recipients, recipients.len(), object)?;
        let mut attachments = Vec::new();
        for info in self.attachments().await? {
            Budget::take(&mut budget.parts, 1, object)?;
            let attachment = self.open_attachment(info.number).await?;
            attachments.push(Box::pin(attachment.read_whole(budget, depth)).await?);
        }
        let recipients = recipients.iter().map(Recipient::properties).collect();
        Ok(WholeMessage { properties, named, recipients, attachments })
    }
}

impl Attachment {
    async fn read_whole(&self, budget: &mut Budget, depth: usize) -> Result<WholeAttachment, Error> {
        let object = self.object();
        let (properties, _) = properties(object, budget).await?;
        let method = properties.get(PropTag::PidTagAttachMethod).and_then(PropertyValue::to_integer);
        let content = match method.and_then(|method| i32::try_from(method).ok()) {
            Some(EMBEDDED_MESSAGE) => {
                let message = self.open_message().await?;
                Content::Message(Box::new(message.read_whole(budget, depth).await?))
            }
            Some(BY_VALUE) => Content::Bytes(bytes(object, PropTag::PidTagAttachDataBinary, budget).await?),
            Some(STORAGE) => Content::Ole(bytes(object, PropTag::PidTagAttachDataObject, budget).await?),
            _ => link(&properties),
        };
        Ok(WholeAttachment { properties, content })
    }
}

/// The content of an attachment that is a link, or has none.
fn link(properties: &PropertyList) -> Content {
    let text = |tag| properties.get(tag).and_then(PropertyValue::to_text).filter(|text| !text.is_empty());
    text(PropTag::PidTagAttachLongPathname)
        .or_else(|| text(PropTag::PidTagAttachPathname))
        .map_or(Content::None, Content::Link)
}

async fn bytes(object: &Object, tag: PropTag, budget: &mut Budget) -> Result<Vec<u8>, Error> {
    match values::long(object, tag, &mut budget.bytes).await? {
        PropertyValue::Binary(bytes) => Ok(bytes),
        _ => Ok(Vec::new()),
    }
}

/// All properties of a message or attachment, except the content of the attachment. The second list has those whose
/// tags have ids of the mailbox.
async fn properties(object: &Object, budget: &mut Budget) -> Result<(PropertyList, PropertyList), Error> {
    let body = object.call(RequestBody::RopGetPropertiesList(Empty)).await?;
    let mut tags = fields!(body, RopGetPropertiesList).map_err(|error| object.on(error))?.property_tags.0;
    tags.retain(|tag| {
        tag.prop_type() != PropType::PtypObject && !tag.is_same_property(PropTag::PidTagAttachDataBinary)
    });
    let mut values = Vec::new();
    for tags in tags.chunks(MAX_TAGS) {
        values.extend(values::get_within(object, tags, &mut budget.bytes).await?.into_values());
    }
    let (with_ids, others) =
        values.into_iter().partition(|value: &TaggedValue| value.tag.id() >= FIRST_NAMED);
    Ok((PropertyList(others), PropertyList(with_ids)))
}

/// The properties of `with_ids` with their names.
async fn named(object: &Object, with_ids: PropertyList) -> Result<Vec<NamedValue>, Error> {
    let ids: Vec<u16> = with_ids.0.iter().map(|property| property.tag.id()).collect();
    let named = names(object, &ids).await?.into_iter().zip(with_ids.0);
    let named = named.filter(|(name, _)| !matches!(name, PropertyName::None { .. }));
    Ok(named.map(|(name, property)| NamedValue { name, value: property.value }).collect())
}

/// The names of property ids, in their order.
async fn names(object: &Object, ids: &[u16]) -> Result<Vec<PropertyName>, Error> {
    let mut names = Vec::with_capacity(ids.len());
    for ids in ids.chunks(MAX_NAMES) {
        let request = RopGetNamesFromPropertyIdsRequest { property_ids: List16(ids.to_vec()) };
        let body = object.call(RequestBody::RopGetNamesFromPropertyIds(request)).await?;
        let found = fields!(body, RopGetNamesFromPropertyIds).map_err(|error| object.on(error))?;
        if found.property_names.0.len() != ids.len() {
            let failure = Failure::Missing("name of each property");
            return Err(object.on(Error::new("RopGetNamesFromPropertyIds", failure)));
        }
        names.extend(found.property_names.0);
    }
    Ok(names)
}
