//! The properties of a message from its header ([MS-OXCMAIL] 2.2.3.1, 2.2.3.2).

use mail_parser::DateTime;
use mapi::data::PropertyName;
use mapi::property::names::set;
use mapi::property::{PropTag, PropertyList, PropertyValue, TaggedValue};
use wire::{FileTime, Utf16};

use super::header::{Field, Header};
use crate::model::{Message, NamedValue};
use crate::reserved::is_reserved;

/// The maximum number of fields that become named properties, of which a mailbox can have only some thousands. All
/// fields are in `PidTagTransportMessageHeaders`.
const MAX_NAMED: usize = 100;

/// Properties that are being collected.
#[derive(Debug, Default)]
pub(super) struct Properties(pub(super) Vec<TaggedValue>);

impl Properties {
    pub(super) fn add(&mut self, tag: PropTag, value: PropertyValue) {
        self.0.push(TaggedValue::new(tag, value));
    }

    /// Adds a text, without zero characters, unless it is empty.
    pub(super) fn text(&mut self, tag: PropTag, text: &str) {
        if text.contains('\0') {
            self.text(tag, &text.replace('\0', " "));
        } else if !text.is_empty() {
            self.add(tag, text.into());
        }
    }

    pub(super) fn integer(&mut self, tag: PropTag, value: i32) {
        self.add(tag, PropertyValue::Integer32(value));
    }

    pub(super) fn flag(&mut self, tag: PropTag) {
        self.add(tag, PropertyValue::Boolean(true));
    }

    pub(super) fn into_list(self) -> PropertyList {
        PropertyList(self.0)
    }
}

/// Fields with texts, and their properties.
const TEXTS: [(&str, PropTag); 4] = [
    ("Thread-Topic", PropTag::PidTagConversationTopic),
    ("List-Help", PropTag::PidTagListHelp),
    ("List-Subscribe", PropTag::PidTagListSubscribe),
    ("List-Unsubscribe", PropTag::PidTagListUnsubscribe),
];

/// Fields with message ids, and their properties.
const IDS: [(&str, PropTag); 3] = [
    ("Message-ID", PropTag::PidTagInternetMessageId),
    ("In-Reply-To", PropTag::PidTagInReplyToId),
    ("References", PropTag::PidTagInternetReferences),
];

/// Fields that state the importance, of which an earlier one takes precedence, their values, and those of
/// `PidTagImportance` ([MS-OXCMAIL] 2.2.3.2.5).
const IMPORTANCE: [(&str, &[(&str, i32)]); 4] = [
    ("Importance", &[("low", 0), ("normal", 1), ("high", 2)]),
    ("X-Priority", &[("5", 0), ("4", 0), ("3", 1), ("2", 2), ("1", 2)]),
    ("Priority", &[("non-urgent", 0), ("normal", 1), ("urgent", 2)]),
    ("X-MSMail-Priority", &[("low", 0), ("normal", 1), ("high", 2)]),
];

/// Adds to `properties` what the header states, except addresses.
pub(super) fn add(properties: &mut Properties, header: &Header<'_>) {
    subject(properties, header);
    for (name, tag) in IDS {
        if let Some(field) = header.get(name) {
            properties.text(tag, &field.tokens());
        }
    }
    for (name, tag) in TEXTS {
        if let Some(field) = header.get(name) {
            properties.text(tag, &field.text());
        }
    }
    let index = header.get("Thread-Index").map(|field| field.tokens().replace(' ', ""));
    if let Some(index) =
        index.and_then(|index| mail_parser::decoders::base64::base64_decode(index.as_bytes()))
    {
        properties.add(PropTag::PidTagConversationIndex, PropertyValue::Binary(index));
    }
    times(properties, header);
    enumerations(properties, header);
    if !header.bytes.is_empty() {
        let text = String::from_utf8_lossy(header.bytes).replace("\r\n", "\n").replace('\n', "\r\n");
        properties.text(PropTag::PidTagTransportMessageHeaders, &text);
    }
}

/// The subject, and its parts ([MS-OXCMSG] 2.2.1.9, 2.2.1.10): a prefix has up to three letters, a colon and a space.
fn subject(properties: &mut Properties, header: &Header<'_>) {
    let Some(subject) = header.get("Subject").map(Field::text) else { return };
    let prefix = subject.split_once(": ").filter(|(prefix, _)| {
        (1..=3).contains(&prefix.chars().count()) && prefix.chars().all(char::is_alphabetic)
    });
    properties.text(PropTag::PidTagSubject, &subject);
    if let Some((prefix, rest)) = prefix {
        properties.text(PropTag::PidTagSubjectPrefix, &format!("{prefix}: "));
        properties.text(PropTag::PidTagNormalizedSubject, rest);
    } else {
        properties.text(PropTag::PidTagNormalizedSubject, &subject);
    }
}

fn times(properties: &mut Properties, header: &Header<'_>) {
    if let Some(time) = header.get("Date").and_then(Field::date).and_then(|date| file_time(&date)) {
        properties.add(PropTag::PidTagClientSubmitTime, PropertyValue::Time(time));
    }
    // The last server adds its field before the others.
    let received = header.get("Received").map(Field::tokens);
    let received =
        received.as_ref().and_then(|field| DateTime::parse_rfc822(field.rsplit_once(';')?.1.trim()));
    if let Some(time) = received.filter(DateTime::is_valid).and_then(|date| file_time(&date)) {
        properties.add(PropTag::PidTagMessageDeliveryTime, PropertyValue::Time(time));
    }
}

fn file_time(date: &DateTime) -> Option<FileTime> {
    const STEPS: u64 = 10_000_000;
    const BEFORE_1970: i64 = 11_644_473_600;
    let seconds = date.to_timestamp().checked_add(BEFORE_1970)?;
    u64::try_from(seconds).ok()?.checked_mul(STEPS).map(FileTime)
}

fn enumerations(properties: &mut Properties, header: &Header<'_>) {
    // Values may be followed by a comment.
    let word = |name: &str| {
        let value = header.get(name)?.tokens().to_ascii_lowercase();
        value.split([' ', '(']).next().map(str::to_owned)
    };
    let find = |name: &str, values: &[(&str, i32)]| {
        let word = word(name)?;
        values.iter().find(|(value, _)| *value == word).map(|(_, number)| *number)
    };
    if let Some(importance) = IMPORTANCE.iter().find_map(|(name, values)| find(name, values)) {
        properties.integer(PropTag::PidTagImportance, importance);
    }
    if let Some(priority) = find("Priority", &[("non-urgent", -1), ("normal", 0), ("urgent", 1)]) {
        properties.integer(PropTag::PidTagPriority, priority);
    }
    let values = [("personal", 1), ("private", 2), ("company-confidential", 3)];
    if let Some(sensitivity) = find("Sensitivity", &values) {
        properties.integer(PropTag::PidTagSensitivity, sensitivity);
    }
}

/// Adds keywords, and the fields whose names begin with `X-`, as named properties.
pub(super) fn add_named(message: &mut Message, header: &Header<'_>) {
    let name = |guid, name: &str| PropertyName::Name { guid, name: Utf16::new(name) };
    if let Some(field) = header.get("Keywords") {
        let text = field.text();
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(Utf16::new);
        let value = PropertyValue::MultipleUnicode(words.collect());
        message.named.push(NamedValue { name: name(set::PS_PUBLIC_STRINGS, "Keywords"), value });
    }
    let mut names = std::collections::BTreeSet::new();
    for field in &header.fields {
        let lower = field.name.to_ascii_lowercase();
        // The name of a property has at most 127 characters ([MS-OXCDATA] 2.6.1).
        if !lower.starts_with("x-") || lower.len() > 127 || is_reserved(&lower) {
            continue;
        }
        if names.len() >= MAX_NAMED || !names.insert(lower) {
            continue;
        }
        let value = field.text().replace('\0', " ");
        let name = name(set::PS_INTERNET_HEADERS, field.name);
        message.named.push(NamedValue { name, value: value.as_str().into() });
    }
}
