//! Key logs, and connections that they decrypt.

use std::collections::BTreeMap;

use capture::source::{Item, Packets};
use capture::stream::{self, EventKind, Reassembler, Side};
use rpc::pdu::{Header, PduType, SEC_TRAILER_SIZE, SecTrailer};

use crate::captures;
use crate::input::{chosen, put_block};

pub(super) fn key_logs() -> Vec<Vec<u8>> {
    let random = "ab".repeat(32);
    let long = "0f".repeat(48);
    let text =
        format!("# comment\r\nCLIENT_RANDOM {random} {long}\nSERVER_TRAFFIC_SECRET_0 {random} {random}\n");
    vec![chosen(&[0], text.as_bytes()), chosen(&[3], &text.as_bytes()[..100])]
}

/// The data of each connection of a recording: the side, and the bytes that it sent.
fn connections(recording: &[u8]) -> Vec<Vec<(Side, Vec<u8>)>> {
    let mut packets = Packets::new(recording).expect("a recording");
    let mut reassembler = Reassembler::default();
    let mut found: BTreeMap<u64, Vec<(Side, Vec<u8>)>> = BTreeMap::new();
    while let Some(item) = packets.next_item().expect("memory is read") {
        let Item::Packet(packet) = item else { continue };
        let segment = stream::segment(packet.link, packet.data).expect("a segment").expect("of TCP");
        reassembler.push(packet.time, None, &segment, &mut |event| {
            if let EventKind::Data(side, bytes) = event.kind {
                found.entry(event.connection.number).or_default().push((side, bytes.to_vec()));
            }
        });
    }
    found.into_values().collect()
}

/// The handshake of each connection of the recording, and its first messages.
pub(super) fn kerberos_tokens() -> Vec<Vec<u8>> {
    let units = |sent: &Vec<(Side, Vec<u8>)>| {
        let mut seed = Vec::new();
        for (side, unit) in sent {
            let Ok(header) = Header::from_start(unit) else { continue };
            let Ok(Some((start, _))) = SecTrailer::find(&header, unit) else { continue };
            let token = unit.get(start + SEC_TRAILER_SIZE..).unwrap_or_default();
            let server = u8::from(*side == Side::Server);
            if matches!(header.ptype, PduType::REQUEST | PduType::RESPONSE) {
                seed.push(2 | server);
                put_block(&mut seed, unit.get(24..start).unwrap_or_default());
            } else {
                seed.push(server);
            }
            put_block(&mut seed, token);
        }
        seed
    };
    connections(captures::KERBEROS).iter().map(units).filter(|seed| !seed.is_empty()).collect()
}

/// Each connection of the recording, whole and with a part missing.
pub(super) fn tls_records() -> Vec<Vec<u8>> {
    let blocks = |sent: &Vec<(Side, Vec<u8>)>| {
        let mut seed = Vec::new();
        for (side, bytes) in sent {
            seed.push(u8::from(*side == Side::Server));
            put_block(&mut seed, bytes);
        }
        seed
    };
    let mut seeds: Vec<Vec<u8>> = connections(captures::TLS).iter().map(blocks).collect();
    let mut cut = seeds.clone();
    for seed in &mut cut {
        seed.extend([4, 20, 0, 5, 20, 0]);
        let again = seed.clone();
        seed.extend(again);
    }
    seeds.extend(cut);
    seeds
}
