//! The header fields with addresses ([MS-OXCMAIL] 2.1.3.1).

use mail_builder::headers::address::Address;
use mapi::property::PropTag;

use super::context::Context;
use super::fields::{Fields, clean};
use crate::address::{Party, RECIPIENT, REPRESENTED, SENDER};
use crate::limits::Loss;
use crate::model::{Message, Properties};

/// The types of recipients (`PidTagRecipientType`, [MS-OXOMSG] 2.2.3.1) and their fields. Higher bits are flags.
const RECIPIENTS: [(i64, &str); 3] = [(1, "To"), (2, "Cc"), (3, "Bcc")];
const TYPE: i64 = 0x0F;

/// Writes the fields with addresses.
pub(super) fn write(context: &mut Context<'_>, fields: &mut Fields, message: &Message) {
    let properties = message.access();
    let sender = Party::of(&properties, &SENDER);
    let from = Party::of(&properties, &REPRESENTED).or_else(|| sender.clone());
    let from = from.and_then(|party| mailbox(context, &party));
    let sender = sender.and_then(|party| mailbox(context, &party));
    add(fields, "From", from.iter());
    if sender != from {
        add(fields, "Sender", sender.iter());
    }
    let reply_to = properties.bytes(PropTag::PidTagReplyRecipientEntries).map(Party::of_entry_list);
    let reply_to: Vec<_> =
        reply_to.unwrap_or_default().iter().filter_map(|party| mailbox(context, party)).collect();
    add(fields, "Reply-To", reply_to.iter());
    recipients(context, fields, message);
    // Reports are sent to the user for whom the message was sent ([MS-OXCMAIL] 2.1.3.1).
    let reports = [
        (PropTag::PidTagReadReceiptRequested, "Disposition-Notification-To"),
        (PropTag::PidTagOriginatorDeliveryReportRequested, "Return-Receipt-To"),
    ];
    for (tag, name) in reports {
        if properties.flag(tag) {
            add(fields, name, from.iter());
        }
    }
}

fn recipients(context: &mut Context<'_>, fields: &mut Fields, message: &Message) {
    let mut lists = [const { Vec::new() }; 3];
    for recipient in &message.recipients {
        let recipient = Properties::new(recipient, message.page());
        let kind = recipient.integer(PropTag::PidTagRecipientType).unwrap_or(1) & TYPE;
        let list = RECIPIENTS.iter().zip(&mut lists).find(|((number, _), _)| *number == kind);
        if let Some((_, list)) = list
            && let Some(party) = Party::of(&recipient, &RECIPIENT)
        {
            list.extend(mailbox(context, &party));
        }
    }
    for ((_, name), list) in RECIPIENTS.iter().zip(&lists) {
        add(fields, name, list.iter());
    }
}

/// Adds a field with a list of addresses, if there are any.
fn add<'a>(fields: &mut Fields, name: &str, addresses: impl Iterator<Item = &'a Address<'static>>) {
    let addresses: Vec<_> = addresses.cloned().collect();
    if !addresses.is_empty() {
        fields.add(name, &Address::new_list(addresses));
    }
}

/// The party with its address in SMTP, or in IMCEA form.
fn mailbox(context: &mut Context<'_>, party: &Party) -> Option<Address<'static>> {
    let resolved = party.is_exchange().then(|| (context.resolve)(&party.address)).flatten();
    let resolved = resolved.filter(|address| crate::address::is_smtp(address));
    let address = resolved.or_else(|| party.smtp().map(str::to_owned)).or_else(|| {
        let text = if party.address.is_empty() { &party.name } else { &party.address };
        context.lose(Loss::Address(text.clone()));
        party.imcea()
    })?;
    let name = clean(&party.name);
    let name = (!name.is_empty() && name != address).then(|| name.into_owned());
    Some(Address::new_address(name, address))
}
