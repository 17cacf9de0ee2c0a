//! Oracle: decryption of recordings. It ends, needs little memory, and returns no more data than the input has.

use std::sync::LazyLock;

use capture::Timestamp;
use capture::decrypt::kerberos::{Context, Keytab, Part};
use capture::decrypt::tls::{KeyLog, KeyLogReader, Output, Tls};
use capture::source::{Item, Packets};
use capture::stream::Side;

use crate::captures;
use crate::input::{Input, cuts};

/// A byte that selects how a key log is divided, and the key log. However it is divided, the same lines are
/// invalid.
///
/// # Panics
/// If other lines are.
pub fn key_logs(data: &[u8]) {
    let mut input = Input::new(data);
    let seed = input.byte();
    let text = input.rest();
    let read = |pieces: Vec<&[u8]>| {
        let (mut log, mut reader, mut problems) = (KeyLog::default(), KeyLogReader::default(), Vec::new());
        for piece in pieces {
            reader.push(piece, &mut log, &mut problems);
        }
        reader.finish(&mut log, &mut problems);
        assert!(problems.len() < 100, "{} lines are reported", problems.len());
        (problems, format!("{log:?}"))
    };
    assert_eq!(read(vec![text]), read(cuts(seed, text)), "how a key log is read changes what is in it");
}

/// The key log within the recording of TLS in `tests/captures`.
static LINES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut packets = Packets::new(captures::TLS).expect("a pcapng");
    while let Some(item) = packets.next_item().expect("memory is read") {
        if let Item::KeyLog { lines, .. } = item {
            return lines.to_vec();
        }
    }
    panic!("no key log")
});

/// A TLS connection whose key may be in the key log of `tests/captures`. It is a sequence of events: a byte that
/// selects the side and the event, and the bytes that the side sent or the number of missing bytes.
///
/// # Panics
/// If more is decrypted than was sent, if the memory or the number of problems exceeds its limit, or if memory is
/// kept at the end.
pub fn tls_records(data: &[u8]) {
    let (mut log, mut reader) = (KeyLog::default(), KeyLogReader::default());
    reader.push(&LINES, &mut log, &mut Vec::new());
    let (mut input, mut tls) = (Input::new(data), Tls::new());
    let (mut plain, mut problems) = (0, 0);
    let mut look = |tls: &mut Tls| {
        for output in tls.take() {
            match output {
                Output::Plain(_, _, bytes) => plain += bytes.len(),
                Output::Problem(_) => problems += 1,
                Output::Gap(..) | Output::Ended(..) => {}
            }
        }
    };
    let mut time = 0;
    while !input.is_empty() {
        time += 1;
        let what = input.byte();
        let side = if what & 1 == 0 { Side::Client } else { Side::Server };
        match what >> 1 & 3 {
            0 | 1 => tls.queue(side, Timestamp(time), input.block()),
            2 => tls.gap(side, u64::from(input.short()) << (what >> 3)),
            _ => tls.ended(side, Timestamp(time)),
        }
        tls.process(&mut log);
        assert!(tls.held() <= 3 << 20, "{} bytes are kept", tls.held());
        look(&mut tls);
    }
    tls.give_up(&mut log);
    look(&mut tls);
    assert_eq!(tls.held(), 0, "something is kept at the end");
    assert!(plain <= data.len(), "{plain} bytes are decrypted from {}", data.len());
    assert!(problems <= 3, "{problems} problems are reported of one connection");
}

/// A keytab.
///
/// # Panics
/// If a keytab that was read cannot be read again.
pub fn keytabs(data: &[u8]) {
    let mut keytab = Keytab::default();
    if keytab.add(data).is_ok() {
        let again = Keytab::default().add(data);
        assert_eq!(again, Ok(()), "a keytab that was read can be read again");
    }
}

/// A security context of Kerberos whose ticket the keytab of `tests/captures` may decrypt. It is a sequence of
/// events: a byte that selects the event, and a token of the handshake, or the body and the token of a message.
///
/// # Panics
/// If a body that cannot be decrypted is changed.
pub fn kerberos_tokens(data: &[u8]) {
    let mut keytab = Keytab::default();
    keytab.add(captures::KEYTAB).expect("a keytab");
    let (mut input, mut context) = (Input::new(data), Context::default());
    while !input.is_empty() {
        let what = input.byte();
        let side = if what & 1 == 0 { Side::Client } else { Side::Server };
        if what & 2 == 0 {
            context.token(side, input.block());
            let user = context.user(&keytab);
            assert!(user.is_none() || context.is_begun());
            continue;
        }
        let (body, token) = (input.block(), input.block());
        let mut unsealed = body.to_vec();
        let mut part = Part { before: &[1; 24], body: &mut unsealed, after: &[2; 8], token };
        if context.check(&mut part, what & 4 == 0, &keytab).is_err() {
            assert_eq!(unsealed, body, "a body that is refused was changed");
        }
    }
}
