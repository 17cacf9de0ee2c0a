//! Tests of messages in RFC 5322.

use mail_parser::{MessageParser, MimeHeaders};
use mapi::data::{OneOffEntryId, PropertyName};
use mapi::property::names::set;
use mapi::property::{PropTag, PropertyList, PropertyValue, TaggedValue};
use proptest::prelude::*;
use wire::{Encode, FileTime, Utf16};

use super::*;
use crate::NamedValue;

fn value(tag: PropTag, value: impl Into<PropertyValue>) -> TaggedValue {
    TaggedValue::new(tag, value.into())
}

fn number(tag: PropTag, number: i32) -> TaggedValue {
    value(tag, PropertyValue::Integer32(number))
}

fn message(properties: Vec<TaggedValue>) -> Message {
    Message { properties: PropertyList(properties), ..Message::default() }
}

fn party(name: (PropTag, &str), kind: (PropTag, &str), address: (PropTag, &str)) -> [TaggedValue; 3] {
    [name, kind, address].map(|(tag, text)| value(tag, text))
}

fn recipient(kind: i32, name: &str, address_type: &str, address: &str) -> PropertyList {
    let party = party(
        (PropTag::PidTagDisplayName, name),
        (PropTag::PidTagAddressType, address_type),
        (PropTag::PidTagEmailAddress, address),
    );
    PropertyList(party.into_iter().chain([number(PropTag::PidTagRecipientType, kind)]).collect())
}

fn file(name: &str, media_type: &str, bytes: &[u8]) -> Attachment {
    let properties =
        vec![value(PropTag::PidTagAttachLongFilename, name), value(PropTag::PidTagAttachMimeTag, media_type)];
    Attachment { properties: PropertyList(properties), content: Content::Bytes(bytes.to_vec()) }
}

fn convert(message: &Message) -> Rfc5322 {
    let resolve = |dn: &str| dn.strip_prefix("/o=known/cn=").map(|name| format!("{name}@example.com"));
    to_rfc5322(message, &Limits::default(), &resolve).expect("within the limits")
}

fn text(message: &Message) -> String {
    let converted = convert(message);
    assert_eq!(converted.losses, []);
    String::from_utf8(converted.bytes).expect("ASCII")
}

#[test]
fn a_message_sent_by_a_delegate_has_all_its_fields() {
    let mut properties = vec![
        value(PropTag::PidTagSubjectPrefix, "RE: "),
        value(PropTag::PidTagNormalizedSubject, "Grüße"),
        value(PropTag::PidTagClientSubmitTime, PropertyValue::Time(FileTime(133_485_840_000_000_000))),
        value(PropTag::PidTagInternetMessageId, "<1@example.com>"),
        value(PropTag::PidTagInReplyToId, "<0@example.com>"),
        value(PropTag::PidTagInternetReferences, "<a@example.com> <0@example.com>"),
        value(PropTag::PidTagConversationTopic, "Topic"),
        value(PropTag::PidTagConversationIndex, PropertyValue::Binary(vec![1, 2, 3, 4])),
        number(PropTag::PidTagImportance, 2),
        number(PropTag::PidTagPriority, 1),
        number(PropTag::PidTagSensitivity, 3),
        value(PropTag::PidTagReadReceiptRequested, PropertyValue::Boolean(true)),
        value(PropTag::PidTagBody, "Hello\n"),
    ];
    properties.extend(party(
        (PropTag::PidTagSentRepresentingName, "The Boss"),
        (PropTag::PidTagSentRepresentingAddressType, "EX"),
        (PropTag::PidTagSentRepresentingEmailAddress, "/o=known/cn=boss"),
    ));
    properties.extend(party(
        (PropTag::PidTagSenderName, "Delegate"),
        (PropTag::PidTagSenderAddressType, "SMTP"),
        (PropTag::PidTagSenderEmailAddress, "delegate@example.com"),
    ));
    let entry = OneOffEntryId {
        flags: 0,
        version: 0,
        one_off_flags: mapi::data::OneOffFlags::UNICODE,
        display_name: "Replies".into(),
        address_type: "SMTP".into(),
        email_address: "replies@example.com".into(),
    };
    let list = mapi::blob::FlatEntryList { entries: vec![entry.to_bytes().expect("an entry id")] };
    let list = list.to_bytes().expect("a list");
    properties.push(value(PropTag::PidTagReplyRecipientEntries, PropertyValue::Binary(list)));
    let mut message = message(properties);
    message.recipients = vec![
        recipient(1, "A, B", "SMTP", "a@example.com"),
        recipient(2, "", "SMTP", "c@example.com"),
        recipient(0x1000_0001, "D", "EX", "/o=known/cn=d"),
        recipient(3, "E", "SMTP", "e@example.com"),
    ];
    let name = |guid, name| PropertyName::Name { guid, name: Utf16::new(name) };
    message.named = vec![
        NamedValue { name: name(set::PS_INTERNET_HEADERS, "X-Test"), value: "value".into() },
        NamedValue {
            name: name(set::PS_INTERNET_HEADERS, "Return-Receipt-To"),
            value: "x@example.com".into(),
        },
        NamedValue {
            name: name(set::PS_PUBLIC_STRINGS, "Keywords"),
            value: PropertyValue::MultipleUnicode(vec![Utf16::new("red"), Utf16::new("blue")]),
        },
    ];
    let expected = [
        r#"From: "The Boss" <boss@example.com>"#,
        r#"Sender: "Delegate" <delegate@example.com>"#,
        r#"Reply-To: "Replies" <replies@example.com>"#,
        r#"To: "A, B" <a@example.com>, "D" <d@example.com>"#,
        "Cc: <c@example.com>",
        r#"Bcc: "E" <e@example.com>"#,
        r#"Disposition-Notification-To: "The Boss" <boss@example.com>"#,
        "Subject: =?utf-8?B?UkU6IEdyw7zDn2U=?=",
        "Date: Mon, 1 Jan 2024 12:00:00 +0000",
        "Message-ID: <1@example.com>",
        "In-Reply-To: <0@example.com>",
        "References: <a@example.com>",
        " <0@example.com>",
        "Thread-Topic: Topic",
        "Thread-Index: AQIDBA==",
        "Importance: high",
        "Priority: urgent",
        "Sensitivity: company-confidential",
        "X-Test: value",
        "Keywords: red, blue",
        "MIME-Version: 1.0",
        r#"Content-Type: text/plain; charset="utf-8""#,
        "Content-Transfer-Encoding: 7bit",
        "",
        "Hello",
        "",
    ];
    assert_eq!(text(&message), expected.join("\r\n"));
}

#[test]
fn an_address_that_is_not_resolved_is_written_in_imcea_form_and_listed() {
    let mut message = message(vec![]);
    message.recipients = vec![
        recipient(1, "X", "EX", "/o=org/cn=x y"),
        recipient(1, "Y", "SMTP", "y@example.com>, <z@example.com"),
        recipient(1, "Z", "", ""),
    ];
    let converted = convert(&message);
    let losses = ["/o=org/cn=x y", "y@example.com>, <z@example.com", "Z"];
    assert_eq!(converted.losses, losses.map(|address| Loss::Address(address.into())));
    let found = MessageParser::new().parse(&converted.bytes).expect("a message");
    let found: Vec<_> = found.to().expect("To").iter().filter_map(|found| found.address()).collect();
    let imcea = [
        "IMCEAEX-_o=org_cn=x+20y@invalid",
        "IMCEASMTP-y+40example+2Ecom+3E+2C+20+3Cz+40example+2Ecom@invalid",
        "IMCEANONE-@invalid",
    ];
    assert_eq!(found, imcea);
}

#[test]
fn received_fields_are_kept_unchanged_except_those_that_properties_replace() {
    let headers = "Received: from a\r\n\tby b; date\r\nX-One: ü\r\nSubject: old\r\nno field\r\nDKIM-Signature:  v=1;\r\n  b=x\r\n\
                   Content-Type: text/html\r\n\r\nX-Body: 1\r\n";
    let properties =
        vec![value(PropTag::PidTagTransportMessageHeaders, headers), value(PropTag::PidTagSubject, "new")];
    let converted = convert(&message(properties));
    assert_eq!(converted.losses, [Loss::TransportHeaders]);
    let expected = "Received: from a\r\n\tby b; date\r\nX-One: =?utf-8?B?w7w=?=\r\nDKIM-Signature:  v=1;\r\n  b=x\r\n\
                    Subject: new\r\nMIME-Version: 1.0\r\nContent-Type: text/plain;";
    let found = String::from_utf8(converted.bytes).expect("ASCII");
    assert!(found.starts_with(expected), "{found}");
}

#[test]
fn html_with_pictures_and_files_is_nested_as_readers_expect() {
    let mut message = message(vec![
        value(PropTag::PidTagBody, "text"),
        value(PropTag::PidTagHtml, PropertyValue::Binary(b"<p>\xe4</p>".to_vec())),
        number(PropTag::PidTagInternetCodepage, 28591),
    ]);
    let mut picture = file("p.png", "image/png", &[0, 1]);
    picture.properties.0.push(value(PropTag::PidTagAttachContentId, "id@x"));
    message.attachments = vec![file("Grüße \"1\".txt", "text/plain", b"a\nb\r\nc\r"), picture];
    let text = text(&message);
    let found = MessageParser::new().parse(&text).expect("a message");
    assert_eq!(found.body_text(0).as_deref(), Some("text"));
    assert_eq!(found.body_html(0).as_deref(), Some("<p>ä</p>"));
    let kinds: Vec<_> = found.parts.iter().filter_map(|part| part.content_type()?.subtype()).collect();
    assert_eq!(kinds, ["mixed", "related", "alternative", "plain", "html", "png", "plain"]);
    let files: Vec<_> =
        found.attachments().map(|part| (part.attachment_name(), part.contents().to_vec())).collect();
    assert_eq!(files, [(Some("p.png"), vec![0, 1]), (Some("Grüße \"1\".txt"), b"a\nb\r\nc\r".to_vec())]);
    assert_eq!(found.attachment(0).expect("a picture").content_id(), Some("id@x"));
}

#[test]
fn the_html_in_a_compressed_rtf_body_is_the_body() {
    let rtf = br"{\rtf1\ansi\fromhtml1 {\*\htmltag <b>}hi{\*\htmltag </b>}}";
    let packed = mapi::rtf::compress(rtf).expect("RTF");
    let message = message(vec![value(PropTag::PidTagRtfCompressed, PropertyValue::Binary(packed))]);
    assert!(text(&message).ends_with("\r\n\r\n<b>hi</b>"));
}

#[test]
fn embedded_messages_are_messages() {
    let inner =
        message(vec![value(PropTag::PidTagSubject, "inner"), value(PropTag::PidTagBody, "inner body")]);
    let mut outer = message(vec![value(PropTag::PidTagSubject, "outer")]);
    outer.attachments =
        vec![Attachment { content: Content::Message(Box::new(inner)), ..Attachment::default() }];
    let text = text(&outer);
    let found = MessageParser::new().parse(&text).expect("a message");
    let inner = found.attachment(0).and_then(|part| part.message()).expect("a message in it");
    assert_eq!((inner.subject(), inner.body_text(0).as_deref()), (Some("inner"), Some("inner body")));
}

#[test]
fn signed_content_is_written_byte_by_byte() {
    let entity = b"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\xe4 \r\n--b--\r\n";
    let class = value(PropTag::PidTagMessageClass, crate::smime::SIGNED);
    let mut signed = message(vec![class.clone()]);
    signed.attachments = vec![file("smime.p7m", "multipart/signed", entity)];
    let converted = convert(&signed);
    assert_eq!(converted.losses, []);
    assert!(converted.bytes.ends_with(&[b"MIME-Version: 1.0\r\n", entity.as_slice()].concat()));

    for header in ["Bcc: x@example.com\r\nContent-Type: multipart/signed", "Content-Type: text/html", " x:y"]
    {
        let mut forged = message(vec![class.clone()]);
        let entity = format!("{header}\r\n\r\nbody");
        forged.attachments = vec![file("smime.p7m", "application/pkcs7-mime", entity.as_bytes())];
        let converted = convert(&forged);
        assert_eq!(converted.losses, [Loss::Smime], "{header}");
        assert!(!String::from_utf8_lossy(&converted.bytes).contains(header));
    }
}

#[test]
fn encrypted_content_is_the_body() {
    let mut message = message(vec![value(PropTag::PidTagMessageClass, crate::smime::ENVELOPED)]);
    let name = PropertyName::Name { guid: set::PS_INTERNET_HEADERS, name: Utf16::new("content-type") };
    let value = "application/pkcs7-mime; smime-type=enveloped-data; name=x".into();
    message.named = vec![NamedValue { name, value }];
    message.attachments = vec![file("smime.p7m", "application/pkcs7-mime", b"\x30\x80")];
    let text = text(&message);
    let found = MessageParser::new().parse(&text).expect("a message");
    assert_eq!(found.parts.len(), 1);
    let content_type = found.parts[0].content_type().expect("a type");
    assert_eq!(content_type.attribute("smime-type"), Some("enveloped-data"));
    assert_eq!(found.parts[0].contents(), b"\x30\x80");
}

#[test]
fn a_text_does_not_end_its_part() {
    let mut message = message(vec![value(
        PropTag::PidTagBody,
        "a\r\n--=_part_0000000001_\r\n\r\nb\r\n--=_part_0000000007_--",
    )]);
    message.attachments = vec![file("a", "a/b", b"x")];
    let text = text(&message);
    let found = MessageParser::new().parse(&text).expect("a message");
    assert_eq!((found.parts.len(), found.attachment_count()), (3, 1));
}

#[test]
fn losses_are_listed() {
    let mut message = message(vec![
        value(PropTag::PidTagMessageClass, "IPM.Appointment"),
        value(PropTag::PidTagBody, PropertyValue::String8(vec![0x81])),
        value(PropTag::PidTagInternetMessageId, "<ä@x>"),
        value(PropTag::PidTagRtfCompressed, PropertyValue::Binary(vec![1])),
    ]);
    message.attachments = vec![
        Attachment { content: Content::Link("\\\\server\\file".into()), ..Attachment::default() },
        Attachment { content: Content::Ole(vec![1]), ..Attachment::default() },
        Attachment::default(),
        file("a", "multipart/mixed", b"x"),
    ];
    message.properties.0.push(number(PropTag::PidTagMessageCodepage, 37));
    let losses: Vec<_> = convert(&message).losses.iter().map(ToString::to_string).collect();
    let expected = [
        "the header field Message-ID was left out",
        "of an item of class \"IPM.Appointment\"",
        "characters of the text body were replaced",
        "the RTF body was left out: RTFCOMPRESSED",
        "the attachment \"\\\\\\\\server\\\\file\" was left out: it is a link",
        "the OLE object \"\" was written as a file",
        "the attachment \"\" was left out: it has no content",
        "the media type \"multipart/mixed\" of an attachment was replaced",
    ];
    assert_eq!(losses.len(), expected.len(), "{losses:?}");
    for (loss, begin) in losses.iter().zip(expected) {
        assert!(loss.starts_with(begin), "{loss}");
    }
}

#[test]
fn a_message_that_exceeds_a_limit_is_refused() {
    let limits = Limits { bytes: 1000, depth: 2, parts: 5, recipients: 1, ..Limits::default() };
    let convert = |message: &Message| to_rfc5322(message, &limits, &|_| None).map(|_| ());
    let nest = |inner: Message| {
        let content = Content::Message(Box::new(inner));
        Message { attachments: vec![Attachment { content, ..Attachment::default() }], ..Message::default() }
    };
    assert_eq!(convert(&nest(Message::default())), Ok(()));
    assert_eq!(convert(&nest(nest(Message::default()))), Err(Error::Depth(2)));
    let body = |length: usize| message(vec![value(PropTag::PidTagBody, &*"a".repeat(length))]);
    assert_eq!(convert(&body(500)), Ok(()));
    assert_eq!(convert(&body(1000)), Err(Error::Bytes(1000)));
    let files = |count| Message { attachments: vec![file("a", "a/b", b"x"); count], ..Message::default() };
    assert_eq!(convert(&files(4)), Ok(()));
    assert_eq!(convert(&files(5)), Err(Error::Parts(5)));
    let to =
        |count| Message { recipients: vec![recipient(1, "", "SMTP", "a@b"); count], ..Message::default() };
    assert_eq!(convert(&to(1)), Ok(()));
    assert_eq!(convert(&to(2)), Err(Error::Recipients(1)));
}

#[test]
fn a_text_with_zero_characters_is_encoded() {
    let text = text(&message(vec![value(PropTag::PidTagBody, "a\0b")]));
    assert!(text.ends_with("Content-Transfer-Encoding: base64\r\n\r\nYQBi\r\n"), "{text}");
}

#[test]
fn control_characters_in_header_fields_become_spaces() {
    let mut message = message(vec![value(PropTag::PidTagSubject, "a\r\nb\0c\n")]);
    message.attachments = vec![file("d\te\0", "a/b", b"x")];
    let text = text(&message);
    let found = MessageParser::new().parse(&text).expect("a message");
    assert!(text.starts_with("Subject: a  b c\r\n"), "{text}");
    assert_eq!(found.attachment(0).and_then(|part| part.attachment_name()), Some("d e"));
}

/// Texts that could end a field, a part or an address.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\r\nInjected: 1"),
        Just("\nInjected: 1"),
        Just("\rInjected: 1"),
        Just("\0"),
        Just("\r\n\r\n"),
        Just("=?utf-8?Q?=0D=0AInjected:_1?="),
        Just("\u{85}"),
        Just("\u{2028}"),
        Just(" "),
        Just(">, <x@y>"),
        Just("\""),
        Just("\\"),
        Just("ä"),
        Just("; x=y"),
        Just("--=_part_0000000001_"),
        Just("a@b"),
    ];
    let pieces =
        prop::collection::vec(piece.prop_map(str::to_owned), 0..6).prop_map(|pieces| pieces.concat());
    prop_oneof![4 => pieces, 1 => "[a-z]{0,8}", 1 => any::<String>(), 1 => "[a ]{990,1100}", 1 => "ä{400,600}"]
}

/// Properties of a message that are written to its header.
const HEADER: [PropTag; 17] = [
    PropTag::PidTagSubject,
    PropTag::PidTagSentRepresentingName,
    PropTag::PidTagSentRepresentingEmailAddress,
    PropTag::PidTagSenderName,
    PropTag::PidTagSenderEmailAddress,
    PropTag::PidTagSenderAddressType,
    PropTag::PidTagSenderSmtpAddress,
    PropTag::PidTagInternetMessageId,
    PropTag::PidTagInReplyToId,
    PropTag::PidTagInternetReferences,
    PropTag::PidTagConversationTopic,
    PropTag::PidTagListHelp,
    PropTag::PidTagListSubscribe,
    PropTag::PidTagListUnsubscribe,
    PropTag::PidTagMessageClass,
    PropTag::PidTagSubjectPrefix,
    PropTag::PidTagNormalizedSubject,
];

/// The names of all fields in the headers of a message and its parts.
fn names(bytes: &[u8]) -> Vec<String> {
    let message = MessageParser::new().parse(bytes).expect("a message");
    let fields = message.parts.iter().flat_map(|part| part.headers.iter());
    fields.map(|field| field.name().to_owned()).collect()
}

proptest! {
    #[test]
    fn no_value_becomes_a_field_a_recipient_or_a_part(
        texts in prop::collection::vec(hostile(), HEADER.len()),
        name in hostile(),
        attachment in prop::collection::vec(hostile(), 6),
        recipients in prop::collection::vec((hostile(), hostile()), 0..3),
    ) {
        let mut message = message(HEADER.iter().zip(&texts).map(|(tag, text)| value(*tag, &**text)).collect());
        let guid = set::PS_INTERNET_HEADERS;
        let named = |name: &str| PropertyName::Name { guid, name: Utf16::new(name) };
        message.named = vec![
            NamedValue { name: named(&name), value: "value".into() },
            NamedValue { name: named("X-Known"), value: (&*name).into() },
        ];
        message.recipients = recipients.iter().map(|(name, address)| recipient(1, name, "SMTP", address)).collect();
        let tags = [
            PropTag::PidTagAttachLongFilename, PropTag::PidTagAttachMimeTag, PropTag::PidTagAttachContentId,
            PropTag::PidTagAttachContentLocation, PropTag::PidTagTextAttachmentCharset, PropTag::PidTagDisplayName,
        ];
        let properties = tags.iter().zip(&attachment).map(|(tag, text)| value(*tag, &**text)).collect();
        let content = Content::Bytes(b"x".to_vec());
        message.attachments = vec![Attachment { properties: PropertyList(properties), content }];
        let bytes = convert(&message).bytes;

        prop_assert!(bytes.is_ascii() && !bytes.contains(&0));
        let text = String::from_utf8(bytes.clone()).expect("ASCII");
        prop_assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "a line end that is not CRLF");
        prop_assert!(text.split("\r\n").all(|line| line.len() <= 998), "a line that is too long");
        prop_assert!(!names(&bytes).iter().any(|name| name.trim() == "Injected"), "{}", text);
        let found = MessageParser::new().parse(&bytes).expect("a message");
        prop_assert_eq!(found.parts.len(), 3, "{}", text);
        let to = found.to().map_or(0, |to| to.iter().count());
        prop_assert!(to <= recipients.len(), "{}", text);
    }
}

#[test]
fn fields_that_only_servers_of_an_organization_may_set_are_not_written() {
    let fields = [
        "X-MS-Exchange-Organization-AuthAs",
        "x-ms-exchange-organization-scl",
        "X-MS-Exchange-Forest-RulesExecuted",
        "X-Microsoft-Exchange-Organization-AuthAs",
    ];
    for field in fields {
        let name = PropertyName::Name { guid: set::PS_INTERNET_HEADERS, name: Utf16::new(field) };
        let headers = format!("{field}: Internal\r\nX-Other: 1\r\n");
        let mut message = message(vec![value(PropTag::PidTagTransportMessageHeaders, headers.as_str())]);
        let written = text(&message);
        assert!(written.contains("X-Other: 1"), "{written}");
        assert!(!written.contains("Internal"), "{written}");
        message.properties = PropertyList::default();
        message.named.push(NamedValue { name, value: "Internal".into() });
        let written = text(&message);
        assert!(!written.contains("Internal"), "{written}");
    }
}
