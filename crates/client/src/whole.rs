//! Whole messages: all properties, recipients, attachments, and the messages within them.

use ::message::{Attachment as WholeAttachment, Content, Limits, Message as WholeMessage, NamedValue};
use mapi::data::PropertyName;
use mapi::property::{PropTag, PropType, PropertyList, PropertyValue, TaggedValue};
use mapi::rop::named_property::RopGetNamesFromPropertyIdsRequest;

use mapi::rop::{Empty, List16, RequestBody};

use crate::attachment::Attachment;
use crate::error::{Error, Failure};
use crate::message::Message;
use crate::properties::Properties;
use crate::recipient::{Recipient, RecipientKind};
use crate::store::batch::fields;
use crate::store::object::Object;
use crate::values;

/// The first id of named properties ([MS-OXCPRPT] 1.3.1).
const FIRST_NAMED: u16 = 0x8000;

/// The most properties that one ROP reads.
const MAX_TAGS: usize = 64;

/// The names of named properties that one ROP queries.
const MAX_NAMES: usize = 256;

/// Values of `PidTagAttachMethod` ([MS-OXCMSG] 2.2.2.9) whose content is not a link.
const BY_VALUE: i64 = 1;
const EMBEDDED: i64 = 5;
const STORAGE: i64 = 6;

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

    async fn read_whole(&self, budget: &mut Budget, depth: usize) -> Result<WholeMessage, Error> {
        let object = self.object();
        let depth = depth.checked_sub(1);
        let depth =
            depth.ok_or_else(|| object.on(Error::new("reading the whole message", Failure::TooLong)))?;
        let (properties, named) = properties(object, budget).await?;
        let recipients = self.recipients().await?;
        Budget::take(&mut budget.recipients, recipients.len(), object)?;
        let mut attachments = Vec::new();
        for info in self.attachments().await? {
            Budget::take(&mut budget.parts, 1, object)?;
            let attachment = self.open_attachment(info.number).await?;
            attachments.push(Box::pin(attachment.read_whole(budget, depth)).await?);
        }
        let recipients = recipients.iter().map(recipient).collect();
        Ok(WholeMessage { properties, named, recipients, attachments })
    }
}

impl Attachment {
    async fn read_whole(&self, budget: &mut Budget, depth: usize) -> Result<WholeAttachment, Error> {
        let object = self.object();
        let (properties, _) = properties(object, budget).await?;
        let method = properties.get(PropTag::PidTagAttachMethod).and_then(PropertyValue::to_integer);
        let content = match method {
            Some(EMBEDDED) => {
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
    let value = values::long(object, tag, &mut budget.bytes).await?;
    Ok(value.as_bytes().map(<[u8]>::to_vec).unwrap_or_default())
}

/// All properties of a message or attachment, except the content of the attachment, and those of them that have
/// names.
async fn properties(object: &Object, budget: &mut Budget) -> Result<(PropertyList, Vec<NamedValue>), Error> {
    let body = object.call(RequestBody::RopGetPropertiesList(Empty)).await?;
    let mut tags = fields!(body, RopGetPropertiesList).map_err(|error| object.on(error))?.property_tags.0;
    tags.retain(|tag| {
        tag.prop_type() != PropType::PtypObject && !tag.is_same_property(PropTag::PidTagAttachDataBinary)
    });
    let mut values = Properties::default();
    for tags in tags.chunks(MAX_TAGS) {
        for (tag, value) in values::get_within(object, tags, &mut budget.bytes).await?.into_values() {
            values.push(tag, value);
        }
    }
    let (with_names, others): (Vec<_>, Vec<_>) =
        values.into_values().partition(|(tag, _)| tag.id() >= FIRST_NAMED);
    let ids: Vec<u16> = with_names.iter().map(|(tag, _)| tag.id()).collect();
    let names = names(object, &ids).await?;
    let named = names.into_iter().zip(with_names);
    let named = named.filter(|(name, _)| !matches!(name, PropertyName::None { .. }));
    Ok((
        PropertyList(others.into_iter().map(|(tag, value)| TaggedValue::new(tag, value)).collect()),
        named.map(|(name, (_, value))| NamedValue { name, value }).collect(),
    ))
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

/// The properties of a recipient ([MS-OXOMSG] 2.2.3).
fn recipient(recipient: &Recipient) -> PropertyList {
    let kind = match recipient.kind {
        RecipientKind::To => 1,
        RecipientKind::Cc => 2,
        RecipientKind::Bcc => 3,
    };
    let text = |tag, text: &str| TaggedValue::new(tag, PropertyValue::from(text));
    let mut values = vec![
        TaggedValue::new(PropTag::PidTagRecipientType, PropertyValue::Integer32(kind)),
        text(PropTag::PidTagDisplayName, &recipient.name),
        text(PropTag::PidTagAddressType, &recipient.address_type),
        text(PropTag::PidTagEmailAddress, &recipient.address),
    ];
    values.extend(recipient.smtp.as_ref().map(|smtp| text(PropTag::PidTagSmtpAddress, smtp)));
    PropertyList(values)
}
