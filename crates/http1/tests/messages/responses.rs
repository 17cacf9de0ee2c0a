//! The framing of responses, and where they end.

use std::fmt::Write as _;

use http1::{Error, Event, Framing, Limits, ResponseDecoder};

#[test]
fn the_framing_of_a_response_depends_on_the_status_and_the_request_method() {
    let decode = |text: &str, bodiless| {
        let mut decoder = ResponseDecoder::new(Limits::default());
        decoder.expect(bodiless);
        decoder.receive(text.as_bytes());
        match decoder.poll()? {
            Some(Event::Head { framing, .. }) => Ok(framing),
            _ => panic!("{text:?}"),
        }
    };
    let response = |status: &str, lines: &str| format!("HTTP/1.1 {status}\r\n{lines}\r\n");
    assert_eq!(decode(&response("200 OK", "Content-Length: 3\r\n"), false), Ok(Framing::Length(3)));
    assert_eq!(decode(&response("200 OK", "Content-Length: 3\r\n"), true), Ok(Framing::None));
    assert_eq!(decode(&response("200 OK", "Transfer-Encoding: chunked\r\n"), false), Ok(Framing::Chunked));
    assert_eq!(decode(&response("200", ""), false), Ok(Framing::UntilClose));
    assert_eq!(decode(&response("204 No Content", ""), false), Ok(Framing::None));
    assert_eq!(decode(&response("304 x", "Content-Length: 3\r\n"), false), Ok(Framing::None));
    assert_eq!(decode(&response("204 x", "Content-Length: 3\r\n"), false), Err(Error::UnexpectedBody));
    assert_eq!(decode(&response("101 x", "Upgrade: x\r\n"), false), Err(Error::Upgrade));
    let both = "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(decode(&response("200 OK", both), true), Err(Error::ConflictingFraming));
    assert_eq!(decode("HTTP/1.1 2000 x\r\n\r\n", false).map_err(Error::status), Err(400));
}

#[test]
fn interim_responses_precede_the_final_one() {
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
    assert_eq!(decoder.poll().err(), Some(Error::UnsolicitedResponse));
}

#[test]
fn interim_responses_are_limited_in_number_before_each_final_one() {
    let mut decoder = ResponseDecoder::new(Limits::default());
    let mut events = |interim: usize| {
        decoder.expect(false);
        let text = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(interim) + "HTTP/1.1 204 x\r\n\r\n";
        decoder.receive(text.as_bytes());
        let mut count = 0;
        loop {
            match decoder.poll() {
                Ok(Some(_)) => count += 1,
                Ok(None) => return Ok(count),
                Err(error) => return Err(error),
            }
        }
    };
    for _ in 0..2 {
        assert_eq!(events(Limits::MAX_INTERIM), Ok(2 * Limits::MAX_INTERIM + 2));
    }
    assert_eq!(events(Limits::MAX_INTERIM + 1), Err(Error::TooManyInterim));
}

#[test]
fn a_response_may_end_with_its_connection_but_not_within_a_chunk() {
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
fn chunk_lines_may_not_exceed_the_content_of_a_response_by_more_than_the_limit() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let long = format!("{:x}\r\n{}\r\n", 100_000, "x".repeat(100_000));
    let small = "1\r\nx\r\n";
    let most = Limits::default().chunk_framing / (5 - 1);
    for (body, error) in [
        (small.repeat(most - 2), None),
        (small.repeat(most + 1), Some(Error::ChunkFraming)),
        // Long chunks make up for earlier short ones, but not for later ones.
        ([&small.repeat(most - 2), &*long, &small.repeat(most - 2)].concat(), None),
        ([&*long, &small.repeat(most + 1)].concat(), Some(Error::ChunkFraming)),
    ] {
        let mut decoder = ResponseDecoder::new(Limits::default());
        decoder.expect(false);
        decoder.receive(format!("{head}{body}0\r\n\r\n").as_bytes());
        let end = loop {
            match decoder.poll() {
                Ok(Some(Event::End)) => break None,
                Ok(event) => assert!(event.is_some()),
                Err(error) => break Some(error),
            }
        };
        assert_eq!(end, error);
    }
}
