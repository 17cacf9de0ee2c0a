//! Recipients of messages ([MS-OXCMSG] 3.2.5.4 to 3.2.5.6).

use mapi::ErrorCode;
use mapi::data::{AddressType, RecipientFlags, RecipientRow, Text, X500Dn};
use mapi::property::{PropTag, PropertyRow, PropertyValue};
use mapi::rop::recipient::{
    OpenRecipientRow, OpenRecipients, ReadRecipientRow, RecipientType, RopModifyRecipientsRequest,
    RopReadRecipientsRequest, RopReadRecipientsResponse, SizedRecipientRow,
};
use mapi::rop::{Empty, ResponseBody};
use store::{Properties, Recipient};
use wire::Utf16;

use super::context::Context;
use super::folder::text;
use super::outcome::{Outcome, done};
use crate::codepage::CodePage;
use crate::session::message::{OpenMessage, RECIPIENT_COLUMNS_MAX};
use crate::values::convert::{requested, size, stored};

/// The most recipients of a message.
const RECIPIENTS_MAX: usize = 1000;
/// The size of a response to `RopReadRecipients` without its rows ([MS-OXCROPS] 2.2.6.6.2).
const READ_SIZE: usize = 1 + 1 + 4 + 1;
/// `CodePageId` of rows: texts are UTF-16.
const UNICODE: u16 = 0x0fff;
/// The most bytes of the values in the columns of a row. A value that would exceed them is replaced by an error.
const VALUES_MAX: usize = 8 << 10;

/// `RopModifyRecipients` ([MS-OXCMSG] 3.2.5.5). The rows that the client reads later have the columns of the request.
pub(super) fn modify(context: &mut Context<'_>, request: &RopModifyRecipientsRequest) -> Outcome {
    let code_page = context.session.code_page;
    if request.recipient_columns.len() > RECIPIENT_COLUMNS_MAX {
        return Err(ErrorCode::MAPI_E_TOO_BIG.into());
    }
    let mut recipients = context.writable_message()?.recipients.clone();
    for row in &request.recipient_rows {
        recipients.retain(|recipient| recipient.row != row.row_id);
        let Some(sized) = &row.recipient_row else { continue };
        let SizedRecipientRow::Row { row: content, .. } = sized else {
            return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
        };
        let mut properties = from_row(content, &request.recipient_columns, code_page);
        let kind = PropertyValue::Integer32(i32::from(row.recipient_type.0));
        properties.set(PropTag::PidTagRecipientType, kind);
        recipients.push(Recipient { row: row.row_id, properties });
    }
    if recipients.len() > RECIPIENTS_MAX {
        return Err(ErrorCode::MAPI_E_TOO_BIG.into());
    }
    recipients.sort_by_key(|recipient| recipient.row);
    let values = recipients.iter().flat_map(|recipient| recipient.properties.iter());
    let bytes = values.fold(0_usize, |sum, (_, value)| sum.saturating_add(size(value)).saturating_add(64));
    context.session.objects.check_room(bytes)?;
    let message = context.writable_message()?;
    message.set_recipients(recipients);
    message.recipient_columns.clone_from(&request.recipient_columns);
    done(ResponseBody::RopModifyRecipients(Empty))
}

/// `RopRemoveAllRecipients` ([MS-OXCMSG] 3.2.5.4).
pub(super) fn remove_all(context: &mut Context<'_>) -> Outcome {
    context.writable_message()?.set_recipients(Vec::new());
    done(ResponseBody::RopRemoveAllRecipients(Empty))
}

/// `RopReadRecipients` ([MS-OXCMSG] 3.2.5.6).
pub(super) fn read(context: &mut Context<'_>, request: &RopReadRecipientsRequest) -> Outcome {
    let (room, code_page) = (context.room, context.session.code_page);
    let (_, _, message) = context.message()?;
    let columns = message.recipient_columns.as_slice();
    let rest = message.recipients.iter().filter(|recipient| recipient.row >= request.row_id);
    let mut rest = rest.take(usize::from(u8::MAX)).peekable();
    rest.peek().ok_or(ErrorCode::MAPI_E_NOT_FOUND)?;
    let mut free = room.saturating_sub(READ_SIZE);
    let rows = rest.map_while(|recipient| {
        let row =
            ReadRecipientRow { row_id: recipient.row, recipient: to_row(recipient, columns, code_page) };
        free = free.checked_sub(row_size(&row.recipient, columns).saturating_add(4 /* RowId */))?;
        Some(row)
    });
    let recipient_rows: Vec<ReadRecipientRow> = rows.collect();
    if recipient_rows.is_empty() {
        return Err(ErrorCode::EC_BUFFER_TOO_SMALL.into());
    }
    done(ResponseBody::RopReadRecipients(RopReadRecipientsResponse {
        recipient_columns: columns.into(),
        recipient_rows,
    }))
}

/// The recipients in the response to an open: their number, and the first rows, as many as have `room` bytes with their
/// columns. Clients read the others with `RopReadRecipients` ([MS-OXCMSG] 3.1.5.6, 3.2.5.1).
pub(super) fn opened_recipients(message: &OpenMessage, room: usize, code_page: CodePage) -> OpenRecipients {
    let (recipients, columns) = (&message.recipients, message.recipient_columns.as_slice());
    let mut free = room.saturating_sub(columns.len().saturating_mul(4));
    let rows = recipients.iter().take(usize::from(u8::MAX)).map_while(|recipient| {
        let row = to_row(recipient, columns, code_page);
        free = free.checked_sub(row_size(&row, columns))?;
        Some(row)
    });
    OpenRecipients {
        recipient_count: u16::try_from(recipients.len()).unwrap_or(u16::MAX),
        recipient_columns: if recipients.is_empty() { Vec::new() } else { columns.to_vec() },
        recipient_rows: rows.collect(),
    }
}

/// The size of an encoded row; the largest number if a value is too long for its field.
fn row_size(row: &OpenRecipientRow, columns: &[PropTag]) -> usize {
    row.size(columns).unwrap_or(usize::MAX)
}

/// The properties of a recipient ([MS-OXCDATA] 2.8.3.2).
fn from_row(row: &RecipientRow, columns: &[PropTag], code_page: CodePage) -> Properties {
    let mut properties = Properties::new();
    for (tag, value) in row.properties.iter(columns) {
        if let Some(value) = value {
            properties.set(tag, stored(value, code_page));
        }
    }
    let mut set = |tag, value: Option<String>| {
        if let Some(value) = value {
            properties.set(tag, PropertyValue::from(value.as_str()));
        }
    };
    let decoded = |value: &Option<Text>| value.as_ref().map(|value| text(value, code_page));
    let dn = row.x500_dn.as_ref().map(|x500| code_page.decode(&x500.dn));
    set(PropTag::PidTagAddressType, Some(row.address_type_name()));
    set(PropTag::PidTagEmailAddress, decoded(&row.email_address).or(dn));
    set(PropTag::PidTagDisplayName, decoded(&row.display_name));
    set(PropTag::PidTagTransmittableDisplayName, decoded(&row.transmittable_display_name));
    properties
}

fn to_row(recipient: &Recipient, columns: &[PropTag], code_page: CodePage) -> OpenRecipientRow {
    let properties = &recipient.properties;
    let utf16 = |tag| properties.text(tag).map(|text| Text::Unicode(Utf16::new(&text)));
    let address_type = properties.text(PropTag::PidTagAddressType).unwrap_or_default();
    let display_name = utf16(PropTag::PidTagDisplayName);
    let mut flags = RecipientFlags::UNICODE;
    if display_name.is_some() {
        flags = flags | RecipientFlags::DISPLAY_NAME;
    }
    let (mut x500_dn, mut email_address, mut other_type) = (None, None, None);
    match address_type.as_str() {
        "EX" => {
            flags = flags.with_address_type(AddressType::X500DN);
            let dn = properties.text(PropTag::PidTagEmailAddress).unwrap_or_default().into_bytes();
            x500_dn = Some(X500Dn { address_prefix_used: 0, display_type: 0, dn });
        }
        name => {
            if name == "SMTP" {
                flags = flags.with_address_type(AddressType::SMTP);
            } else if !name.is_empty() {
                flags = flags | RecipientFlags::OUT_OF_STANDARD;
                other_type = Some(name.as_bytes().to_vec());
            }
            email_address = utf16(PropTag::PidTagEmailAddress);
        }
    }
    if email_address.is_some() {
        flags = flags | RecipientFlags::EMAIL_ADDRESS;
    }
    let mut free = VALUES_MAX;
    let mut value = |tag: &PropTag| {
        let value = requested(*tag, properties.get(*tag).cloned(), code_page);
        Some(match free.checked_sub(size(&value)) {
            Some(rest) => {
                free = rest;
                value
            }
            None => PropertyValue::Error(ErrorCode::MAPI_E_NOT_ENOUGH_MEMORY),
        })
    };
    let values = columns.iter().map(&mut value).collect();
    let row = RecipientRow {
        flags,
        x500_dn,
        entry_id: None,
        search_key: None,
        address_type: other_type,
        email_address,
        display_name,
        simple_display_name: None,
        transmittable_display_name: None,
        column_count: u16::try_from(columns.len()).unwrap_or_default(),
        properties: PropertyRow::new(columns, values),
    };
    OpenRecipientRow {
        recipient_type: RecipientType(kind(recipient)),
        code_page_id: UNICODE,
        reserved: 0,
        recipient_row: SizedRecipientRow::new(row),
    }
}

/// `PidTagRecipientType` of a recipient, with its flags.
fn kind(recipient: &Recipient) -> u8 {
    let kind = recipient.properties.integer(PropTag::PidTagRecipientType).unwrap_or_default();
    u8::try_from(kind).unwrap_or_default()
}

/// Sets the properties of a message that list its recipients ([MS-OXOMSG] 2.2.1.7 to 2.2.1.9).
pub(super) fn sync_display(message: &mut OpenMessage) {
    for (tag, wanted) in [
        (PropTag::PidTagDisplayTo, RecipientType::PRIMARY),
        (PropTag::PidTagDisplayCc, RecipientType::CC),
        (PropTag::PidTagDisplayBcc, RecipientType::BCC),
    ] {
        let of_kind = message.recipients.iter().filter(|one| RecipientType(kind(one)).kind() == wanted);
        let names: Vec<String> =
            of_kind.filter_map(|recipient| recipient.properties.text(PropTag::PidTagDisplayName)).collect();
        message.set(tag, PropertyValue::from(names.join("; ").as_str()));
    }
}
