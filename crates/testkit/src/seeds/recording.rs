//! Seeds for fuzzing capture files.

use std::io::Cursor;
use std::net::{Ipv4Addr, SocketAddr};

use capture::record::{HarWriter, PacketWriter};
use capture::stream::{Connection, Side};
use capture::{Call, CallReader, RecordedItem, Timestamp};

use crate::captures;
use crate::input::{chosen, put_block};

/// The maximum length of a seed, in bytes.
const LONGEST: usize = 6000;

/// A pcap with an Ethernet frame and trailing bytes.
const PCAP: &[u8] = &[
    0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0,
    0, 60, 0, 0, 0, 60, 0, 0, 0, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 46, 0, 0, 0x40, 0, 64,
    6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0xc0, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x18, 0xff, 0xff, 0, 0,
    0, 0, b'G', b'E', b'T', b' ', b'/', b'x', 3, 0, 0, 0,
];

/// Short exchanges of MAPI over HTTP.
fn exchanges() -> Vec<captures::Exchange> {
    let short = |exchange: &captures::Exchange| {
        let length = exchange.request.len() + exchange.response.len();
        !exchange.response.is_empty() && length < LONGEST / 2
    };
    let mut seen = std::collections::BTreeSet::new();
    let all = captures::mapihttp().into_iter().filter(short);
    // One of each kind.
    let kind =
        |exchange: &captures::Exchange| exchange.http_request().header("X-RequestType").map(str::to_owned);
    all.filter(|exchange| seen.insert(kind(exchange))).collect()
}

fn calls(exchanges: &[captures::Exchange]) -> Vec<Call> {
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let connection = Connection { number: 1, client: nowhere, server: nowhere, interface: None };
    let mut reader = CallReader::new(Vec::new());
    for exchange in exchanges {
        reader.data(&connection, Side::Client, Timestamp(1_000_000_000), &exchange.request);
        reader.data(&connection, Side::Server, Timestamp(1_000_000_000), &exchange.response);
    }
    let found = reader.take().into_iter();
    found.filter_map(|one| if let RecordedItem::Call(call) = one { Some(*call) } else { None }).collect()
}

pub(super) fn recordings() -> Vec<Vec<u8>> {
    let exchanges = exchanges();
    let mut seeds = vec![chosen(&[0, 0], PCAP), chosen(&[0, 9], PCAP), chosen(&[0, 0], captures::TLS)];
    for call in calls(&exchanges) {
        let mut packets = PacketWriter::new(Vec::new()).expect("memory is written");
        packets.call(&call).expect("memory is written");
        seeds.push(chosen(&[0, 0], &packets.into_inner()));
        let mut file = Cursor::new(Vec::new());
        let mut har = HarWriter::new(&mut file).expect("memory is written");
        har.call(&call).expect("memory is written");
        seeds.push(chosen(&[1], file.get_ref()));
    }
    for exchange in &exchanges {
        let length = u16::try_from(exchange.request.len()).expect("a short one");
        let pair = [&length.to_le_bytes()[..], &exchange.request, &exchange.response].concat();
        seeds.push(chosen(&[2], &pair));
    }
    for recorded in captures::rpc_over_http().connections {
        let start = |bytes: &[u8]| bytes[..bytes.len().min(LONGEST)].to_vec();
        let mut turns = Vec::new();
        put_block(&mut turns, &start(&recorded.to_server));
        put_block(&mut turns, &start(&recorded.to_client));
        seeds.push(chosen(&[3], &turns));
    }
    seeds
}

/// The beginnings of the bodies of channels of RPC over HTTP.
pub(super) fn rts() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for recorded in captures::rpc_over_http().connections {
        for bytes in [&recorded.to_server, &recorded.to_client] {
            let Some(head) = bytes.windows(4).position(|end| end == b"\r\n\r\n") else { continue };
            let body = &bytes[head + 4..];
            seeds.push(chosen(&[7], &body[..body.len().min(LONGEST / 4)]));
        }
    }
    seeds
}
