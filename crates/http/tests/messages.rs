//! Messages as they are sent, cut at every byte; edits; and everything that must be refused.

use std::fmt::Write;

use http::{
    Error, Event, Fate, Framing, Head, Limits, RequestDecoder, RequestHead, ResponseDecoder, ResponseHead,
};
use proptest::prelude::*;

/// What a decoder made of bytes that came in pieces: each message's head, body and body on the wire, and the
/// error at the end.
#[derive(Debug, Default, PartialEq)]
struct Read {
    messages: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)>,
    error: Option<Error>,
}

macro_rules! read {
    ($name:ident, $decoder:ty, $setup:expr) => {
        fn $name<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: Limits) -> Read {
            let mut decoder = <$decoder>::new(limits);
            let setup: fn(&mut $decoder) = $setup;
            let mut read = Read::default();
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
                            read.messages.push(current.take().unwrap());
                            setup(&mut decoder);
                        }
                        Ok(None) => break,
                        Err(error) => {
                            read.error = Some(error);
                            return read;
                        }
                    }
                }
            }
            read
        }
    };
}

read!(requests, RequestDecoder, |_| ());
read!(responses, ResponseDecoder, |decoder| decoder.expect(false));

fn request(text: &str) -> Read {
    requests([text.as_bytes()], Limits::default())
}

fn refusal(text: &str) -> Error {
    let whole = request(text);
    let bytes = requests(text.as_bytes().chunks(1), Limits::default());
    assert_eq!(whole.error, bytes.error, "{text:?}");
    whole.error.unwrap_or_else(|| panic!("{text:?} was read"))
}

const CONNECT: &str = "POST /mapi/emsmdb/?MailboxId=1@x HTTP/1.1\r\nhost:  a.b \r\nX-RequestType: Connect\r\n\
                       x-requestid:{1}:1\r\nContent-Length: 5\r\nEmpty:\r\n\r\nhello";

#[test]
fn heads_leave_as_they_came_wherever_they_are_cut() {
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

#[test]
fn an_edit_touches_no_other_field() {
    let text = CONNECT.strip_suffix("hello").unwrap();
    let mut edited = head(text);
    assert_eq!((edited.method(), edited.path(), edited.fields.len()), ("POST", "/mapi/emsmdb/", 5));
    assert_eq!(edited.fields.get("HOST"), Some(&b"a.b"[..]));
    assert_eq!(edited.fields.get("empty"), Some(&b""[..]));
    assert!(edited.fields.set("Host", "exch.lab.test"));
    assert_eq!(written(&edited), text.replace("host:  a.b ", "host: exch.lab.test"));
    assert!(edited.fields.remove("content-length") && !edited.fields.remove("content-length"));
    assert!(edited.fields.push("Authorization", "Basic x"));
    assert_eq!(
        written(&edited),
        text.replace("host:  a.b ", "host: exch.lab.test")
            .replace("Content-Length: 5\r\n", "")
            .replace("Empty:\r\n", "Empty:\r\nAuthorization: Basic x\r\n")
    );
    assert!(edited.set_target("/other") && edited.target() == "/other");
    assert!(written(&edited).starts_with("POST /other HTTP/1.1\r\nhost: exch"));
}

#[test]
fn no_edit_makes_two_heads_of_one() {
    let mut edited = head("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    for value in ["a\r\nb: c", "a\nb", "a\0", " a", "a\r"] {
        assert!(!edited.fields.push("X", value) && !edited.fields.set("Host", value), "{value:?}");
    }
    for name in ["", "a b", "a:", "a\r\n"] {
        assert!(!edited.fields.push(name, "x"), "{name:?}");
    }
    for target in ["", "/ HTTP/1.1", "/\r\n", "/\u{e9}"] {
        assert!(!edited.set_target(target), "{target:?}");
    }
    assert_eq!(written(&edited), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(RequestHead::new("GET", "/ x").is_none() && RequestHead::new("G T", "/").is_none());
    assert!(ResponseHead::new(99, "OK").is_none() && ResponseHead::new(200, "O\nK").is_none());
}

#[test]
fn set_leaves_one_field_of_a_name() {
    let mut edited = head("GET / HTTP/1.1\r\nHost: a\r\nCookie: b\r\nx: y\r\ncookie: c\r\n\r\n");
    assert!(edited.fields.set("cookie", "d"));
    assert_eq!(written(&edited), "GET / HTTP/1.1\r\nHost: a\r\nCookie: d\r\nx: y\r\n\r\n");
    assert!(edited.fields.set("Via", "1.1 p"));
    assert_eq!(edited.fields.get("via"), Some(&b"1.1 p"[..]));
    assert!(edited.fields.remove("HOST") && edited.fields.remove("cookie") && !edited.fields.remove("host"));
    assert_eq!(written(&edited), "GET / HTTP/1.1\r\nx: y\r\nVia: 1.1 p\r\n\r\n");
}

#[test]
fn a_rewrite_does_with_each_field_what_is_said_of_it() {
    let came = "GET / HTTP/1.1\r\nhOST:  a\r\nA: 1\r\nB:2\r\nC: 3\r\n\r\n";
    let rewritten = |fates: [Fate; 4]| {
        let (mut head, mut fates) = (head(came), fates.into_iter());
        head.fields.rewrite(|_, _| fates.next().unwrap());
        (head.fields.len(), written(&head))
    };
    let becomes = |value: &'static str| Fate::Becomes(value.into());
    assert_eq!(rewritten([becomes("a"), Fate::Stays, Fate::Stays, becomes("3")]), (4, came.to_owned()));
    let other = "GET / HTTP/1.1\r\nhOST: b\r\nA: 1\r\nC: 4\r\n\r\n";
    assert_eq!(rewritten([becomes("b"), Fate::Stays, Fate::Goes, becomes("4")]), (3, other.to_owned()));
    assert_eq!(rewritten([Fate::Stays, Fate::Goes, becomes("x\r\ny"), Fate::Goes]).0, 1);
}

#[test]
fn a_number_that_is_said_already_is_left_as_it_is() {
    let lengths = |lines: &str, number| {
        let mut edited = head(&format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}x: y\r\n\r\n"));
        edited.fields.set_number("Content-Length", number);
        let text = written(&edited);
        text.strip_prefix("GET / HTTP/1.1\r\nHost: a\r\n").unwrap().to_owned()
    };
    assert_eq!(lengths("content-length:  5\r\n", 5), "content-length:  5\r\nx: y\r\n\r\n");
    assert_eq!(lengths("content-length:  5\r\n", 7), "content-length: 7\r\nx: y\r\n\r\n");
    assert_eq!(lengths("content-length: 05\r\n", 5), "content-length: 5\r\nx: y\r\n\r\n");
    assert_eq!(lengths("content-length: +5\r\n", 5), "content-length: 5\r\nx: y\r\n\r\n");
    let two = "Content-Length: 5\r\nContent-Length: 5\r\n";
    assert_eq!(lengths(two, 5), "Content-Length: 5\r\nx: y\r\n\r\n");
    assert_eq!(lengths("", 5), "x: y\r\nContent-Length: 5\r\n\r\n");
}

/// A request with these lines behind the first.
fn with(lines: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
}

#[test]
fn what_frames_a_request_in_two_ways_is_refused() {
    let cases = [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", Error::TwoFramings),
        ("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", Error::TwoFramings),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", Error::TwoLengths),
        ("Content-Length: 5\r\ncontent-length: 5\r\n", Error::TwoLengths),
        ("Content-Length: 5, 6\r\n", Error::TwoLengths),
        ("Content-Length: 5,5\r\n", Error::TwoLengths),
        ("Content-Length: +5\r\n", Error::Length),
        ("Content-Length: -1\r\n", Error::Length),
        ("Content-Length: 0x5\r\n", Error::Length),
        ("Content-Length: 5 5\r\n", Error::Length),
        ("Content-Length:\r\n", Error::Length),
        ("Content-Length: 99999999999999999999\r\n", Error::Length),
        ("Transfer-Encoding: xchunked\r\n", Error::TransferEncoding),
        ("Transfer-Encoding: chunked, identity\r\n", Error::TransferEncoding),
        ("Transfer-Encoding: gzip, chunked\r\n", Error::TransferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Error::TransferEncoding),
        ("Transfer-Encoding: \"chunked\"\r\n", Error::TransferEncoding),
        ("Transfer-Encoding:\r\n", Error::TransferEncoding),
        ("Transfer-Encoding: chunked\r\n folded\r\n", Error::Folded),
        ("X: a\r\n\tb\r\n", Error::Folded),
        ("Content-Length : 5\r\n", Error::Malformed("a field's name")),
        ("Content-Length\r\n", Error::Malformed("a field's name")),
        (": 5\r\n", Error::Malformed("a field's name")),
        ("X\0: 5\r\n", Error::Malformed("a field's name")),
        ("X: a\0b\r\n", Error::Malformed("a field's value")),
        ("X: a\rb\r\n", Error::Malformed("a field's value")),
        ("X: a\u{7f}\r\n", Error::Malformed("a field's value")),
        ("X: a\nContent-Length: 5\r\n", Error::BareLineEnd),
        ("\n", Error::BareLineEnd),
        ("Host: b\r\n", Error::Host),
    ];
    for (lines, error) in cases {
        assert_eq!(refusal(&with(lines)), error, "{lines:?}");
        assert_eq!(error.status(), 400);
        assert_eq!(request(&with(lines)).messages, [], "{lines:?}");
    }
}

#[test]
fn first_lines_that_are_none_are_refused() {
    let cases = [
        ("GET / HTTP/1.1\r\n\r\n", Error::Host),
        ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Error::TransferEncoding),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", Error::Version),
        ("GET / HTTP/1.10\r\nHost: a\r\n\r\n", Error::BareLineEnd),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Error::Malformed("the first line")),
        ("GET / x HTTP/1.1\r\nHost: a\r\n\r\n", Error::Version),
        (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", Error::Malformed("the first line")),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Error::Malformed("an empty first line")),
        ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Error::BareLineEnd),
        ("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", Error::BareLineEnd),
    ];
    for (text, error) in cases {
        assert_eq!(refusal(text), error, "{text:?}");
    }
}

#[test]
fn floods_are_cut_off_at_their_limit() {
    let many = with(&"a: b\r\n".repeat(101));
    assert_eq!(refusal(&many), Error::TooManyFields);
    assert_eq!(request(&with(&"a: b\r\n".repeat(98))).messages.len(), 2);
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(9000));
    assert_eq!(refusal(&long), Error::LineTooLong);
    let large = with(&format!("Authorization: Negotiate {}\r\n", "x".repeat(66_000)));
    assert_eq!(refusal(&large), Error::HeadTooLong);
    assert_eq!(request(&with(&format!("A: {}\r\n", "x".repeat(60_000)))).messages.len(), 2);
    // Without an end, no more is taken in than the limit.
    let mut decoder = RequestDecoder::new(Limits::default());
    let mut taken = 0;
    decoder.receive(b"GET / HTTP/1.1\r\n");
    while decoder.poll().is_ok() {
        decoder.receive(&[b'a'; 100]);
        taken += 100;
        assert!(taken < 70_000);
    }
    assert!(decoder.poll().is_err());
}

fn chunked(body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n{body}")
}

#[test]
fn chunks_leave_as_they_came_wherever_they_are_cut() {
    let body = "5\r\nhello\r\n001;a=\"b\"\r\n,\r\n6;x\r\n world\r\n0;last\r\nTrailer: x\r\n\r\n";
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

/// The bodies' pieces, each with what it is on the wire, of requests that come in `pieces`.
fn gathered<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut decoder = RequestDecoder::new(Limits::default());
    let mut gathered = Vec::new();
    for piece in pieces {
        decoder.receive(piece);
        while let Some(event) = decoder.poll().unwrap() {
            match event {
                Event::Head { .. } => decoder.gather(limit),
                Event::Body(piece) => gathered.push((piece.data().to_vec(), piece.wire().to_vec())),
                Event::End => {}
            }
        }
    }
    gathered
}

#[test]
fn what_is_gathered_comes_as_one_piece() {
    let text = chunked("5;a\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n") + CONNECT;
    let one = |data: &str, wire: &str| (data.as_bytes().to_vec(), wire.as_bytes().to_vec());
    let whole = vec![
        one("hello", "5;a\r\nhello\r\n"),
        one(", world", "7\r\n, world\r\n"),
        one("", "0\r\n"),
        one("", "\r\n"),
        one("hello", "hello"),
    ];
    assert_eq!(gathered(text.as_bytes().chunks(1), 7), whole);
    assert_eq!(gathered([text.as_bytes()], 7), whole);
    // What is longer comes as it comes.
    let pieces = gathered(text.as_bytes().chunks(1), 5);
    assert_eq!(pieces.iter().filter(|(data, _)| data == b"hello").count(), 2);
    assert!(pieces.len() > whole.len() + 3, "{pieces:?}");
    let content: Vec<u8> = pieces.into_iter().flat_map(|(data, _)| data).collect();
    assert_eq!(content, b"hello, worldhello");
}

#[test]
fn a_body_has_room_by_what_came_and_not_by_what_is_said() {
    let mut decoder = RequestDecoder::new(Limits::default());
    decoder.receive(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000000\r\n\r\n");
    assert!(matches!(decoder.poll(), Ok(Some(Event::Head { .. }))));
    // What is not held until it is whole needs little room.
    let room = decoder.room().unwrap();
    assert!(room.capacity() <= 16 * 1024);
    decoder.gather(usize::MAX);
    let mut there = 0;
    while there < 10_000_000 {
        let room = decoder.room().unwrap();
        let free = room.capacity() - room.len();
        assert!(free <= (4 * there).max(256 * 1024) + 4096, "{free} beside {there}");
        room.extend_from_slice(&vec![7; free]);
        there += free;
        assert!(matches!(decoder.poll(), Ok(None)));
    }
}

#[test]
fn what_is_held_until_it_is_whole_and_is_not_too_long_has_room_at_once() {
    for framing in ["Content-Length: 210000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n33450\r\n"] {
        let mut decoder = RequestDecoder::new(Limits::default());
        decoder.receive(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}").as_bytes());
        assert!(matches!(decoder.poll(), Ok(Some(Event::Head { .. }))));
        decoder.gather(1 << 20);
        assert!(matches!(decoder.poll(), Ok(None)));
        let room = decoder.room().unwrap();
        assert!((210_000..300_000).contains(&(room.capacity() - room.len())), "{framing}");
        assert_eq!(room.as_ptr().addr() % 4096, 0, "{framing}");
    }
}

#[test]
fn what_comes_in_drops_is_not_copied_again_for_each_of_them() {
    const LENGTH: usize = 1_000_000;
    let framing = format!("Content-Length: {LENGTH}\r\n\r\n");
    for framing in [framing, format!("Transfer-Encoding: chunked\r\n\r\n{LENGTH:x}\r\n")] {
        let mut decoder = RequestDecoder::new(Limits::default());
        decoder.receive(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}").as_bytes());
        assert!(matches!(decoder.poll(), Ok(Some(Event::Head { .. }))));
        decoder.gather(LENGTH);
        let (mut place, mut copied) = (0, 0);
        loop {
            assert!(matches!(decoder.poll(), Ok(None)));
            // Towards the end there is no room of its own for what is left.
            let Some(room) = decoder.room() else { break };
            let moved = std::mem::replace(&mut place, room.as_ptr().addr()) != room.as_ptr().addr();
            copied += if moved { room.len() } else { 0 };
            room.extend_from_slice(&[7; 100]);
        }
        assert!(decoder.waiting() > LENGTH - 20_000, "{}", decoder.waiting());
        assert!(copied < LENGTH, "{copied} bytes copied");
    }
}

#[test]
fn chunks_that_lie_are_refused() {
    let cases = [
        ("3\r\nhello\r\n0\r\n\r\n", Error::ChunkEnd),
        ("6\r\nhello\r\n0\r\n\r\n", Error::ChunkEnd),
        ("5\r\nhello0\r\n\r\n", Error::ChunkEnd),
        ("\r\n", Error::ChunkSize),
        ("x\r\n", Error::ChunkSize),
        ("-1\r\n", Error::ChunkSize),
        ("0x5\r\nhello\r\n0\r\n\r\n", Error::ChunkSize),
        (" 5\r\nhello\r\n0\r\n\r\n", Error::ChunkSize),
        ("5 \r\nhello\r\n0\r\n\r\n", Error::ChunkSize),
        ("00000000000000005\r\n", Error::ChunkSize),
        ("5\nhello\r\n0\r\n\r\n", Error::ChunkLine),
        ("5;a\0\r\nhello\r\n0\r\n\r\n", Error::ChunkLine),
        ("5;a\rb\r\nhello\r\n0\r\n\r\n", Error::ChunkLine),
        ("0\r\nbad trailer\r\n\r\n", Error::Trailers),
        ("0\r\nbad name: x\r\n\r\n", Error::Trailers),
        ("0\r\nX: a\n\r\n", Error::Trailers),
    ];
    for (body, error) in cases {
        assert_eq!(refusal(&chunked(body)), error, "{body:?}");
    }
    assert_eq!(refusal(&chunked(&format!("5;{}\r\n", "x".repeat(300)))), Error::ChunkLine);
    assert_eq!(refusal(&chunked(&format!("1;{}\r\na\r\n", "x".repeat(200)).repeat(50))), Error::ChunkLine);
    assert_eq!(refusal(&chunked(&format!("0\r\n{}", "a: b\r\n".repeat(2000)))), Error::Trailers);
    // A size of nearly 2^64 takes no memory, and the body goes on.
    let read = request(&chunked("ffffffffffffffff\r\nhello"));
    assert_eq!((read.messages.len(), read.error), (0, None));
}

#[test]
fn answers_are_framed_by_what_was_asked() {
    let decode = |text: &str, bodiless| {
        let mut decoder = ResponseDecoder::new(Limits::default());
        decoder.expect(bodiless);
        decoder.receive(text.as_bytes());
        match decoder.poll()? {
            Some(Event::Head { framing, .. }) => Ok(framing),
            _ => panic!("{text:?}"),
        }
    };
    let answer = |status: &str, lines: &str| format!("HTTP/1.1 {status}\r\n{lines}\r\n");
    assert_eq!(decode(&answer("200 OK", "Content-Length: 3\r\n"), false), Ok(Framing::Length(3)));
    assert_eq!(decode(&answer("200 OK", "Content-Length: 3\r\n"), true), Ok(Framing::None));
    assert_eq!(decode(&answer("200 OK", "Transfer-Encoding: chunked\r\n"), false), Ok(Framing::Chunked));
    assert_eq!(decode(&answer("200", ""), false), Ok(Framing::UntilClose));
    assert_eq!(decode(&answer("204 No Content", ""), false), Ok(Framing::None));
    assert_eq!(decode(&answer("304 x", "Content-Length: 3\r\n"), false), Ok(Framing::None));
    assert_eq!(decode(&answer("204 x", "Content-Length: 3\r\n"), false), Err(Error::TwoFramings));
    assert_eq!(decode(&answer("101 x", "Upgrade: x\r\n"), false), Err(Error::Upgrade));
    let both = "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(decode(&answer("200 OK", both), true), Err(Error::TwoFramings));
    assert_eq!(decode("HTTP/1.1 2000 x\r\n\r\n", false).map_err(Error::status), Err(400));
}

#[test]
fn interim_answers_come_before_the_one_that_counts() {
    let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let mut decoder = ResponseDecoder::new(Limits::default());
    decoder.expect(false);
    decoder.receive(text.as_bytes());
    let mut seen = String::new();
    while let Ok(Some(event)) = decoder.poll() {
        match event {
            Event::Head { head, .. } => {
                write!(seen, "{}{} ", head.status(), head.reason().len()).unwrap();
            }
            Event::Body(piece) => seen += std::str::from_utf8(piece.data()).unwrap(),
            Event::End => seen += ".",
        }
    }
    assert_eq!(seen, "1008 .2002 ok.");
    decoder.receive(b"HTTP/1.1 408 Request Timeout\r\n\r\n");
    assert_eq!(decoder.poll().err(), Some(Error::Unasked));
}

#[test]
fn an_answer_may_end_with_its_connection_but_not_within_a_frame() {
    let end = |text: &str| {
        let mut decoder = ResponseDecoder::new(Limits::default());
        decoder.expect(false);
        decoder.receive(text.as_bytes());
        decoder.close();
        let mut body = Vec::new();
        loop {
            match decoder.poll()? {
                Some(Event::Body(piece)) => body.extend_from_slice(piece.data()),
                Some(Event::End) | None => return Ok(String::from_utf8(body).unwrap()),
                Some(Event::Head { .. }) => {}
            }
        }
    };
    assert_eq!(end("HTTP/1.0 200 OK\r\n\r\nall of it"), Ok("all of it".to_owned()));
    for cut in [
        "HTTP/1.1 2",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        assert_eq!(end(cut), Err(Error::CutOff), "{cut:?}");
    }
    assert_eq!(end(""), Ok(String::new()));
}

#[test]
fn connection_headers_are_understood() {
    let of = |lines: &str| head(&format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n"));
    assert!(of("").keeps_alive() && !of("Connection: Keep-Alive, CLOSE\r\n").keeps_alive());
    assert!(of("Expect: 100-Continue\r\n").expects_continue());
    let old = |lines: &str| head(&format!("GET / HTTP/1.0\r\n{lines}\r\n"));
    assert!(!old("").keeps_alive() && old("connection: keep-alive\r\n").keeps_alive());
    assert!(!old("Expect: 100-continue\r\n").expects_continue());
}

/// A body of chunks as our own encoder makes them.
fn encoded(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in chunks {
        http::chunk(&mut out, chunk);
    }
    out.extend_from_slice(http::LAST_CHUNK);
    out
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
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
