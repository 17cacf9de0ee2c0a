//! Bodies that are held until they are whole, and the room that they have meanwhile.

use http1::{Event, Limits, RequestDecoder};

use super::{CONNECT, chunked};

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
