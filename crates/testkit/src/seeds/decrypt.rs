//! Key logs, and connections that they decrypt.

use capture::source::{Item, Packets};
use capture::stream::{self, EventKind, Reassembler, Side};

use super::chosen;
use crate::captures;
use crate::input::put_block;

pub(super) fn key_logs() -> Vec<Vec<u8>> {
    let random = "ab".repeat(32);
    let long = "0f".repeat(48);
    let text =
        format!("# comment\r\nCLIENT_RANDOM {random} {long}\nSERVER_TRAFFIC_SECRET_0 {random} {random}\n");
    vec![chosen(&[0], text.as_bytes()), chosen(&[3], &text.as_bytes()[..100])]
}

/// Each connection of the recording, whole and with a part missing.
pub(super) fn tls_records() -> Vec<Vec<u8>> {
    let mut packets = Packets::new(captures::TLS).expect("a pcapng");
    let mut reassembler = Reassembler::default();
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    while let Some(item) = packets.next_item().expect("memory is read") {
        let Item::Packet(packet) = item else { continue };
        let segment = stream::segment(packet.link, packet.data).expect("a segment").expect("of TCP");
        reassembler.push(packet.time, None, &segment, &mut |event| {
            let number = usize::try_from(event.connection.number).expect("a small number");
            if seeds.len() < number {
                seeds.resize(number, Vec::new());
            }
            if let (EventKind::Data(side, bytes), Some(seed)) = (event.kind, seeds.get_mut(number - 1)) {
                seed.push(u8::from(side == Side::Server));
                put_block(seed, bytes);
            }
        });
    }
    let mut cut = seeds.clone();
    for seed in &mut cut {
        seed.extend([4, 20, 0, 5, 20, 0]);
        let again = seed.clone();
        seed.extend(again);
    }
    seeds.extend(cut);
    seeds
}
