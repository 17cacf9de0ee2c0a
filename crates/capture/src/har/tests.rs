//! Tests of reading HAR files.

use std::io;

use super::*;
use crate::call::{Damage, HttpMessage};

fn calls(text: &str) -> Vec<RecordedItem> {
    let mut found = Vec::new();
    read(text.as_bytes(), 0, &mut |item| found.push(item)).unwrap();
    found
}

#[test]
fn entries_are_decoded_to_calls() {
    let text = r#"{"log": {"version": "1.2", "creator": {"name": "x"}, "entries": [
        {"startedDateTime": "2026-11-21T23:00:00.5Z", "time": 12.5, "connection": "7",
         "request": {"method": "POST", "url": "https://mail.lab.test/mapi/emsmdb/?MailboxId=a",
                     "headers": [{"name": "Authorization", "value": "Basic YWxpY2U6eA=="}],
                     "postData": {"mimeType": "application/mapi-http", "text": "AAEC", "encoding": "base64"}},
         "response": {"status": 200.0, "statusText": "OK", "headers": [],
                      "content": {"size": 2, "mimeType": "x", "text": "\u00ff\u0000"}}},
        {"request": {"method": "GET"}},
        {"request": {"method": "GET", "url": "/x"}, "response": {"status": 0}}
    ]}}"#;
    let found = calls(text);
    let RecordedItem::Call(first) = &found[0] else { panic!("{found:?}") };
    let CallBody::Http(http) = &first.body else { panic!("not HTTP") };
    assert_eq!((http.target.as_str(), &http.request.body[..]), ("/mapi/emsmdb/?MailboxId=a", &[0, 1, 2][..]));
    assert_eq!(http.response.as_ref().unwrap().message.body, &[0xff, 0][..]);
    assert_eq!((first.user.as_deref(), first.elapsed), (Some("alice"), Some(Duration::from_micros(12_500))));
    assert_eq!(first.time.to_string(), "2026-11-21T23:00:00.500000Z");
    let RecordedItem::Problem(problem) = &found[1] else { panic!("{found:?}") };
    assert_eq!(problem.to_string(), "entry 2: missing field `url`");
    let RecordedItem::Call(third) = &found[2] else { panic!("{found:?}") };
    let CallBody::Http(http) = &third.body else { panic!("not HTTP") };
    assert_eq!(http.response, None);
}

/// A file of which one byte comes at a time.
struct Slow<'a>(&'a [u8]);

impl Read for Slow<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = out.len().min(1);
        self.0.read(&mut out[..count])
    }
}

#[test]
fn a_byte_order_mark_is_not_part_of_the_text() {
    type Order = fn(u16) -> [u8; 2];
    let text = r#"{"log": {"entries": [{"request": {"method": "GET", "url": "/ä€🦀"}}]}}"#;
    let wide = |order: Order| -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(order).collect()
    };
    let marked = [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat();
    let bare = |order: Order| wide(order).get(2..).unwrap().to_vec();
    let wides =
        [wide(u16::to_le_bytes), wide(u16::to_be_bytes), bare(u16::to_le_bytes), bare(u16::to_be_bytes)];
    for file in [text.as_bytes().to_vec(), marked].into_iter().chain(wides) {
        assert!(is_har(&file) && is_har(file.get(..40).unwrap()));
        let mut found = Vec::new();
        read(Slow(&file), 0, &mut |item| found.push(item)).unwrap();
        let [RecordedItem::Call(call)] = &found[..] else { panic!("{found:?}") };
        let CallBody::Http(http) = &call.body else { panic!("not HTTP") };
        assert_eq!(http.target, "/ä€🦀");
    }
    assert!(!is_har(b"\xef\xbb\xbf[") && !is_har(b"") && !is_har(b"\xff\xfe{"));
}

/// The body of a request with these members besides.
fn body(members: &str, headers: &str) -> HttpMessage {
    let text = format!(
        r#"{{"log": {{"entries": [{{"request": {{"method": "POST", "url": "/", "headers": [{headers}]
           {members}}}}}]}}}}"#
    );
    let mut found = calls(&text);
    let Some(RecordedItem::Call(call)) = found.pop() else { panic!("{found:?}") };
    let CallBody::Http(http) = call.body else { panic!("not HTTP") };
    http.request
}

#[test]
fn a_body_that_the_recording_program_changed_or_omitted_is_marked() {
    let binary = r#"{"name": "Content-Type", "value": "application/mapi-http"}"#;
    let with = |post: &str, size: &str| body(&format!(r#", "postData": {post}, "bodySize": {size}"#), binary);
    assert_eq!(with(r#"{"text": "a\ufffdb"}"#, "3").damage, Some(Damage::Replaced));
    assert_eq!(with(r#"{"text": "a\ufffdb"}"#, "-1").damage, Some(Damage::Replaced));
    assert_eq!(with(r#"{"text": "AAAA", "encoding": "base64"}"#, "2").damage, Some(Damage::Length(2)));
    assert_eq!(with(r#"{"text": "AAAA", "encoding": "base64"}"#, "3").unreadable(), None);
    // Either alphabet, no padding, and several lines are accepted. Other text loses the body only.
    for text in ["+/+/AA==", "-_-_AA", "+/+/\\r\\nAA =="] {
        let message = with(&format!(r#"{{"text": "{text}", "encoding": "base64"}}"#), "4");
        assert_eq!((&message.body[..], message.damage), (&[0xfb, 0xff, 0xbf, 0][..], None), "{text}");
    }
    assert_eq!(with(r#"{"text": "A=AA", "encoding": "base64"}"#, "3").damage, Some(Damage::NotBase64));
    // Bytes that were taken for Latin-1, and are UTF-8 by chance.
    assert_eq!(&with(r#"{"text": "\u00c3\u00a9"}"#, "2").body[..], [0xc3, 0xa9]);
    assert_eq!(with("{}", "43").missing, 43);
    assert_eq!(body("", r#"{"name": "content-length", "value": "43"}"#).missing, 43);
    assert_eq!(body("", "").missing, 0);
    // A text may have that character, and be packed on its way.
    let text = r#"{"name": "Content-Type", "value": "text/xml"}"#;
    let packed = format!(r#"{text}, {{"name": "Content-Encoding", "value": "gzip"}}"#);
    assert_eq!(body(r#", "postData": {"text": "a\ufffdb"}, "bodySize": 5"#, text).damage, None);
    assert_eq!(body(r#", "postData": {"text": "abc"}, "bodySize": 24"#, &packed).unreadable(), None);
}

#[test]
fn a_file_that_is_not_a_recording_is_refused() {
    for bad in ["", "[]", "{}", r#"{"log": {}}"#, r#"{"log": {"entries": 5}}"#] {
        assert!(read(bad.as_bytes(), 0, &mut |_| {}).is_err(), "{bad}");
    }
}

#[test]
fn an_unpaired_surrogate_costs_nothing_but_itself() {
    let text = r#"{"log": {"creator": {"name": "\udc80 \\\\ud800"}, "entries": [
        {"request": {"method": "POST", "url": "/\ud800a", "headers": [
            {"name": "Content-Type", "value": "application/mapi-http"}, {"name": "X", "value": "\udcff\ud83e\udd80"}],
         "postData": {"text": "a\udcff\udc80\u0000\u00e4"}, "bodySize": 6}},
        {"request": {"method": "GET", "url": "/b"}}]}}"#;
    for slow in [false, true] {
        let mut found = Vec::new();
        let file: Box<dyn Read> =
            if slow { Box::new(Slow(text.as_bytes())) } else { Box::new(text.as_bytes()) };
        read(file, 0, &mut |item| found.push(item)).unwrap();
        let [RecordedItem::Call(first), RecordedItem::Call(_)] = &found[..] else { panic!("{found:?}") };
        let CallBody::Http(http) = &first.body else { panic!("not HTTP") };
        assert_eq!(
            (http.target.as_str(), http.request.field("x")),
            ("/\u{fffd}a", Some("\u{fffd}\u{1f980}"))
        );
        assert_eq!((&http.request.body[..], http.request.unreadable()), (&b"a\xff\x80\0\xc3\xa4"[..], None));
    }
}

#[test]
fn a_member_of_another_type_costs_nothing_but_itself() {
    let text = r#"{"log": {"entries": [
        {"startedDateTime": null, "time": null, "connection": 7, "request": {"method": "GET", "url": "/", "headers": null,
         "postData": null, "bodySize": null},
         "response": {"status": "200", "statusText": null, "headers": [{"name": "a", "value": "b"}, null, {"name": 1}],
          "content": {"size": "2", "text": "ab"}}},
        null, 5, [],
        {"request": {"method": "GET", "url": "/"}, "response": null}]}}"#;
    let found = calls(text);
    let [RecordedItem::Call(first), bad @ .., RecordedItem::Call(_)] = &found[..] else {
        panic!("{found:?}")
    };
    assert!(bad.len() == 3 && bad.iter().all(|item| matches!(item, RecordedItem::Problem(_))), "{bad:?}");
    let CallBody::Http(http) = &first.body else { panic!("not HTTP") };
    let response = http.response.as_ref().unwrap();
    assert_eq!(
        (response.status, response.message.fields.len(), &response.message.body[..]),
        (200, 1, &b"ab"[..])
    );
}

#[test]
fn a_size_with_content_coding_is_not_compared_with_the_decoded_body() {
    let fields = r#"{"name": "Content-Encoding", "value": "gzip"}, {"name": "Content-Length", "value": "2"},
        {"name": "Content-Type", "value": "application/mapi-http"}"#;
    let with = |size: u8| body(&format!(r#", "postData": {{"text": "abc", "size": {size}}}"#), fields);
    assert_eq!(with(2).unreadable(), None);
    assert_eq!(with(5).missing, 2);
    // The recorded body has its coding.
    let coded = body(r#", "postData": {"text": "ab", "size": 9}"#, fields);
    assert_eq!(coded.unreadable(), None);
}
