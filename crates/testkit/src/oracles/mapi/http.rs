//! Oracle: bodies, headers and cookies of MAPI over HTTP.

use mapi::mapihttp::cookies::{self, Cookie, CookieJar, SetCookie};
use mapi::mapihttp::headers::{Application, GuidCounter};
use mapi::mapihttp::{BodyEvent, RequestType, ResponseBody, ResponseCode, emsmdb, nspi};

use crate::input::{Input, cuts};

macro_rules! body {
    ($type:ty, $request_type:expr, $bytes:expr) => {
        <$type>::decode($request_type, $bytes).ok().map(|(body, rest)| {
            let written = body.encode().expect("what was read can be written");
            assert_eq!([&written, rest].concat(), $bytes, "it encodes to the decoded bytes");
            let (again, none) =
                <$type>::decode($request_type, &written).expect("what was written can be read");
            assert_eq!(none, b"", "nothing is left over of what was written");
            assert_eq!(again.encode().as_deref(), Ok(&*written), "it is written alike");
            assert_eq!(body.request_type(), $request_type);
            body
        })
    };
}

/// MAPI over HTTP: bodies, the lines before them, headers and cookies.
///
/// The first byte selects which: requests and responses of the mailbox store and of the address book, the whole
/// body of a response, headers. The second selects the request type, or how the body is divided. Decoded bodies
/// are encoded to the same bytes; visiting the names in them changes nothing; how a body is divided changes
/// nothing.
///
/// # Panics
/// If one of these properties is violated.
pub fn mapi_http(data: &[u8]) {
    let mut input = Input::new(data);
    let (kind, choice, bytes) = (input.byte() % 6, input.byte(), input.rest());
    let all = RequestType::ALL;
    let request_type = all[usize::from(choice) % all.len()];
    match kind {
        0 => {
            if let Some(emsmdb::Request::Execute(request)) = body!(emsmdb::Request, request_type, bytes) {
                let _ = request.rop_buffers(mapi::compress::Limits::default());
                let _ = request.aux.blocks();
            }
        }
        1 => {
            if let Some(body) = body!(emsmdb::Response, request_type, bytes) {
                let _ = body.return_value();
            }
        }
        2 => {
            if let Some(mut body) = body!(nspi::Request, request_type, bytes) {
                body.visit_texts_mut(&mut |_, _| {});
                assert_eq!(
                    bytes.get(..body.encode().expect("as before").len()),
                    body.encode().ok().as_deref()
                );
            }
        }
        3 => {
            if let Some(mut body) = body!(nspi::Response, request_type, bytes) {
                body.visit_texts_mut(&mut |_, _| {});
                assert_eq!(
                    bytes.get(..body.encode().expect("as before").len()),
                    body.encode().ok().as_deref()
                );
            }
        }
        4 => response_body(choice, bytes),
        _ => headers(&String::from_utf8_lossy(bytes)),
    }
}

/// A tag or a header, shown, or none for the beginning of the payload.
type Seen = Vec<Option<String>>;

fn response_body(seed: u8, bytes: &[u8]) {
    let whole = read([bytes]);
    let cut = read(cuts(seed, bytes));
    assert_eq!(whole, cut, "a cut changed what was read");
    let Ok((_, prefix, payload)) = whole else { return };
    assert_eq!([prefix, payload.clone()].concat(), bytes, "nothing is lost");
    if let Ok((body, rest)) = ResponseBody::split(bytes) {
        assert_eq!(rest, payload);
        assert_eq!(body.with_payload(rest), bytes);
    }
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(Seen, Vec<u8>, Vec<u8>), wire::Error> {
    let mut body = ResponseBody::new();
    let (mut seen, mut payload) = (Seen::new(), Vec::new());
    for mut piece in pieces {
        while let Some(event) = body.next(&mut piece)? {
            match event {
                BodyEvent::Tag(tag) => seen.push(Some(tag.to_string())),
                BodyEvent::Header => seen.push(body.headers().last().map(|header| format!("{header:?}"))),
                BodyEvent::PayloadStart => seen.push(None),
                BodyEvent::Payload(bytes) => payload.extend_from_slice(bytes),
            }
        }
    }
    Ok((seen, body.prefix().to_vec(), payload))
}

fn headers(value: &str) {
    if let Some(id) = GuidCounter::parse(value) {
        assert_eq!(GuidCounter::parse(&id.to_string()), Some(id));
    }
    let _ = (Application::parse(value), ResponseCode::parse(value), RequestType::parse(value));
    assert!(
        cookies::cookies(value).all(|Cookie { name, value: of }| value.contains(name) && value.contains(of))
    );
    let mut jar = CookieJar::default();
    jar.set(value);
    let set = SetCookie::parse(value);
    let kept = !set.is_removal() && !set.cookie.name.is_empty();
    assert_eq!(jar.get(set.cookie.name), kept.then_some(set.cookie.value));
}
