//! Bodies that are gathered, and the memory that is allocated meanwhile.

use http1::{Event, Limits, RequestDecoder};

use super::{CONNECT, chunked};

/// The content of each body piece, and its bytes on the wire, of requests that arrive in `pieces`.
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
fn a_gathered_chunk_or_body_is_one_piece() {
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
    // A longer chunk is returned in pieces as it arrives.
    let pieces = gathered(text.as_bytes().chunks(1), 5);
    assert_eq!(pieces.iter().filter(|(data, _)| data == b"hello").count(), 2);
    assert!(pieces.len() > whole.len() + 3, "{pieces:?}");
    let content: Vec<u8> = pieces.into_iter().flat_map(|(data, _)| data).collect();
    assert_eq!(content, b"hello, worldhello");
}

#[test]
fn memory_is_allocated_by_received_bytes_and_not_by_the_declared_length() {
    let mut decoder = RequestDecoder::new(Limits::default());
    decoder.receive(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000000\r\n\r\n");
    assert!(matches!(decoder.poll(), Ok(Some(Event::Head { .. }))));
    // A body that is not gathered needs little memory.
    let buffer = decoder.read_buffer().unwrap();
    assert!(buffer.capacity() <= 16 * 1024);
    decoder.gather(usize::MAX);
    let mut received = 0;
    while received < 10_000_000 {
        let buffer = decoder.read_buffer().unwrap();
        let free = buffer.capacity() - buffer.len();
        assert!(free <= (4 * received).max(256 * 1024) + 4096, "{free} after {received}");
        buffer.extend_from_slice(&vec![7; free]);
        received += free;
        assert!(matches!(decoder.poll(), Ok(None)));
    }
}

#[test]
fn the_buffer_for_a_gathered_body_is_allocated_at_once_up_to_256_kib() {
    for framing in ["Content-Length: 210000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n33450\r\n"] {
        let mut decoder = RequestDecoder::new(Limits::default());
        decoder.receive(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}").as_bytes());
        assert!(matches!(decoder.poll(), Ok(Some(Event::Head { .. }))));
        decoder.gather(1 << 20);
        assert!(matches!(decoder.poll(), Ok(None)));
        let buffer = decoder.read_buffer().unwrap();
        assert!((210_000..300_000).contains(&(buffer.capacity() - buffer.len())), "{framing}");
        assert_eq!(buffer.as_ptr().addr() % 4096, 0, "{framing}");
    }
}

#[test]
fn a_body_in_small_pieces_is_not_copied_for_each_of_them() {
    const LENGTH: usize = 1_000_000;
    let framing = format!("Content-Length: {LENGTH}\r\n\r\n");
    for framing in [framing, format!("Transfer-Encoding: chunked\r\n\r\n{LENGTH:x}\r\n")] {
        let mut decoder = RequestDecoder::new(Limits::default());
        decoder.receive(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}").as_bytes());
        assert!(matches!(decoder.poll(), Ok(Some(Event::Head { .. }))));
        decoder.gather(LENGTH);
        let (mut address, mut copied) = (0, 0);
        loop {
            assert!(matches!(decoder.poll(), Ok(None)));
            // Near the end fewer bytes are missing than the threshold for reading directly into the buffer.
            let Some(buffer) = decoder.read_buffer() else { break };
            let moved = std::mem::replace(&mut address, buffer.as_ptr().addr()) != buffer.as_ptr().addr();
            copied += if moved { buffer.len() } else { 0 };
            buffer.extend_from_slice(&[7; 100]);
        }
        assert!(decoder.buffered() > LENGTH - 20_000, "{}", decoder.buffered());
        assert!(copied < LENGTH, "{copied} bytes copied");
    }
}
