//! What of a message survives the conversions.

use mapi::blob::FlatEntryList;
use mapi::data::{EntryId, PropertyName};
use mapi::property::names::set;
use mapi::property::{PropTag, PropertyList, PropertyValue};
use message::{Content, Message, codepage, rtf};
use wire::Decode;

/// Name, type and value of what survives, as text.
type Survives = Vec<(String, String)>;

/// What of `message` survives.
pub(super) fn of(message: &Message) -> Survives {
    let mut all = Vec::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            all.push((name.to_owned(), value));
        }
    };
    let properties = &message.properties;
    let texts = [
        PropTag::PidTagSubject,
        PropTag::PidTagSentRepresentingName,
        PropTag::PidTagSentRepresentingEmailAddress,
        PropTag::PidTagSenderName,
        PropTag::PidTagSenderEmailAddress,
        PropTag::PidTagSenderAddressType,
        PropTag::PidTagInternetMessageId,
        PropTag::PidTagInReplyToId,
        PropTag::PidTagInternetReferences,
        PropTag::PidTagConversationTopic,
    ];
    for tag in texts {
        add(&format!("{tag:?}"), text(properties, tag));
    }
    let numbers = [
        PropTag::PidTagImportance,
        PropTag::PidTagPriority,
        PropTag::PidTagSensitivity,
        PropTag::PidTagReadReceiptRequested,
        PropTag::PidTagOriginatorDeliveryReportRequested,
    ];
    for tag in numbers {
        add(
            &format!("{tag:?}"),
            properties.get(tag).and_then(PropertyValue::to_integer).map(|number| number.to_string()),
        );
    }
    if let Some(PropertyValue::Time(time)) = properties.get(PropTag::PidTagClientSubmitTime) {
        add("time in seconds", Some((time.0 / 10_000_000).to_string()));
    }
    add(
        "index",
        properties.get(PropTag::PidTagConversationIndex).map(|index| format!("{:?}", index.as_bytes())),
    );
    let class = text(properties, PropTag::PidTagMessageClass).filter(|class| class != "IPM.Note");
    let is_smime = class.is_some();
    add("class", class);
    add("text", text(properties, PropTag::PidTagBody).map(|text| lines(&text)));
    add("HTML", html(properties).map(|html| lines(&html)));
    add(
        "reply to",
        properties.get(PropTag::PidTagReplyRecipientEntries).and_then(|list| reply_to(list.as_bytes()?)),
    );
    add("recipients", Some(recipients(message)));
    add("named", Some(named(message)));
    for attachment in files(message, is_smime) {
        add("attachment", Some(attachment));
    }
    all
}

fn text(properties: &PropertyList, tag: PropTag) -> Option<String> {
    match properties.get(tag)? {
        PropertyValue::String8(bytes) => {
            let page = properties.get(PropTag::PidTagMessageCodepage).and_then(PropertyValue::to_integer);
            let page = page.and_then(|page| u32::try_from(page).ok()).expect("a code page");
            Some(codepage::decode(bytes, page).0.into_owned())
        }
        value => value.to_text(),
    }
}

fn html(properties: &PropertyList) -> Option<String> {
    if let Some(html) = properties.get(PropTag::PidTagHtml) {
        let page = properties.get(PropTag::PidTagInternetCodepage).and_then(PropertyValue::to_integer)?;
        return Some(codepage::decode(html.as_bytes()?, u32::try_from(page).ok()?).0.into_owned());
    }
    let packed = properties.get(PropTag::PidTagRtfCompressed)?.as_bytes()?;
    let rtf = mapi::rtf::decompress(packed, 1 << 20).expect("RTF");
    Some(rtf::deencapsulate(&rtf, &rtf::RtfLimits::default()).expect("RTF").text)
}

/// Line ends become CRLF.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}

fn reply_to(list: &[u8]) -> Option<String> {
    let list = FlatEntryList::from_bytes(list).ok()?;
    let entries = list.entries.iter().map(|entry| match EntryId::parse(entry) {
        EntryId::OneOff(id) => format!("{} <{}:{}>", id.display_name, id.address_type, id.email_address),
        other => other.to_string(),
    });
    Some(entries.collect::<Vec<_>>().join(", "))
}

/// The recipients in the order of their types. Addresses that can be resolved become SMTP addresses.
fn recipients(message: &Message) -> String {
    let mut all = Vec::new();
    for kind in 1..=3 {
        for recipient in &message.recipients {
            if recipient.get(PropTag::PidTagRecipientType).and_then(PropertyValue::to_integer) != Some(kind) {
                continue;
            }
            let text = |tag| text(recipient, tag).unwrap_or_default();
            let address = text(PropTag::PidTagEmailAddress);
            let (kind_of_address, address) = match super::resolve(&address) {
                Some(smtp) => ("SMTP".into(), smtp),
                None => (text(PropTag::PidTagAddressType), address),
            };
            all.push(format!("{kind} {} <{kind_of_address}:{address}>", text(PropTag::PidTagDisplayName)));
        }
    }
    all.join("\n")
}

fn named(message: &Message) -> String {
    let kept = message.named.iter().filter_map(|property| match &property.name {
        PropertyName::Name { guid, name }
            if *guid == set::PS_INTERNET_HEADERS && name.to_string_lossy().starts_with("X-") =>
        {
            Some(format!("{name}: {}", property.value.to_text()?))
        }
        PropertyName::Name { guid, .. } if *guid == set::PS_PUBLIC_STRINGS => {
            Some(format!("{:?}", property.value))
        }
        _ => None,
    });
    let mut kept: Vec<_> = kept.collect();
    kept.sort();
    kept.join("\n")
}

/// The attachments: those to which HTML refers come before the others.
fn files(message: &Message, is_smime: bool) -> Vec<String> {
    let has_html = html(&message.properties).is_some();
    let ids = |properties: &PropertyList| {
        [PropTag::PidTagAttachContentId, PropTag::PidTagAttachContentLocation]
            .map(|tag| text(properties, tag))
    };
    let mut sorted: Vec<_> = message.attachments.iter().collect();
    sorted.sort_by_key(|attachment| !(has_html && ids(&attachment.properties).iter().any(Option::is_some)));
    let describe = |attachment: &&message::Attachment| {
        let properties = &attachment.properties;
        let name = text(properties, PropTag::PidTagAttachLongFilename);
        let media_type = text(properties, PropTag::PidTagAttachMimeTag).filter(|_| !is_smime);
        let content = match &attachment.content {
            Content::Message(message) => format!("{:#?}", of(message)),
            other => format!("{other:?}"),
        };
        format!("{name:?} {media_type:?} {:?} {content}", ids(properties))
    };
    sorted.iter().map(describe).collect()
}
