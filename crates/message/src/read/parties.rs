//! The addresses of a message ([MS-OXCMAIL] 2.2.3.1).

use mapi::blob::FlatEntryList;
use mapi::property::{PropTag, PropertyList, PropertyValue};
use wire::Encode;

use super::context::Context;
use super::fields::Properties;
use super::header::{Field, Header};
use crate::address::{Party, PartyTags, RECIPIENT, REPRESENTED, SENDER};
use crate::limits::Error;

/// The values of `PidTagObjectType` and `PidTagDisplayType` for a user.
const MAIL_USER: i32 = 6;

/// Adds the users who sent the message, and for whom, and the requests for reports.
pub(super) fn add_senders(properties: &mut Properties, header: &Header<'_>) {
    let first = |name| header.get(name).and_then(|field| field.addresses().iter().find_map(Party::of_field));
    let from = first("From");
    let sender = first("Sender").or_else(|| from.clone());
    for (party, tags) in [(from, &REPRESENTED), (sender, &SENDER)] {
        if let Some(party) = party {
            add(properties, &party, tags);
        }
    }
    let reply_to: Vec<_> = header.all("Reply-To").flat_map(Field::addresses).collect();
    let reply_to: Vec<_> = reply_to.iter().filter_map(Party::of_field).collect();
    if !reply_to.is_empty() {
        let names: Vec<_> = reply_to.iter().map(|party| party.name.as_str()).collect();
        properties.text(PropTag::PidTagReplyRecipientNames, &names.join(";"));
        let list = FlatEntryList { entries: reply_to.iter().filter_map(Party::one_off).collect() };
        if let Ok(list) = list.to_bytes() {
            properties.add(PropTag::PidTagReplyRecipientEntries, PropertyValue::Binary(list));
        }
    }
    let reports = [
        ("Disposition-Notification-To", PropTag::PidTagReadReceiptRequested),
        ("Return-Receipt-To", PropTag::PidTagOriginatorDeliveryReportRequested),
    ];
    for (name, tag) in reports {
        if header.get(name).is_some() {
            properties.flag(tag);
        }
    }
}

/// The recipients.
pub(super) fn recipients(context: &mut Context<'_>, header: &Header<'_>) -> Result<Vec<PropertyList>, Error> {
    let mut recipients = Vec::new();
    for (name, kind) in [("To", 1), ("Cc", 2), ("Bcc", 3)] {
        for address in header.all(name).flat_map(Field::addresses) {
            let Some(party) = Party::of_field(&address) else { continue };
            context.recipient()?;
            let mut properties = Properties::default();
            properties.integer(PropTag::PidTagRecipientType, kind);
            properties.integer(PropTag::PidTagObjectType, MAIL_USER);
            properties.integer(PropTag::PidTagDisplayType, 0);
            add(&mut properties, &party, &RECIPIENT);
            recipients.push(properties.into_list());
        }
    }
    Ok(recipients)
}

fn add(properties: &mut Properties, party: &Party, tags: &PartyTags) {
    properties.text(tags.name, &party.name);
    properties.text(tags.kind, &party.kind);
    properties.text(tags.address, &party.address);
    if let Some(smtp) = party.smtp() {
        properties.text(tags.smtp, smtp);
        if let Some(entry_id) = party.one_off() {
            properties.add(tags.entry_id, PropertyValue::Binary(entry_id));
        }
    }
}
