//! Reads and sets properties of an object; large values are transferred in pieces by streams.

use std::sync::Arc;

use bytes::Bytes;
use mapi::ErrorCode;
use mapi::property::{PropTag, PropType, PropertyList, PropertyValue, TaggedValue};
use mapi::rop::property::{
    Bool16, RopDeletePropertiesRequest, RopGetPropertiesSpecificRequest, RopSetPropertiesRequest,
};
use mapi::rop::shared::Sized16;
use mapi::rop::stream::StreamOpenModeFlags;
use mapi::rop::{List16, RequestBody};
use wire::Utf16;

use crate::error::{Error, Failure};
use crate::properties::Properties;
use crate::store::batch::fields;
use crate::store::object::Object;
use crate::stream;

/// The most bytes of a value that is read into memory. Longer ones have a [`stream::PropertyReader`].
const MAX_VALUE: usize = 64 << 20;

/// The most bytes of the values in a response to `RopGetPropertiesSpecific`: a response has 32 KiB.
const MAX_VALUES: usize = 28 << 10;

/// A value of more bytes than these is set by a stream, and values of no more in total are set by one ROP.
const MAX_SET: usize = 8 << 10;

/// Reads properties of `object`. Those that it lacks have no value.
pub(crate) async fn get(object: &Object, tags: &[PropTag]) -> Result<Properties, Error> {
    let mut left = usize::MAX;
    get_within(object, tags, &mut left).await
}

/// Reads properties of `object` that have at most `left` bytes together, and subtracts their bytes.
pub(crate) async fn get_within(
    object: &Object,
    tags: &[PropTag],
    left: &mut usize,
) -> Result<Properties, Error> {
    let limit = (MAX_VALUES / tags.len().max(1)).max(64);
    let request = RopGetPropertiesSpecificRequest {
        property_size_limit: u16::try_from(limit).unwrap_or(u16::MAX),
        want_unicode: Bool16(1),
        property_tags: List16(tags.to_vec()),
    };
    let body = object.call(RequestBody::RopGetPropertiesSpecific(request)).await?;
    let row = fields!(body, RopGetPropertiesSpecific).map_err(|error| object.on(error))?.row_data;
    let mut values = Properties::default();
    for (index, tag) in tags.iter().enumerate() {
        match (row.value(index), row.error(index)) {
            (Some(value), None) => {
                let less = left.checked_sub(length(value));
                let too_long = || object.on(Error::new("RopGetPropertiesSpecific", Failure::TooLong));
                *left = less.ok_or_else(too_long)?;
                values.push(*tag, value.detached());
            }
            (_, Some(ErrorCode::MAPI_E_NOT_ENOUGH_MEMORY)) => {
                values.push(*tag, long(object, *tag, left).await?);
            }
            _ => {}
        }
    }
    Ok(values)
}

/// Reads a long value by a stream, which must have at most `left` bytes, and subtracts them.
pub(crate) async fn long(object: &Object, tag: PropTag, left: &mut usize) -> Result<PropertyValue, Error> {
    let limit = (*left).min(MAX_VALUE);
    let (stream, size) = stream::open(object, tag, StreamOpenModeFlags::READ_ONLY).await?;
    if usize::try_from(size).map_or(true, |size| size > limit) {
        return Err(stream.on(Error::new("RopOpenStream", Failure::TooLong)));
    }
    let stream = Arc::new(stream);
    let mut bytes = Vec::new();
    loop {
        let piece = stream::read(Arc::clone(&stream)).await?;
        if piece.is_empty() {
            break;
        }
        bytes.extend_from_slice(&piece);
        if bytes.len() > limit {
            return Err(stream.on(Error::new("RopReadStream", Failure::TooLong)));
        }
    }
    *left = left.saturating_sub(bytes.len());
    Ok(match tag.prop_type() {
        PropType::PtypString => PropertyValue::Unicode(utf16(bytes)),
        PropType::PtypString8 => {
            let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
            bytes.truncate(end);
            PropertyValue::String8(bytes)
        }
        _ => PropertyValue::Binary(bytes),
    })
}

/// The text in the bytes of a stream, without a zero at its end, which some servers add.
fn utf16(mut bytes: Vec<u8>) -> Utf16 {
    if bytes.len() % 2 == 1 {
        bytes.pop();
    }
    if bytes.ends_with(&[0, 0]) {
        bytes.truncate(bytes.len() - 2);
    }
    Utf16::from_le(Bytes::from(bytes)).unwrap_or_default()
}

/// Sets properties of `object`.
pub(crate) async fn set(object: &Object, values: Vec<TaggedValue>) -> Result<(), Error> {
    let mut batch = Vec::new();
    let mut size = 0;
    for value in values {
        if let Some(bytes) = long_bytes(&value.value) {
            stream::write_all(object, value.tag, bytes).await?;
            continue;
        }
        let next = length(&value.value);
        if size + next > MAX_SET {
            set_few(object, std::mem::take(&mut batch)).await?;
            size = 0;
        }
        size += next;
        batch.push(value);
    }
    set_few(object, batch).await
}

/// The bytes of a value that is so long that it is set by a stream.
fn long_bytes(value: &PropertyValue) -> Option<&[u8]> {
    let bytes = match value {
        PropertyValue::Binary(bytes) | PropertyValue::String8(bytes) => bytes.as_slice(),
        PropertyValue::Unicode(text) => text.as_le_bytes(),
        _ => return None,
    };
    (bytes.len() > MAX_SET).then_some(bytes)
}

/// The approximate length of a value, in bytes.
fn length(value: &PropertyValue) -> usize {
    let bytes = match value {
        PropertyValue::Binary(bytes) | PropertyValue::String8(bytes) => bytes.len(),
        PropertyValue::Unicode(text) => text.as_le_bytes().len(),
        _ => 16,
    };
    bytes + 8
}

/// Sets properties whose values fit in one request.
async fn set_few(object: &Object, values: Vec<TaggedValue>) -> Result<(), Error> {
    if values.is_empty() {
        return Ok(());
    }
    let request = RopSetPropertiesRequest { property_values: Sized16::new(PropertyList(values)) };
    let body = object.call(RequestBody::RopSetProperties(request)).await?;
    let problems = fields!(body, RopSetProperties).map_err(|error| object.on(error))?.property_problems;
    problem(object, "RopSetProperties", problems.0.first())
}

/// Deletes properties of `object`.
pub(crate) async fn delete(object: &Object, tags: &[PropTag]) -> Result<(), Error> {
    let request = RopDeletePropertiesRequest { property_tags: List16(tags.to_vec()) };
    let body = object.call(RequestBody::RopDeleteProperties(request)).await?;
    let problems = fields!(body, RopDeleteProperties).map_err(|error| object.on(error))?.property_problems;
    problem(object, "RopDeleteProperties", problems.0.first())
}

/// Fails with the first property that the server did not accept.
fn problem(
    object: &Object,
    rop: &'static str,
    problem: Option<&mapi::data::PropertyProblem>,
) -> Result<(), Error> {
    let Some(problem) = problem else { return Ok(()) };
    let name = format!("{} of {}", problem.tag, object.name());
    Err(Error { operation: rop, object: name.into(), failure: Failure::Returned(problem.error_code) })
}
