//! Oracles of messages: RTF bodies, and both directions of the conversion to RFC 5322.

use mapi::data::PropertyName;
use mapi::property::names::set;
use mapi::property::{PropTag, PropertyList, PropertyValue, TaggedValue};
use message::rtf::{RtfLimits, deencapsulate};
use message::{Attachment, Content, Limits, Message, NamedValue, from_rfc5322, to_rfc5322};
use wire::{FileTime, Utf16};

use crate::input::Input;

/// RTF bodies.
///
/// The first byte selects the kind of the content; the rest is what follows its control word. The content does not
/// exceed the limits.
///
/// # Panics
/// If it does.
pub fn rtf_bodies(data: &[u8]) {
    let limits = RtfLimits { depth: 32, output: 64 << 10, fonts: 8 };
    let mut input = Input::new(data);
    let begin: &[u8] = match input.byte() % 4 {
        0 => br"{\rtf1\ansi\fromhtml1 ",
        1 => br"{\rtf1\ansi\fromtext ",
        2 => br"{\rtf1\ansi ",
        _ => b"",
    };
    let rtf = [begin, input.rest()].concat();
    if let Ok(body) = deencapsulate(&rtf, &limits) {
        // The last bytes are decoded at the end, each to three bytes at most.
        assert!(body.text.len() <= 3 * limits.output, "{} bytes", body.text.len());
        assert!(body.text.len() <= 3 * rtf.len(), "a byte of RTF is three bytes of text at most");
    }
}

/// The limits of the conversions.
const LIMITS: Limits = Limits {
    bytes: 256 << 10,
    header: 16 << 10,
    depth: 4,
    multiparts: 4,
    parts: 20,
    recipients: 20,
    rtf: RtfLimits { depth: 32, output: 64 << 10, fonts: 8 },
};

/// Messages that are read.
///
/// All input is a message in RFC 5322. What was read is written, and read again.
///
/// # Panics
/// If what was written cannot be read, or has another number of attachments.
pub fn messages_read(data: &[u8]) {
    let Ok(read) = from_rfc5322(data, &LIMITS) else { return };
    assert!(read.message.recipients.len() <= LIMITS.recipients);
    written(&read.message);
}

/// Messages that are written.
///
/// The input is properties, each a choice of the property, and a value with its length; a choice begins an attachment
/// or a recipient.
///
/// # Panics
/// If what was written is not ASCII, has lines that are too long or do not end with CRLF, or cannot be read; or if a
/// value became a header field.
pub fn messages_written(data: &[u8]) {
    written(&chosen(&mut Input::new(data), 2));
}

/// Writes `message` and reads what was written.
fn written(message: &Message) {
    let Ok(written) = to_rfc5322(message, &LIMITS, &|dn| dn.strip_prefix("/o=").map(str::to_owned)) else {
        return;
    };
    let is_signed = has_signed(message);
    // The fields that were received are one value, and name recipients if the message has none.
    let is_received = message.properties.get(PropTag::PidTagTransportMessageHeaders).is_some();
    if !is_signed {
        let text = std::str::from_utf8(&written.bytes).expect("ASCII");
        assert!(text.is_ascii() && !text.contains('\0'), "other characters than those of mail: {text:?}");
        assert!(text.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])), "a line");
        let names = text.split("\r\n").take_while(|line| !line.is_empty());
        let injected = names.filter(|line| line.to_ascii_lowercase().starts_with("injected:"));
        assert!(is_received || injected.count() == 0, "a value became a field: {text}");
    }
    let wide = Limits { bytes: usize::MAX, header: 1 << 20, depth: 5, multiparts: 20, parts: 100, ..LIMITS };
    let read = from_rfc5322(&written.bytes, &wide).expect("what was written can be read");
    let is_more = read.message.recipients.len() > message.recipients.len();
    assert!(is_received || !is_more, "a value became a recipient");
    if !is_signed {
        assert!(read.message.attachments.len() <= message.attachments.len(), "a value became a part");
    }
}

/// Whether a message has content that is written as it is.
fn has_signed(message: &Message) -> bool {
    let class = message.properties.get(PropTag::PidTagMessageClass).and_then(PropertyValue::to_text);
    let is_signed = class.is_some_and(|class| class.to_ascii_lowercase().contains("smime"));
    let inner = |attachment: &Attachment| matches!(&attachment.content, Content::Message(message) if has_signed(message));
    is_signed || message.attachments.iter().any(inner)
}

/// Properties that are written, and others.
const TAGS: [PropTag; 36] = [
    PropTag::PidTagSubject,
    PropTag::PidTagBody,
    PropTag::PidTagBodyHtml,
    PropTag::PidTagHtml,
    PropTag::PidTagRtfCompressed,
    PropTag::PidTagMessageClass,
    PropTag::PidTagTransportMessageHeaders,
    PropTag::PidTagSentRepresentingName,
    PropTag::PidTagSentRepresentingAddressType,
    PropTag::PidTagSentRepresentingEmailAddress,
    PropTag::PidTagSenderName,
    PropTag::PidTagSenderEmailAddress,
    PropTag::PidTagSenderSmtpAddress,
    PropTag::PidTagSenderEntryId,
    PropTag::PidTagReplyRecipientEntries,
    PropTag::PidTagInternetMessageId,
    PropTag::PidTagInternetReferences,
    PropTag::PidTagConversationTopic,
    PropTag::PidTagConversationIndex,
    PropTag::PidTagClientSubmitTime,
    PropTag::PidTagImportance,
    PropTag::PidTagReadReceiptRequested,
    PropTag::PidTagMessageCodepage,
    PropTag::PidTagInternetCodepage,
    PropTag::PidTagDisplayName,
    PropTag::PidTagAddressType,
    PropTag::PidTagEmailAddress,
    PropTag::PidTagSmtpAddress,
    PropTag::PidTagEntryId,
    PropTag::PidTagRecipientType,
    PropTag::PidTagAttachLongFilename,
    PropTag::PidTagAttachMimeTag,
    PropTag::PidTagAttachContentId,
    PropTag::PidTagAttachContentLocation,
    PropTag::PidTagTextAttachmentCharset,
    PropTag::PidTagListHelp,
];

/// The message that the input chooses.
fn chosen(input: &mut Input<'_>, depth: u32) -> Message {
    let mut message = Message::default();
    while !input.is_empty() {
        match input.byte() % 12 {
            0 => message.recipients.push(PropertyList(properties(input))),
            1 => {
                let content = match input.byte() % 5 {
                    0 if depth > 0 => {
                        Content::Message(Box::new(chosen(&mut Input::new(input.block()), depth - 1)))
                    }
                    1 => Content::Ole(input.block().to_vec()),
                    2 => Content::Link(String::from_utf8_lossy(input.block()).into_owned()),
                    3 => Content::None,
                    _ => Content::Bytes(input.block().to_vec()),
                };
                message.attachments.push(Attachment { properties: PropertyList(properties(input)), content });
            }
            2 => {
                let name = Utf16::new(&String::from_utf8_lossy(input.block()));
                let name = PropertyName::Name { guid: set::PS_INTERNET_HEADERS, name };
                message.named.push(NamedValue { name, value: value(input) });
            }
            _ => message.properties.0.extend(property(input)),
        }
    }
    message
}

fn properties(input: &mut Input<'_>) -> Vec<TaggedValue> {
    (0..input.byte() % 8).filter_map(|_| property(input)).collect()
}

fn property(input: &mut Input<'_>) -> Option<TaggedValue> {
    let tag = *TAGS.get(usize::from(input.byte()) % TAGS.len())?;
    Some(TaggedValue::new(tag, value(input)))
}

fn value(input: &mut Input<'_>) -> PropertyValue {
    match input.byte() % 8 {
        0 => PropertyValue::Integer32(i32::from(input.short())),
        1 => PropertyValue::Boolean(input.byte() > 0),
        2 => PropertyValue::Time(FileTime(u64::from(input.short()) << 45)),
        3 => PropertyValue::String8(input.block().to_vec()),
        4 | 5 => PropertyValue::Binary(input.block().to_vec()),
        _ => String::from_utf8_lossy(input.block()).as_ref().into(),
    }
}
