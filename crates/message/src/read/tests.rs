//! Tests of messages from RFC 5322.

use mapi::data::PropertyName;
use mapi::property::PropertyList;
use wire::FileTime;

use super::*;
use crate::model::Content;

fn read(text: &str) -> Message {
    let converted = convert(text.as_bytes());
    assert_eq!(converted.losses, []);
    converted.message
}

fn convert(bytes: &[u8]) -> Converted {
    from_rfc5322(bytes, &Limits::default()).expect("within the limits")
}

fn text(properties: &PropertyList, tag: PropTag) -> Option<String> {
    properties.get(tag).and_then(PropertyValue::to_text)
}

fn html(message: &Message) -> Option<String> {
    let html = message.properties.get(PropTag::PidTagHtml)?.as_bytes()?;
    Some(String::from_utf8(html.to_vec()).expect("UTF-8"))
}

/// Name, type and content of each attachment.
fn files(message: &Message) -> Vec<(String, String, Vec<u8>)> {
    let file = |attachment: &Attachment| {
        let text = |tag| text(&attachment.properties, tag).unwrap_or_default();
        let Content::Bytes(bytes) = &attachment.content else { return None };
        Some((text(PropTag::PidTagAttachLongFilename), text(PropTag::PidTagAttachMimeTag), bytes.clone()))
    };
    message.attachments.iter().filter_map(file).collect()
}

#[test]
fn the_header_becomes_properties() {
    let header = "Received: from a by b; Mon, 1 Jan 2024 13:00:01 +0100\r\nReceived: from c by a; bad\r\n\
        From: Boss <boss@example.com>, Other <o@example.com>\r\nSender: delegate@example.com\r\n\
        To: Group: \"A, B\" <a@example.com>, =?utf-8?Q?=C3=84?= <c@example.com>;\r\nBcc: IMCEAEX-_o=x+20y_cn=z@invalid\r\n\
        Subject: Re: a\r\n\tfolded\r\nDate: Mon, 1 Jan 2024 07:00:00 -0500\r\nMessage-ID:  <1@x>\r\n\
        References: <0@x>\r\n <2@x>\r\nX-Priority: 1 (Highest)\r\nSensitivity: Company-Confidential\r\n\
        Disposition-Notification-To: boss@example.com\r\nX-Test: =?iso-8859-1?Q?=E4?=\r\nKeywords: a, b\r\nno field\r\n";
    let message = read(&format!("{header}\r\nbody"));
    let text = |tag| text(&message.properties, tag);
    assert_eq!(text(PropTag::PidTagMessageClass).as_deref(), Some("IPM.Note"));
    assert_eq!(text(PropTag::PidTagSentRepresentingName).as_deref(), Some("Boss"));
    assert_eq!(text(PropTag::PidTagSenderName).as_deref(), Some("delegate@example.com"));
    assert_eq!(text(PropTag::PidTagSenderSmtpAddress).as_deref(), Some("delegate@example.com"));
    assert_eq!(text(PropTag::PidTagSubject).as_deref(), Some("Re: a folded"));
    assert_eq!(text(PropTag::PidTagSubjectPrefix).as_deref(), Some("Re: "));
    assert_eq!(text(PropTag::PidTagNormalizedSubject).as_deref(), Some("a folded"));
    assert_eq!(text(PropTag::PidTagInternetMessageId).as_deref(), Some("<1@x>"));
    assert_eq!(text(PropTag::PidTagInternetReferences).as_deref(), Some("<0@x> <2@x>"));
    assert_eq!(text(PropTag::PidTagTransportMessageHeaders).as_deref(), Some(header));
    assert_eq!(text(PropTag::PidTagBody).as_deref(), Some("body"));
    let number = |tag| message.properties.get(tag).and_then(PropertyValue::to_integer);
    assert_eq!(number(PropTag::PidTagImportance), Some(2));
    assert_eq!(number(PropTag::PidTagSensitivity), Some(3));
    assert_eq!(number(PropTag::PidTagReadReceiptRequested), Some(1));
    let time = |tag| message.properties.get(tag).cloned();
    let noon = 133_485_840_000_000_000;
    assert_eq!(time(PropTag::PidTagClientSubmitTime), Some(PropertyValue::Time(FileTime(noon))));
    assert_eq!(
        time(PropTag::PidTagMessageDeliveryTime),
        Some(PropertyValue::Time(FileTime(noon + 10_000_000)))
    );
    let recipients: Vec<_> = message
        .recipients
        .iter()
        .map(|recipient| {
            let text = |tag| super::tests::text(recipient, tag).unwrap_or_default();
            let kind = recipient.get(PropTag::PidTagRecipientType).and_then(PropertyValue::to_integer);
            format!(
                "{kind:?} {} {}:{}",
                text(PropTag::PidTagDisplayName),
                text(PropTag::PidTagAddressType),
                text(PropTag::PidTagEmailAddress)
            )
        })
        .collect();
    let expected = [
        "Some(1) A, B SMTP:a@example.com",
        "Some(1) Ä SMTP:c@example.com",
        "Some(3) /o=x y/cn=z EX:/o=x y/cn=z",
    ];
    assert_eq!(recipients, expected);
    let named: Vec<_> = message
        .named
        .iter()
        .map(|property| match &property.name {
            PropertyName::Name { name, .. } => (name.to_string_lossy(), format!("{:?}", property.value)),
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(named.len(), 3);
    assert!(named[0].1.contains("\"a\", \"b\""), "{named:?}");
    assert_eq!(named[2], ("X-Test".into(), "Unicode(\"ä\")".into()));
}

#[test]
fn the_body_is_found_in_any_structure() {
    let part = |kind: &str, content: &str| format!("Content-Type: {kind}\r\n\r\n{content}\r\n");
    let multipart = |kind: &str, name: &str, parts: &[String]| {
        let parts = parts.iter().map(|part| format!("--{name}\r\n{part}")).collect::<Vec<_>>().concat();
        format!(
            "Content-Type: multipart/{kind}; boundary={name}\r\n\r\npreamble\r\n{parts}--{name}--\r\nepilogue\r\n"
        )
    };
    let (plain, rich) = (part("text/plain", "text"), part("text/html", "html"));
    let picture = part("image/png\r\nContent-ID: <p@x>", "png");
    let alternative = multipart("alternative", "a", &[plain.clone(), rich.clone()]);
    let related_html = multipart("related", "r", &[rich.clone(), picture.clone()]);
    let png: (String, String, Vec<u8>) = (String::new(), "image/png".into(), b"png".to_vec());
    let cases = [
        (plain.clone(), "text", "", vec![]),
        (rich, "", "html", vec![]),
        (alternative.clone(), "text", "html", vec![]),
        (
            multipart("related", "r", &[alternative.clone(), picture.clone()]),
            "text",
            "html",
            vec![png.clone()],
        ),
        (multipart("alternative", "b", &[plain.clone(), related_html]), "text", "html", vec![png.clone()]),
        (
            multipart("mixed", "m", &[picture, alternative, plain]),
            "text",
            "html",
            vec![png, (String::new(), "text/plain".into(), b"text".to_vec())],
        ),
    ];
    for (entity, text_body, html_body, attachments) in cases {
        let message = read(&format!("Subject: x\r\n{entity}"));
        let body = text(&message.properties, PropTag::PidTagBody).unwrap_or_default();
        assert_eq!(body.trim_end(), text_body, "{entity}");
        assert_eq!(html(&message).unwrap_or_default().trim_end(), html_body, "{entity}");
        assert_eq!(files(&message), attachments, "{entity}");
    }
}

#[test]
fn objects_to_which_html_refers_are_hidden_attachments() {
    let message = read(
        "Content-Type: multipart/related; boundary=r\n\n--r\nContent-Type: text/html\n\nhtml\n\
         --r\nContent-Type: text/plain\nContent-ID: <t@x>\n\ntext\n--r--",
    );
    assert_eq!(
        (html(&message).as_deref(), text(&message.properties, PropTag::PidTagBody)),
        (Some("html"), None)
    );
    let properties = &message.attachments[0].properties;
    assert_eq!(text(properties, PropTag::PidTagAttachContentId).as_deref(), Some("t@x"));
    assert_eq!(properties.get(PropTag::PidTagAttachmentHidden), Some(&PropertyValue::Boolean(true)));
}

#[test]
fn malformed_entities_are_kept_as_text_or_bytes() {
    let cases = [
        "Content-Type: multipart/mixed; boundary=x\n\nno part",
        "Content-Type: multipart/mixed\n\n--x\n\nno part",
        "Content-Type: nonsense\n\nno part",
        "Content-Type: text/plain; charset=nonsense\nContent-Type: text/html\n\nno part",
        "\nno part",
    ];
    for case in cases {
        let message = convert(case.as_bytes()).message;
        assert!(
            text(&message.properties, PropTag::PidTagBody).is_some_and(|body| body.ends_with("no part")),
            "{case}"
        );
    }
    assert_eq!(convert(b"").message.attachments, []);
    let open = "Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--x\nContent-Type: a/b\n\nlast";
    assert_eq!(files(&read(open)), [(String::new(), "a/b".into(), b"last".to_vec())]);
    let prefix = "Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--xy\nb\n--x--";
    assert_eq!(text(&read(prefix).properties, PropTag::PidTagBody).as_deref(), Some("a\n--xy\nb"));
}

#[test]
fn unknown_charsets_and_encodings_are_listed() {
    let converted = convert(b"Content-Type: text/plain; charset=x-none\r\n\r\n\xe4");
    assert_eq!(converted.losses, [Loss::Charset("x-none".into()), Loss::Characters("a text")][..1]);
    assert_eq!(text(&converted.message.properties, PropTag::PidTagBody).as_deref(), Some("ä"));
    let converted = convert(b"Content-Type: text/plain; charset=utf-8\r\n\r\n\xe4");
    assert_eq!(converted.losses, [Loss::Characters("a text")]);
    for encoding in ["base64", "x-uuencode"] {
        let bytes = format!("Content-Type: a/b\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n(?)");
        let converted = convert(bytes.as_bytes());
        assert_eq!(converted.losses, [Loss::Encoding(encoding.into())]);
        assert_eq!(files(&converted.message), [(String::new(), "a/b".into(), b"(?)".to_vec())]);
    }
    // A charset that browsers do not decode, and of which the library would make one U+FFFD.
    let korean = convert(b"Content-Type: text/plain; charset=iso-2022-kr\r\n\r\ntext");
    assert_eq!(korean.losses, [Loss::Charset("iso-2022-kr".into())]);
    assert_eq!(text(&korean.message.properties, PropTag::PidTagBody).as_deref(), Some("text"));
    let shift_jis = b"Content-Type: text/plain; charset=shift_jis\r\n\r\n\x93\xfa";
    assert_eq!(text(&convert(shift_jis).message.properties, PropTag::PidTagBody).as_deref(), Some("日"));
}

#[test]
fn signed_content_is_kept_byte_by_byte() {
    let body = b"--b\n\n\xe4  \n--b--\n";
    let header = b"Subject: s\r\nContent-Type: multipart/signed;\r\n boundary=b\r\nMIME-Version: 1.0\r\nContent-Language: en\r\n\r\n";
    let message = convert(&[header.as_slice(), body].concat()).message;
    let entity = b"Content-Type: multipart/signed;\r\n boundary=b\r\nContent-Language: en\r\n\r\n";
    let content = [entity.as_slice(), body].concat();
    assert_eq!(files(&message), [("smime.p7m".into(), "multipart/signed".into(), content.clone())]);
    assert_eq!(
        text(&message.properties, PropTag::PidTagMessageClass).as_deref(),
        Some("IPM.Note.SMIME.MultipartSigned")
    );
    let written = crate::to_rfc5322(&message, &Limits::default(), &|_| None).expect("within the limits");
    assert_eq!(written.losses, []);
    assert!(written.bytes.ends_with(&content));
}

#[test]
fn embedded_messages_are_read_in_any_encoding() {
    for (encoding, inner) in [("7bit", "Subject: in\r\n\r\nx"), ("base64", "U3ViamVjdDogaW4NCg0KeA==")] {
        let message = read(&format!(
            "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{inner}"
        ));
        let Content::Message(found) = &message.attachments[0].content else { panic!("{message:?}") };
        assert_eq!(text(&found.properties, PropTag::PidTagSubject).as_deref(), Some("in"));
        assert_eq!(text(&found.properties, PropTag::PidTagBody).as_deref(), Some("x"));
    }
    let digest = read("Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: in\n\nx\n--d--");
    assert!(matches!(&digest.attachments[0].content, Content::Message(_)));
}

#[test]
fn a_message_that_exceeds_a_limit_is_refused() {
    let limits = Limits {
        bytes: 4000,
        header: 200,
        depth: 3,
        multiparts: 2,
        parts: 4,
        recipients: 2,
        ..Limits::default()
    };
    let read = |text: &str| from_rfc5322(text.as_bytes(), &limits).map(|_| ());
    assert_eq!(read(&format!("\r\n{}", "a".repeat(3998))), Ok(()));
    assert_eq!(read(&format!("\r\n{}", "a".repeat(3999))), Err(Error::Bytes(4000)));
    assert_eq!(read(&format!("A: {}\r\n", "a".repeat(195))), Ok(()));
    assert_eq!(read(&format!("A: {}\r\n", "a".repeat(196))), Err(Error::Header(200)));
    let nested = "Content-Type: message/rfc822\n\n";
    assert_eq!(read(&nested.repeat(2)), Ok(()));
    assert_eq!(read(&nested.repeat(3)), Err(Error::Depth(3)));
    let multipart = |name| format!("Content-Type: multipart/mixed; boundary={name}\n\n--{name}\n");
    assert_eq!(read(&(multipart("a") + &multipart("b"))), Ok(()));
    assert_eq!(read(&(multipart("a") + &multipart("b") + &multipart("c"))), Err(Error::Multiparts(2)));
    assert_eq!(read(&(multipart("a") + &"\n--a\n".repeat(3))), Ok(()));
    assert_eq!(read(&(multipart("a") + &"\n--a\n".repeat(4))), Err(Error::Parts(4)));
    assert_eq!(read("To: a@b, c@d\n\n"), Ok(()));
    assert_eq!(read("To: a@b, c@d\nCc: e@f\n\n"), Err(Error::Recipients(2)));
}

#[test]
fn the_deepest_message_that_the_default_limits_allow_is_read() {
    let limits = Limits::default();
    let multipart = |name: usize| format!("Content-Type: multipart/mixed; boundary=b{name}_\n\n--b{name}_\n");
    let deep = (0..limits.multiparts).map(multipart).collect::<Vec<_>>().concat();
    let deep = deep + &"Content-Type: message/rfc822\n\n".repeat(limits.depth - 1);
    assert!(from_rfc5322(deep.as_bytes(), &limits).is_ok());
}

#[test]
fn hostile_headers_become_few_named_properties() {
    let header = (0..500).map(|number| format!("X-{number}: a\n")).collect::<Vec<_>>().concat();
    assert_eq!(read(&header).named.len(), 100);
}

#[test]
fn fields_that_only_servers_of_an_organization_may_set_become_no_named_properties() {
    let message = read(
        "X-MS-Exchange-Organization-AuthAs: Internal\r\nx-ms-exchange-forest-a: b\r\n\
        X-Microsoft-Exchange-Organization-AuthAs: Internal\r\n\r\nbody",
    );
    assert_eq!(message.named, []);
}
