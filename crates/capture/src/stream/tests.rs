//! Tests of TCP reassembly.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::source::LinkType;
use crate::time::Timestamp;

fn client() -> SocketAddr {
    "10.0.0.1:50000".parse().unwrap()
}

fn server() -> SocketAddr {
    "10.0.0.2:443".parse().unwrap()
}

fn from_client(sequence: u32, flags: TcpFlags, payload: &[u8]) -> Segment<'_> {
    let (from, to) = (client(), server());
    Segment { from, to, sequence, acknowledged: 0, flags, payload, missing: 0 }
}

#[derive(Default)]
struct Seen {
    client: Vec<u8>,
    gaps: Vec<u64>,
    ended: usize,
    closed: usize,
}

impl Seen {
    fn take(&mut self, event: &Event<'_>) {
        assert_eq!((event.connection.client, event.connection.server), (client(), server()));
        match event.kind {
            EventKind::Data(Side::Client, bytes) => self.client.extend_from_slice(bytes),
            EventKind::Gap(Side::Client, missing) => self.gaps.push(missing),
            EventKind::Ended(Side::Client) => self.ended += 1,
            EventKind::Closed => self.closed += 1,
            _ => {}
        }
    }
}

fn pushed(segments: &[Segment<'_>]) -> Seen {
    let mut seen = Seen::default();
    let mut reassembler = Reassembler::default();
    for segment in segments {
        reassembler.push(Timestamp(0), None, segment, &mut |event| seen.take(&event));
    }
    reassembler.finish(&mut |event| seen.take(&event));
    seen
}

const NONE: TcpFlags = TcpFlags::NONE;

#[test]
fn reordered_repeated_and_overlapping_segments_give_the_same_stream() {
    let start = u32::MAX - 2;
    let seen = pushed(&[
        from_client(start, TcpFlags::SYN, b""),
        from_client(start.wrapping_add(5), NONE, b"efgh"),
        from_client(start.wrapping_add(1), NONE, b"abc"),
        from_client(start.wrapping_add(1), NONE, b"abc"),
        from_client(start, NONE, b"?"),
        from_client(start.wrapping_add(2), NONE, b"bcdef"),
        from_client(start.wrapping_add(9), TcpFlags::FIN, b"ij"),
    ]);
    assert_eq!(String::from_utf8_lossy(&seen.client), "abcdefghij");
    assert_eq!((seen.gaps.len(), seen.ended, seen.closed), (0, 1, 1));
}

#[test]
fn missing_bytes_are_reported() {
    let seen = pushed(&[
        from_client(99, TcpFlags::SYN, b""),
        from_client(100, NONE, b"abc"),
        from_client(110, TcpFlags::FIN, b"xyz"),
    ]);
    assert_eq!((&seen.client[..], &seen.gaps[..], seen.ended), (&b"abcxyz"[..], &[7][..], 1));
    // A receiver that has what was not recorded says that it is lost.
    let answer = |acknowledged| Segment {
        from: server(),
        to: client(),
        acknowledged,
        flags: TcpFlags::ACK,
        ..from_client(1, NONE, b"")
    };
    let mut segments = vec![from_client(100, NONE, b"abc"), from_client(110, NONE, b"def")];
    segments.extend([answer(113); 40]);
    segments.push(from_client(113, NONE, b"ghi"));
    let mut seen = Seen::default();
    let mut reassembler = Reassembler::default();
    for segment in &segments {
        reassembler.push(Timestamp(0), None, segment, &mut |event| seen.take(&event));
    }
    assert_eq!((&seen.client[..], &seen.gaps[..], seen.closed), (&b"abcdefghi"[..], &[7][..], 0));
}

#[test]
fn buffered_segments_are_limited() {
    let big = vec![7; 60_000];
    let mut segments = vec![from_client(0, TcpFlags::SYN, b"")];
    segments.extend((0..100_u32).map(|index| from_client(1001 + index * 60_000, NONE, &big)));
    let mut reassembler = Reassembler::default();
    let mut got = 0;
    for segment in &segments {
        reassembler.push(Timestamp(0), None, segment, &mut |event| {
            if let EventKind::Data(_, bytes) = event.kind {
                got += bytes.len();
            }
        });
    }
    assert_eq!(got, 100 * 60_000);
}

#[test]
fn a_reused_port_is_another_connection() {
    let seen = pushed(&[
        from_client(5, TcpFlags::SYN, b""),
        from_client(5, TcpFlags::SYN, b""),
        from_client(6, NONE, b"one"),
        from_client(7000, TcpFlags::SYN, b""),
        from_client(7001, NONE, b"two"),
    ]);
    assert_eq!((&seen.client[..], seen.closed), (&b"onetwo"[..], 2));
}

/// The connections of segments that were recorded at these interfaces and at these times, each with what its
/// client sent.
fn recorded_at(segments: &[(&str, u64, Segment<'_>)]) -> Vec<(Option<String>, Vec<u8>)> {
    let mut seen = BTreeMap::<u64, (Option<String>, Vec<u8>)>::new();
    let mut reassembler = Reassembler::default();
    let mut take = |event: Event<'_>| {
        let connection = event.connection;
        let found = seen.entry(connection.number).or_default();
        found.0 = connection.interface.as_deref().map(str::to_owned);
        if let EventKind::Data(_, bytes) = event.kind {
            found.1.extend_from_slice(bytes);
        }
    };
    for (interface, seconds, segment) in segments {
        let time = Timestamp(seconds * 1_000_000_000);
        reassembler.push(time, Some(&Arc::from(*interface)), segment, &mut take);
    }
    reassembler.finish(&mut take);
    seen.into_values().filter(|(_, bytes)| !bytes.is_empty()).collect()
}

#[test]
fn a_connection_recorded_at_two_interfaces_is_one() {
    let answer = Segment { from: server(), to: client(), ..from_client(1, NONE, b"answer") };
    let (ask, more) = (from_client(10, NONE, b"ask"), from_client(13, NONE, b"more"));
    // Each direction at one interface, or both at both.
    for seen in [
        recorded_at(&[("eth0", 1, ask), ("eth1", 1, answer), ("eth0", 1, more)]),
        recorded_at(&[
            ("br0", 1, ask),
            ("eth0", 1, ask),
            ("eth0", 1, answer),
            ("br0", 1, answer),
            ("br0", 1, more),
        ]),
    ] {
        let [(_, bytes)] = &seen[..] else { panic!("{seen:?}") };
        assert_eq!(String::from_utf8_lossy(bytes), "askanswermore");
    }
    // The sides of the proxy are apart.
    let own = recorded_at(&[("mapiproxy:client", 1, ask), ("mapiproxy:server", 1, ask)]);
    assert_eq!(own.len(), 2, "{own:?}");
}

#[test]
fn segments_repeated_after_the_end_are_not_another_connection() {
    let last = from_client(10, TcpFlags::FIN, b"last");
    let end = Segment { from: server(), to: client(), ..from_client(1, TcpFlags::FIN, b"") };
    assert_eq!(recorded_at(&[("a", 1, last), ("a", 1, end), ("b", 1, last), ("b", 1, end)]).len(), 1);
    // Later, or further on, it may be one whose beginning was not recorded.
    assert_eq!(recorded_at(&[("a", 1, last), ("a", 1, end), ("a", 60, last)]).len(), 2);
    let other = from_client(5000, NONE, b"other");
    assert_eq!(recorded_at(&[("a", 1, last), ("a", 1, end), ("a", 1, other)]).len(), 2);
}

/// A segment within IP, as its bytes.
fn ip(v6: bool, payload: &[u8]) -> Vec<u8> {
    let mut tcp =
        vec![0xc3, 0x50, 0x01, 0xbb, 0, 0, 0, 100, 0, 0, 0, 0, 0x60, 0x18, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1];
    tcp.extend_from_slice(payload);
    let length = u16::try_from(tcp.len()).unwrap();
    let mut out = if v6 {
        // With a header of options in between.
        let total = (length + 8).to_be_bytes();
        let mut out = vec![0x60, 0, 0, 0, total[0], total[1], 0, 64];
        out.extend_from_slice(&[[0; 15].as_slice(), &[1]].concat());
        out.extend_from_slice(&[[0; 15].as_slice(), &[2]].concat());
        out.extend_from_slice(&[6, 0, 1, 4, 0, 0, 0, 0]);
        out
    } else {
        let total = (length + 20).to_be_bytes();
        vec![0x45, 0, total[0], total[1], 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
    };
    out.append(&mut tcp);
    out
}

#[test]
fn segments_are_found_in_every_link() {
    for v6 in [false, true] {
        let packet = ip(v6, b"payload");
        let number: &[u8] = if v6 { &[0x86, 0xdd] } else { &[0x08, 0x00] };
        let ppp: &[u8] = if v6 { &[0x57] } else { &[0x21] };
        let session = [&[0; 12], &[0x88, 0x64, 0x11, 0, 0, 1, 0, 40][..]].concat();
        let labels = [&[0; 12], &[0x88, 0x47, 0, 1, 0, 64, 0, 1, 1, 64][..]].concat();
        let wrapped: [(LinkType, Vec<u8>, &[u8]); 12] = [
            (LinkType::ETHERNET, [&[0; 12], number].concat(), &[0; 20]),
            (LinkType::ETHERNET, [&[0; 12], &[0x81, 0, 0, 5][..], number].concat(), b""),
            (LinkType::NULL, vec![2, 0, 0, 0], b""),
            (LinkType::RAW, vec![], b""),
            (LinkType::LINUX_SLL, [&[0; 14], number].concat(), b""),
            (LinkType::LINUX_SLL2, [number, &[0; 18]].concat(), b""),
            (LinkType::ETHERNET, labels, b""),
            (LinkType::ETHERNET, [&[0; 12], &[0, 80, 0xaa, 0xaa, 3, 0, 0, 0][..], number].concat(), &[0; 20]),
            (LinkType::ETHERNET, [&session, &[0][..], ppp].concat(), &[0; 20]),
            (LinkType::ETHERNET, [&session, ppp].concat(), b""),
            (LinkType::PPP, [&[0xff, 3, 0], ppp].concat(), b""),
            (LinkType::PPP, ppp.to_vec(), b""),
        ];
        for (link, mut bytes, after) in wrapped {
            bytes.extend_from_slice(&packet);
            bytes.extend_from_slice(after);
            let segment = segment(link, &bytes).unwrap().expect("a segment");
            assert_eq!((segment.payload, segment.sequence), (&b"payload"[..], 100), "{link:?}");
            assert_eq!((segment.from.port(), segment.to.port()), (50_000, 443));
        }
        let cut = &packet[..packet.len() - 3];
        assert_eq!(segment(LinkType::RAW, cut).unwrap().unwrap().missing, 3);
    }
    assert!(segment(LinkType(147), b"?").is_err());
    let mut fragment = ip(false, b"x");
    fragment[6] = 0x20;
    assert!(segment(LinkType::RAW, &fragment).is_err());
    let mut udp = ip(false, b"x");
    udp[9] = 17;
    assert_eq!(segment(LinkType::RAW, &udp), Ok(None));
}

proptest! {
    #[test]
    fn whatever_the_order_the_bytes_are_the_same(
        bytes in proptest::collection::vec(any::<u8>(), 1..300),
        cuts in proptest::collection::vec((0_usize..300, 1_usize..60), 0..40),
        start: u32,
    ) {
        let mut pieces: Vec<(usize, usize)> = cuts
            .into_iter()
            .filter(|(from, _)| *from < bytes.len())
            .map(|(from, length)| (from, (from + length).min(bytes.len())))
            .collect();
        pieces.push((0, bytes.len()));
        let mut segments = vec![from_client(start, TcpFlags::SYN, b"")];
        for (from, to) in pieces {
            let at = start.wrapping_add(1).wrapping_add(u32::try_from(from).unwrap());
            segments.push(from_client(at, NONE, &bytes[from..to]));
        }
        let seen = pushed(&segments);
        prop_assert_eq!(seen.client, bytes);
        prop_assert!(seen.gaps.is_empty());
    }
}
