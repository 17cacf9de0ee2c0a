//! Oracle: HTTP framing. A stream is decoded the same in whatever pieces, and encoded to the same bytes.

use http1::{Decoder, Error, Event, Head, Limits, RequestHead, ResponseHead};

use crate::input::{Input, cuts};

/// The messages of a connection, and the error that ended reading.
#[derive(Debug, Default, PartialEq)]
struct Read {
    /// Head, content, and the body on the wire, of each message that ended.
    messages: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)>,
    error: Option<Error>,
}

/// Decodes a stream of requests or responses, divided in some way. The messages are the same as those of the
/// whole stream; a complete message is encoded to the same bytes; an edited head is decoded as the same head.
pub fn framing(data: &[u8]) {
    let mut input = Input::new(data);
    let (kind, seed) = (input.byte(), input.byte());
    let stream = input.rest();
    if kind & 1 == 0 {
        check(stream, seed, Decoder::<RequestHead>::new, |_| ());
    } else {
        let bodiless = kind & 2 != 0;
        check(stream, seed, Decoder::<ResponseHead>::new, move |decoder| decoder.expect(bodiless));
    }
}

fn check<H: Head>(
    stream: &[u8],
    seed: u8,
    new: impl Fn(Limits) -> Decoder<H>,
    before: impl Fn(&mut Decoder<H>),
) {
    let limits = Limits {
        head: 2000,
        line: 300,
        fields: 20,
        chunk_line: 40,
        extensions: 100,
        chunk_framing: 60,
        trailers: 200,
    };
    let whole = read(new(limits), &before, [stream]);
    let in_pieces = read(new(limits), &before, cuts(seed, stream));
    assert_eq!(whole, in_pieces, "a cut changed what was read");
    let gathered = read_gathered(new(limits), &before, cuts(seed, stream), 1 << (seed % 24));
    assert_eq!(whole.messages, gathered.messages, "gathering changed what was read");
    assert_eq!(whole.error.is_some(), gathered.error.is_some(), "gathering changed whether it can be read");
    let again: Vec<u8> =
        whole.messages.iter().flat_map(|(head, _, wire)| [&head[..], wire].concat()).collect();
    let read_again = read(new(limits), &before, [&again[..]]);
    assert_eq!(read_again.messages, whole.messages, "the forwarded messages differ from the received ones");
    assert_eq!(read_again.error, None);
}

fn read<'a, H: Head>(
    decoder: Decoder<H>,
    before: &impl Fn(&mut Decoder<H>),
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Read {
    read_gathered(decoder, before, pieces, 0)
}

/// The same, with parts of a body that are not longer than `limit` as one piece.
fn read_gathered<'a, H: Head>(
    mut decoder: Decoder<H>,
    before: &impl Fn(&mut Decoder<H>),
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limit: usize,
) -> Read {
    let mut read = Read::default();
    let mut current = (Vec::new(), Vec::new(), Vec::new());
    before(&mut decoder);
    let mut poll = |decoder: &mut Decoder<H>| loop {
        match decoder.poll() {
            Ok(None) => break,
            Ok(Some(Event::Head { head, .. })) => {
                current = (Vec::new(), Vec::new(), Vec::new());
                head.write(&mut current.0);
                decoder.gather(limit);
            }
            Ok(Some(Event::Body(piece))) => {
                current.1.extend_from_slice(piece.data());
                current.2.extend_from_slice(piece.wire());
            }
            Ok(Some(Event::End)) => {
                read.messages.push(std::mem::take(&mut current));
                before(decoder);
            }
            Err(error) => {
                assert_eq!(decoder.poll().err(), Some(error), "an error is not the last word");
                read.error = Some(error);
                break;
            }
        }
    };
    for piece in pieces {
        receive(&mut decoder, piece);
        poll(&mut decoder);
    }
    decoder.close();
    poll(&mut decoder);
    read
}

/// Copies `piece` into the decoder's buffer like a connection. The buffer must never be much larger than the
/// received bytes.
fn receive<H: Head>(decoder: &mut Decoder<H>, piece: &[u8]) {
    let there = decoder.buffered();
    match decoder.read_buffer() {
        Some(room) => {
            let free = room.capacity() - room.len();
            assert!(room.len() == there && free > 0 && free <= 4 * there + 300_000, "{free} beside {there}");
            room.extend_from_slice(piece);
        }
        None => decoder.receive(piece),
    }
}
