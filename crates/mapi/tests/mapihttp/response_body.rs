//! The part of a response body before the payload, in the forms that servers send.

use mapi::mapihttp::headers::ResponseCode;
use mapi::mapihttp::{BodyEvent, MAX_PREFIX, MetaTag, ResponseBody, prefix};
use proptest::prelude::*;

/// An event without borrowed data.
#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Tag(MetaTag),
    Header(String, String),
    PayloadStart,
}

/// Decodes a body that is received in `parts`. Returns the events before the payload, and the payload.
fn read(parts: &[&[u8]]) -> wire::Result<(ResponseBody, Vec<Seen>, Vec<u8>)> {
    let mut body = ResponseBody::new();
    let (mut seen, mut payload) = (Vec::new(), Vec::new());
    for part in parts {
        let mut rest = *part;
        while let Some(event) = body.next(&mut rest)? {
            match event {
                BodyEvent::Tag(tag) => seen.push(Seen::Tag(tag)),
                BodyEvent::Header => {
                    let (name, value) = body.headers().last().expect("a header");
                    seen.push(Seen::Header(name.to_owned(), value.to_owned()));
                }
                BodyEvent::PayloadStart => seen.push(Seen::PayloadStart),
                BodyEvent::Payload(bytes) => payload.extend_from_slice(bytes),
            }
        }
        assert!(rest.is_empty());
    }
    Ok((body, seen, payload))
}

fn tags(seen: &[Seen]) -> Vec<&'static str> {
    let tags = seen.iter().filter_map(|seen| if let Seen::Tag(tag) = seen { Some(tag.name()) } else { None });
    tags.collect()
}

const SHAPES: [(&[u8], &[&str], usize); 8] = [
    (b"PROCESSING\r\nDONE\r\nX-ElapsedTime: 1\r\nX-StartTime: a\r\n\r\nabc", &["PROCESSING", "DONE"], 2),
    (
        b"PROCESSING\r\nPENDING\r\nPENDING\r\nDONE\r\nA:b\r\n\r\n",
        &["PROCESSING", "PENDING", "PENDING", "DONE"],
        1,
    ),
    (
        b"PROCESSING\r\nPENDINGPENDINGPROCESSING\r\nDONE\r\nX-ElapsedTime: 1\r\n\r\nx",
        &["PROCESSING", "PENDING", "PENDING", "PROCESSING", "DONE"],
        1,
    ),
    (b"DONE\r\n\r\n\r\n\r\n", &["DONE"], 0),
    (b"PROCESSING\nDONE\nA: b\n\nDONE\n", &["PROCESSING", "DONE"], 1),
    (b"PROCESSING\r\nDONE\r\nPENDS: 1\r\nD: 2\r\n\r\n", &["PROCESSING", "DONE"], 2),
    (b"PENDINGDONE\r\n\r\n\0\0", &["PENDING", "DONE"], 0),
    (b"\r\nPROCESSING\r\n", &[], 0),
];

#[test]
fn every_form_is_decoded_however_it_is_split() {
    for (bytes, expected, headers) in SHAPES {
        let (whole, seen, payload) = read(&[bytes]).unwrap();
        assert_eq!(tags(&seen), expected);
        assert_eq!(whole.headers().count(), headers);
        assert_eq!(whole.is_done(), expected.contains(&"DONE"));
        assert_eq!([whole.prefix(), &payload].concat(), bytes);
        whole.finish().unwrap();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let parts = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                let (body, other, rest) = read(&parts).unwrap();
                assert_eq!((&other, &rest), (&seen, &payload));
                assert_eq!(body.prefix(), whole.prefix());
            }
            let (cut, _, _) = read(&[&bytes[..first]]).unwrap();
            assert_eq!(cut.finish().is_ok(), first >= whole.prefix().len());
        }
    }
}

#[test]
fn a_failure_after_the_start_of_the_response_is_decoded() {
    let bytes = b"PROCESSING\r\nDONE\r\nX-ResponseCode: 0\r\nx-responsecode: 1\r\n\
                  Content-Type: text/html\r\n\r\n<html>";
    let (body, payload) = ResponseBody::split(bytes).unwrap();
    assert_eq!(body.response_code(), Some(ResponseCode::UnknownFailure));
    assert_eq!(payload, b"<html>");
}

#[test]
fn a_malformed_body_is_refused() {
    for bytes in [&b"<html>\r\n"[..], b"PROCESSING\r\nwhat\r\n\r\n", b"DONE \r\n"] {
        assert!(ResponseBody::split(bytes).is_err());
    }
    let mut body = ResponseBody::new();
    let endless = b"PENDING\r\n".repeat(MAX_PREFIX / 9 + 1);
    let mut rest = endless.as_slice();
    let error = loop {
        match body.next(&mut rest) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("endless"),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("over the limit"), "{error}");
    assert_eq!(body.prefix().len(), MAX_PREFIX);
}

#[test]
fn encoding_and_decoding_a_response_body_is_lossless() {
    let written = prefix(&[MetaTag::Processing, MetaTag::Done], &[("X-ElapsedTime", "12")]).unwrap();
    assert_eq!(written, b"PROCESSING\r\nDONE\r\nX-ElapsedTime: 12\r\n\r\n");
    let (body, payload) = ResponseBody::split(&written).unwrap();
    assert_eq!((body.header("X-ElapsedTime"), payload), (Some("12"), &b""[..]));
    for bad in [("", ""), ("a:", ""), ("a", "b\r\nc")] {
        assert!(prefix(&[], &[bad]).is_err());
    }
}

proptest! {
    #[test]
    fn prefix_and_payload_contain_all_bytes(bytes in "(PROCESSING|PENDING|DONE|\r\n|\n|\r|A: b|x){0,12}", cut in any::<prop::sample::Index>()) {
        let bytes = bytes.as_bytes();
        let cut = cut.index(bytes.len() + 1);
        if let Ok((body, _, payload)) = read(&[&bytes[..cut], &bytes[cut..]]) {
            prop_assert_eq!([body.prefix(), &payload].concat(), bytes);
        }
    }
}
