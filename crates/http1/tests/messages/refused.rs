//! What is refused.

use http1::{Error, Limits, RequestDecoder};

use super::{chunked, refusal, request};

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
        ("Content_Length: 5\r\n", Error::Malformed("a field's name")),
        ("transfer.encoding: chunked\r\n", Error::Malformed("a field's name")),
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
