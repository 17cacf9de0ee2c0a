//! The header fields of a message ([MS-OXCMAIL] 2.1.3.1 and 2.1.3.2).

use mail_builder::headers::date::Date;
use mapi::data::PropertyName;
use mapi::property::names::set;
use mapi::property::{PropTag, PropertyValue};
use wire::FileTime;

use super::context::Context;
use super::fields::{Fields, is_name};
use super::{parties, transport};
use crate::limits::Loss;
use crate::model::{self, Message, Properties};
use crate::reserved::is_reserved;
use crate::smime::is_of_mime;

/// The fields that are written from properties of their own, and not from `PS_INTERNET_HEADERS` ([MS-OXCMAIL]
/// 2.1.3.2).
pub(super) const MAPPED: [&str; 22] = [
    "bcc",
    "cc",
    "date",
    "disposition-notification-to",
    "from",
    "importance",
    "in-reply-to",
    "keywords",
    "list-help",
    "list-subscribe",
    "list-unsubscribe",
    "message-id",
    "priority",
    "references",
    "reply-to",
    "return-receipt-to",
    "sender",
    "sensitivity",
    "subject",
    "thread-index",
    "thread-topic",
    "to",
];

/// Properties that are texts, and their fields.
const TEXTS: [(PropTag, &str); 4] = [
    (PropTag::PidTagConversationTopic, "Thread-Topic"),
    (PropTag::PidTagListHelp, "List-Help"),
    (PropTag::PidTagListSubscribe, "List-Subscribe"),
    (PropTag::PidTagListUnsubscribe, "List-Unsubscribe"),
];

/// Properties that are message ids, and their fields.
const IDS: [(PropTag, &str); 3] = [
    (PropTag::PidTagInternetMessageId, "Message-ID"),
    (PropTag::PidTagInReplyToId, "In-Reply-To"),
    (PropTag::PidTagInternetReferences, "References"),
];

/// The maximum length of a line of `Thread-Index`.
const MAX_INDEX_LINE: usize = 900;

/// Writes all fields but those of MIME; ends with `MIME-Version`.
pub(super) fn write(context: &mut Context<'_>, message: &Message) -> Vec<u8> {
    let mut fields = Fields::default();
    let properties = message.access();
    parties::write(context, &mut fields, message);
    subject(&mut fields, &properties);
    date(context, &mut fields, &properties);
    for (tag, name) in IDS {
        if let Some(ids) = properties.text(tag)
            && !fields.tokens(name, &ids)
        {
            context.lose(Loss::Header(name.into()));
        }
    }
    for (tag, name) in TEXTS {
        if let Some(text) = properties.text(tag) {
            fields.text(name, &text);
        }
    }
    if let Some(index) = properties.bytes(PropTag::PidTagConversationIndex).filter(|index| !index.is_empty())
    {
        // In lines as long as possible: many readers do not expect spaces in it, or encoded words.
        let text = base64(index);
        let lines = text.as_bytes().chunks(MAX_INDEX_LINE).map(String::from_utf8_lossy);
        fields.tokens("Thread-Index", &lines.collect::<Vec<_>>().join(" "));
    }
    enumerations(&mut fields, &properties);
    item(context, &properties);
    named(context, &mut fields, message);

    // The fields that were received are the trace of the message, and precede (RFC 5321 4.4).
    let mut bytes = transport::kept(context, &fields, &properties);
    bytes.extend(fields.into_bytes());
    bytes.extend_from_slice(b"MIME-Version: 1.0\r\n");
    bytes
}

/// The subject ([MS-OXCMAIL] 2.1.3.2).
fn subject(fields: &mut Fields, properties: &Properties<'_>) {
    let subject = properties.text(PropTag::PidTagSubject).or_else(|| {
        let part = |tag| properties.text(tag).unwrap_or_default();
        Some(part(PropTag::PidTagSubjectPrefix) + &part(PropTag::PidTagNormalizedSubject))
            .filter(|subject| !subject.is_empty())
    });
    if let Some(subject) = subject {
        // Clients mark the length of the prefix by two characters at the beginning ([MS-OXCMSG] 2.2.1.9).
        let mut rest = subject.chars();
        let text =
            if rest.next() == Some('\u{1}') && rest.next().is_some() { rest.as_str() } else { &subject };
        fields.text("Subject", text);
    }
}

/// The date at which the message was sent; of messages that were not, when they arrived or changed.
fn date(context: &mut Context<'_>, fields: &mut Fields, properties: &Properties<'_>) {
    let tags = [
        PropTag::PidTagClientSubmitTime,
        PropTag::PidTagMessageDeliveryTime,
        PropTag::PidTagLastModificationTime,
    ];
    let Some(time) = tags.into_iter().find_map(|tag| properties.time(tag)) else { return };
    match seconds_since_1970(time) {
        Some(seconds) => fields.add("Date", &Date::new(seconds)),
        None => context.lose(Loss::Header("Date".into())),
    }
}

/// `None` after the year 9999, which RFC 5322 does not have.
fn seconds_since_1970(time: FileTime) -> Option<i64> {
    const STEPS: u64 = 10_000_000;
    const BEFORE_1970: i64 = 11_644_473_600;
    const YEAR_10000: i64 = 253_402_300_800;
    let seconds = i64::try_from(time.0 / STEPS).ok()?.checked_sub(BEFORE_1970)?;
    (seconds < YEAR_10000).then_some(seconds)
}

/// Importance, priority and sensitivity ([MS-OXCMAIL] 2.1.3.2).
fn enumerations(fields: &mut Fields, properties: &Properties<'_>) {
    let mut add = |name, tag, values: &[(i64, &str)]| {
        let value = properties.integer(tag);
        if let Some((_, text)) = values.iter().find(|(number, _)| Some(*number) == value) {
            fields.text(name, text);
        }
    };
    add("Importance", PropTag::PidTagImportance, &[(0, "low"), (1, "normal"), (2, "high")]);
    add("Priority", PropTag::PidTagPriority, &[(-1, "non-urgent"), (0, "normal"), (1, "urgent")]);
    let sensitivity = [(1, "personal"), (2, "private"), (3, "company-confidential")];
    add("Sensitivity", PropTag::PidTagSensitivity, &sensitivity);
}

/// Records the loss if the message is no email.
fn item(context: &mut Context<'_>, properties: &Properties<'_>) {
    let class = properties.text(PropTag::PidTagMessageClass).unwrap_or_default();
    let lower = class.to_ascii_lowercase();
    let is_email =
        lower.is_empty() || lower == "ipm" || lower == "ipm.note" || lower.starts_with("ipm.note.");
    if !is_email {
        context.lose(Loss::Item(class));
    }
}

/// Keywords ([MS-OXCMAIL] 2.1.3.2), and the fields in `PS_INTERNET_HEADERS` (2.1.3.2.4).
fn named(context: &mut Context<'_>, fields: &mut Fields, message: &Message) {
    for property in &message.named {
        let PropertyName::Name { guid, name } = &property.name else { continue };
        let name = name.to_string_lossy();
        if *guid == set::PS_PUBLIC_STRINGS && name == "Keywords" {
            keywords(context, fields, &property.value);
        }
        if *guid != set::PS_INTERNET_HEADERS || is_of_mime(&name) {
            continue;
        }
        let lower = name.to_ascii_lowercase();
        if fields.contains(&lower) || is_reserved(&lower) || MAPPED.contains(&&*lower) {
            continue;
        }
        match model::text(&property.value, message.page()) {
            Some((text, _)) if is_name(&name) => fields.text(&name, &text),
            _ => context.lose(Loss::Header(name)),
        }
    }
}

fn keywords(context: &mut Context<'_>, fields: &mut Fields, value: &PropertyValue) {
    let PropertyValue::MultipleUnicode(texts) = value else { return };
    let texts: Vec<_> = texts.iter().map(wire::Utf16::to_string_lossy).collect();
    if texts.iter().any(|text| text.contains(',')) {
        context.lose(Loss::Header("Keywords".into()));
    } else if !texts.is_empty() {
        fields.text("Keywords", &texts.join(", "));
    }
}

/// Base64 without line ends (RFC 4648 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit =
        |bits: u32| DIGITS.get(usize::try_from(bits & 63).unwrap_or(0)).map_or('=', |c| char::from(*c));
    let mut text = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| chunk.get(index).copied().map_or(0, u32::from);
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        text.extend([digit(bits >> 18), digit(bits >> 12)]);
        text.push(if chunk.len() > 1 { digit(bits >> 6) } else { '=' });
        text.push(if chunk.len() > 2 { digit(bits) } else { '=' });
    }
    text
}
