//! Decodes and encodes messages that are split at every byte.

mod bodies;
mod edits;
mod refused;
mod responses;

use http1::{Error, Event, Head, Limits, RequestDecoder, RequestHead, ResponseDecoder, ResponseHead};
use proptest::prelude::*;

/// A decoder's results for bytes that are received in pieces: the head, the body and the body on the wire of each
/// message, and the error at the end.
#[derive(Debug, Default, PartialEq)]
struct Decoded {
    messages: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)>,
    error: Option<Error>,
}

macro_rules! decode {
    ($name:ident, $decoder:ty, $setup:expr) => {
        fn $name<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: Limits) -> Decoded {
            let mut decoder = <$decoder>::new(limits);
            let setup: fn(&mut $decoder) = $setup;
            let mut decoded = Decoded::default();
            let mut current = None;
            setup(&mut decoder);
            for piece in pieces {
                decoder.receive(piece);
                loop {
                    match decoder.poll() {
                        Ok(Some(Event::Head { head, .. })) => {
                            let mut bytes = Vec::new();
                            head.write(&mut bytes);
                            current = Some((bytes, Vec::new(), Vec::new()));
                        }
                        Ok(Some(Event::Body(piece))) => {
                            let message = current.as_mut().unwrap();
                            message.2.extend_from_slice(piece.wire());
                            message.1.extend_from_slice(piece.data());
                        }
                        Ok(Some(Event::End)) => {
                            decoded.messages.push(current.take().unwrap());
                            setup(&mut decoder);
                        }
                        Ok(None) => break,
                        Err(error) => {
                            decoded.error = Some(error);
                            return decoded;
                        }
                    }
                }
            }
            decoded
        }
    };
}

decode!(requests, RequestDecoder, |_| ());
decode!(responses, ResponseDecoder, |decoder| decoder.expect(false));

fn request(text: &str) -> Decoded {
    requests([text.as_bytes()], Limits::default())
}

fn error_of(text: &str) -> Error {
    let whole = request(text);
    let bytes = requests(text.as_bytes().chunks(1), Limits::default());
    assert_eq!(whole.error, bytes.error, "{text:?}");
    whole.error.unwrap_or_else(|| panic!("{text:?} was accepted"))
}

const CONNECT: &str = "POST /mapi/emsmdb/?MailboxId=1@x HTTP/1.1\r\nhost:  a.b \r\nX-RequestType: Connect\r\n\
                       x-requestid:{1}:1\r\nContent-Length: 5\r\nEmpty:\r\n\r\nhello";

#[test]
fn a_head_is_encoded_as_received_wherever_it_is_split() {
    let two = format!("{CONNECT}\r\n{CONNECT}");
    for cut in 0..two.len() {
        let (a, b) = two.as_bytes().split_at(cut);
        let read = requests([a, b], Limits::default());
        assert_eq!(read.error, None, "{cut}");
        assert_eq!(read.messages.len(), 2, "{cut}");
        for (head, body, wire) in read.messages {
            assert_eq!([head, body].concat(), CONNECT.as_bytes());
            assert_eq!(wire, b"hello");
        }
    }
}

fn head(text: &str) -> RequestHead {
    RequestHead::parse(text.to_owned().into(), &Limits::default()).unwrap()
}

fn written(head: &impl Head) -> String {
    let mut out = Vec::new();
    head.write(&mut out);
    String::from_utf8(out).unwrap()
}

fn chunked(body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n{body}")
}

#[test]
fn chunks_are_forwarded_as_received_wherever_they_are_split() {
    let body = "5\r\nhello\r\n001;a=\"b\"\r\n,\r\n6;x\r\n world\r\n0;last\r\n\r\n";
    let text = chunked(body) + CONNECT;
    for cut in 0..text.len() {
        let (a, b) = text.as_bytes().split_at(cut);
        let read = requests([a, b], Limits::default());
        assert_eq!(read.error, None, "{cut}");
        assert_eq!(read.messages.len(), 2, "{cut}");
        assert_eq!(read.messages[0].1, b"hello, world", "{cut}");
        assert_eq!(read.messages[0].2, body.as_bytes(), "{cut}");
    }
    let read = requests(text.as_bytes().chunks(1), Limits::default());
    assert_eq!((read.messages[0].2.as_slice(), read.messages.len()), (body.as_bytes(), 2));
}

#[test]
fn trailer_fields_are_dropped_wherever_they_are_split() {
    let body = "5\r\nhello\r\n0;last\r\nSet-Cookie: a=b\r\nX: 1\r\n\r\n";
    let text = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
    for cut in 0..text.len() {
        let (a, b) = text.as_bytes().split_at(cut);
        let read = responses([a, b], Limits::default());
        assert_eq!((read.error, read.messages.len()), (None, 1), "{cut}");
        let wire = String::from_utf8(read.messages[0].2.clone()).unwrap();
        assert_eq!(wire, "5\r\nhello\r\n0;last\r\n\r\n", "{cut}");
    }
}

#[test]
fn the_meaning_of_connection_and_expect_depends_on_the_version() {
    let of = |lines: &str| head(&format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n"));
    assert!(of("").keeps_alive() && !of("Connection: Keep-Alive, CLOSE\r\n").keeps_alive());
    assert!(of("Expect: 100-Continue\r\n").expects_continue());
    let old = |lines: &str| head(&format!("GET / HTTP/1.0\r\n{lines}\r\n"));
    assert!(!old("").keeps_alive() && old("connection: keep-alive\r\n").keeps_alive());
    assert!(!old("Expect: 100-continue\r\n").expects_continue());
}

/// A body of these chunks.
fn encoded(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in chunks {
        http1::write_chunk(&mut out, chunk);
    }
    out.extend_from_slice(http1::LAST_CHUNK);
    out
}

proptest! {
    #[test]
    fn an_encoded_response_decodes_to_the_same_response(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..6),
        cuts in prop::collection::vec(1_usize..60, 1..40),
        names in prop::collection::vec("[A-Za-z][A-Za-z0-9-]{0,12}", 0..8),
        value in "[!-~]([ -~]{0,20}[!-~])?",
    ) {
        let mut head = ResponseHead::new(200, "OK").unwrap();
        for name in &names {
            let added = head.fields.push(format!("X-{name}"), value.clone());
            prop_assert!(added);
        }
        prop_assert!(head.fields.push("Transfer-Encoding", "chunked"));
        let mut stream = Vec::new();
        head.write(&mut stream);
        let head = stream.clone();
        stream.extend_from_slice(&encoded(&chunks));
        let mut pieces = Vec::new();
        let mut rest = &stream[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, tail) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = tail;
        }
        let read = responses(pieces, Limits::default());
        prop_assert_eq!(read.error, None);
        prop_assert_eq!(read.messages, vec![(head, chunks.concat(), encoded(&chunks))]);
    }
}
