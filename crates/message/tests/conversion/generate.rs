//! Messages of all kinds from a seed.

use mapi::blob::FlatEntryList;
use mapi::data::{OneOffEntryId, OneOffFlags, PropertyName};
use mapi::property::names::set;
use mapi::property::{PropTag, PropertyList, PropertyValue, TaggedValue};
use message::{Attachment, Content, Message, NamedValue};
use wire::{Encode, FileTime, Guid, Utf16};

/// A source of choices (xorshift64*).
struct Choices(u64);

impl Choices {
    fn number(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below
    }

    fn one_in(&mut self, of: u64) -> bool {
        self.number(of) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.number(from.len() as u64)).expect("an index")]
    }

    fn words(&mut self, most: u64) -> String {
        const WORDS: [&str; 14] = [
            "report",
            "Grüße",
            "日本語",
            "a",
            "\"quoted\"",
            "50%",
            "x=y",
            "Привет",
            "😀",
            "<tag>",
            "semi;colon",
            "comma,",
            "back\\slash",
            "a-long-word-that-does-not-fit-into-one-line-of-a-header-field-at-all",
        ];
        (0..=self.number(most)).map(|_| self.pick(&WORDS)).collect::<Vec<_>>().join(" ")
    }

    fn address(&mut self) -> String {
        format!(
            "{}{}@{}",
            self.pick(&["ann", "bob.b", "c+tag", "o'neil"]),
            self.number(100),
            self.pick(&["example.com", "sub.example.org"])
        )
    }

    /// Text in lines, some of which look like delimiters of parts or must be encoded.
    fn text(&mut self) -> String {
        const LINES: [&str; 8] = [
            "",
            "--=_part_0000000001_",
            ".",
            "From here",
            "trailing space ",
            "\ttab",
            "= equals =3D",
            "--=_part_0000000001_--",
        ];
        let mut text = String::new();
        for _ in 0..self.number(8) {
            if self.one_in(3) {
                text.push_str(self.pick(&LINES));
            } else {
                text.push_str(&self.words(20));
            }
            text.push_str(self.pick(&["\r\n", "\n"]));
        }
        text + "end"
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..self.number(300)).map(|_| u8::try_from(self.number(256)).expect("a byte")).collect()
    }
}

fn value(tag: PropTag, value: impl Into<PropertyValue>) -> TaggedValue {
    TaggedValue::new(tag, value.into())
}

fn number(tag: PropTag, number: i64) -> TaggedValue {
    value(tag, PropertyValue::Integer32(i32::try_from(number).expect("it fits")))
}

/// The message for `seed`.
pub(super) fn message(seed: u64) -> Message {
    let mut choices = Choices((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    build(&mut choices, 2)
}

fn build(choices: &mut Choices, depth: u32) -> Message {
    let mut message = Message::default();
    header(choices, &mut message.properties.0);
    for _ in 0..choices.number(4) {
        message.recipients.push(recipient(choices));
    }
    named(choices, &mut message);
    if choices.one_in(8) {
        smime(choices, &mut message);
    } else {
        body(choices, &mut message.properties.0);
        for _ in 0..choices.number(4) {
            message.attachments.push(attachment(choices, depth));
        }
    }
    message
}

fn header(choices: &mut Choices, properties: &mut Vec<TaggedValue>) {
    let prefix = choices.pick(&["", "RE: ", "FW: "]);
    properties.push(value(PropTag::PidTagSubject, &*(prefix.to_owned() + &choices.words(8))));
    let time =
        133_000_000_000_000_000 + choices.number(1_000_000_000) * 10_000_000 + choices.number(10_000_000);
    properties.push(value(PropTag::PidTagClientSubmitTime, PropertyValue::Time(FileTime(time))));
    let parties = [
        (
            PropTag::PidTagSentRepresentingName,
            PropTag::PidTagSentRepresentingAddressType,
            PropTag::PidTagSentRepresentingEmailAddress,
        ),
        (PropTag::PidTagSenderName, PropTag::PidTagSenderAddressType, PropTag::PidTagSenderEmailAddress),
    ];
    let delegate = choices.one_in(2);
    let first = (choices.words(3), choices.address());
    for (name, kind, address) in parties {
        let party = if delegate { (choices.words(3), choices.address()) } else { first.clone() };
        properties.push(value(name, &*party.0));
        properties.push(value(kind, "SMTP"));
        properties.push(value(address, &*party.1));
    }
    properties.push(value(
        PropTag::PidTagInternetMessageId,
        &*format!("<{}@example.com>", choices.number(1 << 30)),
    ));
    if choices.one_in(2) {
        let ids: Vec<_> =
            (0..=choices.number(9)).map(|_| format!("<{}@example.com>", choices.number(1 << 30))).collect();
        properties.push(value(PropTag::PidTagInternetReferences, &*ids.join(" ")));
        properties.push(value(PropTag::PidTagInReplyToId, &*ids[0]));
        properties.push(value(PropTag::PidTagConversationTopic, &*choices.words(5)));
        properties.push(value(PropTag::PidTagConversationIndex, PropertyValue::Binary(choices.bytes())));
    }
    let enumerations = [
        (PropTag::PidTagImportance, [0, 1, 2]),
        (PropTag::PidTagPriority, [-1, 0, 1]),
        (PropTag::PidTagSensitivity, [1, 2, 3]),
    ];
    for (tag, values) in enumerations {
        // Without an importance, a reader takes the priority for it.
        if tag == PropTag::PidTagImportance || choices.one_in(2) {
            properties.push(number(tag, choices.pick(&values)));
        }
    }
    for tag in [PropTag::PidTagReadReceiptRequested, PropTag::PidTagOriginatorDeliveryReportRequested] {
        if choices.one_in(4) {
            properties.push(value(tag, PropertyValue::Boolean(true)));
        }
    }
    if choices.one_in(4) {
        let entries = (0..=choices.number(2)).map(|_| entry_id(choices)).collect();
        let list = FlatEntryList { entries }.to_bytes().expect("a list");
        properties.push(value(PropTag::PidTagReplyRecipientEntries, PropertyValue::Binary(list)));
    }
}

fn entry_id(choices: &mut Choices) -> Vec<u8> {
    let id = OneOffEntryId {
        flags: 0,
        version: 0,
        one_off_flags: OneOffFlags::UNICODE,
        display_name: choices.words(3).as_str().into(),
        address_type: "SMTP".into(),
        email_address: choices.address().as_str().into(),
    };
    id.to_bytes().expect("an entry id")
}

fn recipient(choices: &mut Choices) -> PropertyList {
    let (kind, address) = match choices.number(4) {
        0 => ("EX", format!("/o=known/cn=user{}", choices.number(10))),
        1 => ("EX", format!("/o=unknown org/ou=x (y)/cn=user{}", choices.number(10))),
        _ => ("SMTP", choices.address()),
    };
    PropertyList(vec![
        number(PropTag::PidTagRecipientType, choices.pick(&[1, 2, 3])),
        value(PropTag::PidTagDisplayName, &*choices.words(3)),
        value(PropTag::PidTagAddressType, kind),
        value(PropTag::PidTagEmailAddress, &*address),
    ])
}

fn named(choices: &mut Choices, message: &mut Message) {
    let name = |guid: Guid, name: &str| PropertyName::Name { guid, name: Utf16::new(name) };
    for header in ["X-One", "X-Two"] {
        if choices.one_in(3) {
            let value = choices.words(10).as_str().into();
            message.named.push(NamedValue { name: name(set::PS_INTERNET_HEADERS, header), value });
        }
    }
    if choices.one_in(3) {
        let words = ["red", "Grün", "two words"].map(Utf16::new).to_vec();
        let value = PropertyValue::MultipleUnicode(words);
        message.named.push(NamedValue { name: name(set::PS_PUBLIC_STRINGS, "Keywords"), value });
    }
}

fn body(choices: &mut Choices, properties: &mut Vec<TaggedValue>) {
    let kind = choices.number(6);
    if kind <= 1 || kind == 4 {
        properties.push(value(PropTag::PidTagBody, &*choices.text()));
    }
    if kind == 2 {
        properties.push(number(PropTag::PidTagMessageCodepage, 1251));
        properties.push(value(
            PropTag::PidTagBody,
            PropertyValue::String8(b"\xcf\xf0\xe8\xe2\xe5\xf2\r\n".to_vec()),
        ));
    }
    match kind {
        1 | 3 => {
            let html = format!("<p>{}</p>", choices.text());
            properties.push(value(PropTag::PidTagHtml, PropertyValue::Binary(html.into_bytes())));
            properties.push(number(PropTag::PidTagInternetCodepage, 65001));
        }
        4 => {
            properties.push(value(PropTag::PidTagHtml, PropertyValue::Binary(b"<p>\x93\xfa</p>".to_vec())));
            properties.push(number(PropTag::PidTagInternetCodepage, 932));
        }
        5 => {
            let rtf =
                br"{\rtf1\ansi\ansicpg1252\fromhtml1 {\*\htmltag <p>}gr\'fc\'dfe\u26085?{\*\htmltag </p>}}";
            let packed = mapi::rtf::compress(rtf).expect("RTF");
            properties.push(value(PropTag::PidTagRtfCompressed, PropertyValue::Binary(packed)));
        }
        _ => {}
    }
}

fn attachment(choices: &mut Choices, depth: u32) -> Attachment {
    let mut properties =
        vec![value(PropTag::PidTagAttachLongFilename, &*format!("{}.bin", choices.words(6)))];
    if depth > 0 && choices.one_in(3) {
        let content = Content::Message(Box::new(build(choices, depth - 1)));
        return Attachment { properties: PropertyList(properties), content };
    }
    let media_type = choices.pick(&[
        "application/pdf",
        "text/plain",
        "text/html",
        "image/png",
        "application/octet-stream",
    ]);
    properties.push(value(PropTag::PidTagAttachMimeTag, media_type));
    if choices.one_in(3) {
        properties.push(value(PropTag::PidTagAttachContentId, &*format!("image{}@x", choices.number(100))));
    }
    if choices.one_in(5) {
        properties.push(value(PropTag::PidTagAttachContentLocation, "http://example.com/a/b.png?c=d&e"));
    }
    Attachment { properties: PropertyList(properties), content: Content::Bytes(choices.bytes()) }
}

fn smime(choices: &mut Choices, message: &mut Message) {
    let (class, media_type, content) = if choices.one_in(2) {
        let text = choices.text().replace("\r\n", "\n").replace('\n', "\r\n");
        let entity = format!(
            "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n\tmicalg=sha-256; \
             boundary=\"sig\"\r\n\r\npreamble\r\n--sig\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n--sig\r\n\
             Content-Type: application/pkcs7-signature\r\n\r\nMIIB\r\n--sig--\r\n"
        );
        ("IPM.Note.SMIME.MultipartSigned", "multipart/signed", entity.into_bytes())
    } else {
        ("IPM.Note.SMIME", "application/pkcs7-mime", choices.bytes())
    };
    message.properties.0.push(value(PropTag::PidTagMessageClass, class));
    let properties = vec![
        value(PropTag::PidTagAttachLongFilename, "smime.p7m"),
        value(PropTag::PidTagAttachMimeTag, media_type),
    ];
    message
        .attachments
        .push(Attachment { properties: PropertyList(properties), content: Content::Bytes(content) });
}
