//! Requests that the decoder refuses.

use http1::{Error, Limits, Part, RequestDecoder};

use super::{chunked, error_of, request};

/// A request with these fields, and a second request after it.
fn request_with_headers(lines: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
}

#[test]
fn a_request_that_could_be_framed_in_two_ways_is_refused() {
    let cases = [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", Error::ConflictingFraming),
        ("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", Error::ConflictingFraming),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", Error::MultipleContentLengths),
        ("Content-Length: 5\r\ncontent-length: 5\r\n", Error::MultipleContentLengths),
        ("Content-Length: 5, 6\r\n", Error::MultipleContentLengths),
        ("Content-Length: 5,5\r\n", Error::MultipleContentLengths),
        ("Content-Length: +5\r\n", Error::InvalidContentLength),
        ("Content-Length: -1\r\n", Error::InvalidContentLength),
        ("Content-Length: 0x5\r\n", Error::InvalidContentLength),
        ("Content-Length: 5 5\r\n", Error::InvalidContentLength),
        ("Content-Length:\r\n", Error::InvalidContentLength),
        ("Content-Length: 99999999999999999999\r\n", Error::InvalidContentLength),
        ("Transfer-Encoding: xchunked\r\n", Error::TransferEncoding),
        ("Transfer-Encoding: chunked, identity\r\n", Error::TransferEncoding),
        ("Transfer-Encoding: gzip, chunked\r\n", Error::TransferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Error::TransferEncoding),
        ("Transfer-Encoding: \"chunked\"\r\n", Error::TransferEncoding),
        ("Transfer-Encoding:\r\n", Error::TransferEncoding),
        ("Transfer-Encoding: chunked\r\n folded\r\n", Error::Folded),
        ("X: a\r\n\tb\r\n", Error::Folded),
        ("Content-Length : 5\r\n", Error::Malformed(Part::FieldName)),
        ("Content-Length\r\n", Error::Malformed(Part::FieldName)),
        (": 5\r\n", Error::Malformed(Part::FieldName)),
        ("Content_Length: 5\r\n", Error::Malformed(Part::FieldName)),
        ("transfer.encoding: chunked\r\n", Error::Malformed(Part::FieldName)),
        ("X\0: 5\r\n", Error::Malformed(Part::FieldName)),
        ("X: a\0b\r\n", Error::Malformed(Part::FieldValue)),
        ("X: a\rb\r\n", Error::Malformed(Part::FieldValue)),
        ("X: a\u{7f}\r\n", Error::Malformed(Part::FieldValue)),
        ("X: a\nContent-Length: 5\r\n", Error::BareLineEnd),
        ("\n", Error::BareLineEnd),
        ("Host: b\r\n", Error::InvalidHost),
    ];
    for (lines, error) in cases {
        assert_eq!(error_of(&request_with_headers(lines)), error, "{lines:?}");
        assert_eq!(error.status(), 400);
        assert_eq!(request(&request_with_headers(lines)).messages, [], "{lines:?}");
    }
}

#[test]
fn malformed_request_lines_are_refused() {
    let cases = [
        ("GET / HTTP/1.1\r\n\r\n", Error::InvalidHost),
        ("\u{16}\u{3}\u{1}\0\u{10}\u{1}", Error::Tls),
        ("\u{15}\u{3}\u{1}\0\u{2}\u{2}\u{28}", Error::Tls),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", Error::InvalidHost),
        ("GET / HTTP/1.0\r\nHost: u@a\r\n\r\n", Error::InvalidHost),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Error::InvalidHost),
        ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", Error::InvalidHost),
        ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Error::TransferEncoding),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", Error::Version),
        ("GET / HTTP/1.10\r\nHost: a\r\n\r\n", Error::BareLineEnd),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Error::Malformed(Part::StartLine)),
        ("GET / x HTTP/1.1\r\nHost: a\r\n\r\n", Error::Version),
        (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", Error::Malformed(Part::StartLine)),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Error::Malformed(Part::EmptyStartLine)),
        ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Error::BareLineEnd),
        ("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", Error::BareLineEnd),
    ];
    for (text, error) in cases {
        assert_eq!(error_of(text), error, "{text:?}");
    }
}

#[test]
fn requests_beyond_the_limits_are_refused() {
    let many = request_with_headers(&"a: b\r\n".repeat(101));
    assert_eq!(error_of(&many), Error::TooManyFields);
    assert_eq!(request(&request_with_headers(&"a: b\r\n".repeat(98))).messages.len(), 2);
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(9000));
    assert_eq!(error_of(&long), Error::LineTooLong);
    let large = request_with_headers(&format!("Authorization: Negotiate {}\r\n", "x".repeat(66_000)));
    assert_eq!(error_of(&large), Error::HeadTooLong);
    assert_eq!(request(&request_with_headers(&format!("A: {}\r\n", "x".repeat(60_000)))).messages.len(), 2);
    // A line without an end is refused at the limit.
    let mut decoder = RequestDecoder::new(Limits::default());
    let mut sent = 0;
    decoder.receive(b"GET / HTTP/1.1\r\n");
    while decoder.poll().is_ok() {
        decoder.receive(&[b'a'; 100]);
        sent += 100;
        assert!(sent < 70_000);
    }
    assert!(decoder.poll().is_err());
}

#[test]
fn malformed_chunks_are_refused() {
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
        assert_eq!(error_of(&chunked(body)), error, "{body:?}");
    }
    assert_eq!(error_of(&chunked(&format!("5;{}\r\n", "x".repeat(300)))), Error::ChunkLine);
    assert_eq!(error_of(&chunked(&format!("1;{}\r\na\r\n", "x".repeat(200)).repeat(50))), Error::ChunkLine);
    assert_eq!(error_of(&chunked(&format!("0\r\n{}", "a: b\r\n".repeat(2000)))), Error::Trailers);
    // A size of nearly 2^64 allocates no memory, and the rest of the body is awaited.
    let read = request(&chunked("ffffffffffffffff\r\nhello"));
    assert_eq!((read.messages.len(), read.error), (0, None));
}
