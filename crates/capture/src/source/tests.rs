//! Tests of reading pcap and pcapng.

use super::*;

fn pcap(endian_big: bool, records: &[(u32, u32, &[u8])]) -> Vec<u8> {
    let put = |value: u32| if endian_big { value.to_be_bytes() } else { value.to_le_bytes() };
    let mut out = Vec::new();
    for word in [0xa1b2_c3d4, 0x0002_0004, 0, 0, 65_535, 1] {
        out.extend(put(word));
    }
    for (seconds, micros, data) in records {
        let length = u32::try_from(data.len()).unwrap();
        for word in [*seconds, *micros, length, length] {
            out.extend(put(word));
        }
        out.extend_from_slice(data);
    }
    out
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(12 + body.len().next_multiple_of(4)).unwrap();
    let mut out = [kind.to_le_bytes(), length.to_le_bytes()].concat();
    out.extend_from_slice(body);
    out.resize(usize::try_from(length).unwrap() - 4, 0);
    out.extend_from_slice(&length.to_le_bytes());
    out
}

fn section() -> Vec<u8> {
    block(SECTION, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat())
}

const SECTION: u32 = 0x0a0d_0d0a;

/// An interface whose times are in nanoseconds.
fn interface(name: &[u8]) -> Vec<u8> {
    let mut body = vec![1, 0, 0, 0, 0, 0, 0, 0, 2, 0, u8::try_from(name.len()).unwrap(), 0];
    body.extend_from_slice(name);
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend_from_slice(&[9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    block(1, &body)
}

fn packet(time: u64, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_le_bytes();
    let high = u32::try_from(time >> 32).unwrap().to_le_bytes();
    let low = u32::try_from(time & 0xffff_ffff).unwrap().to_le_bytes();
    block(6, &[&[0; 4], &high[..], &low[..], &length[..], &length[..], data].concat())
}

/// The packets of a file as (time, bytes), and its problems.
fn read(file: &[u8]) -> (Vec<(u64, Vec<u8>)>, Vec<String>) {
    // A reader that gives a few bytes at a time, as a growing file does.
    struct Slow<'a>(&'a [u8]);
    impl Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = out.len().min(7);
            self.0.read(&mut out[..count])
        }
    }
    let mut packets = Packets::new(Slow(file)).unwrap();
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    while let Some(item) = packets.next_item().unwrap() {
        match item {
            Item::Packet(packet) => found.push((packet.time.0, packet.data.to_vec())),
            Item::KeyLog { lines, .. } => problems.push(String::from_utf8_lossy(lines).into_owned()),
            Item::Problem(problem) => problems.push(problem.to_string()),
        }
    }
    (found, problems)
}

#[test]
fn pcap_is_read_in_both_byte_orders() {
    for big in [false, true] {
        let file = pcap(big, &[(1000, 5, b"one"), (1001, 6, b"two two")]);
        let (packets, problems) = read(&file);
        assert_eq!(packets, [(1_000_000_005_000, b"one".to_vec()), (1_001_000_006_000, b"two two".to_vec())]);
        assert!(problems.is_empty());
    }
}

#[test]
fn pcap_with_longer_records_and_with_checksums_of_frames_is_read() {
    // Kuznetsov's format: the index of the interface, the protocol, the type of the packet, and a byte for alignment.
    let mut file = pcap(false, &[]);
    file[..4].copy_from_slice(&0xa1b2_cd34_u32.to_le_bytes());
    // The length of the checksum, and the bit that shows that it is valid.
    file[20..24].copy_from_slice(&0x1400_0001_u32.to_le_bytes());
    for (seconds, data) in [(1000_u32, b"one"), (1001, b"two")] {
        for word in [seconds, 5, 3, 3, 2, 0x0008] {
            file.extend(word.to_le_bytes());
        }
        file.extend_from_slice(data);
    }
    let (packets, problems) = read(&file);
    assert_eq!(packets, [(1_000_000_005_000, b"one".to_vec()), (1_001_000_005_000, b"two".to_vec())]);
    assert!(problems.is_empty(), "{problems:?}");
    let mut packets = Packets::new(&file[..]).unwrap();
    let Some(Item::Packet(first)) = packets.next_item().unwrap() else { panic!("no packet") };
    assert_eq!(first.link, LinkType::ETHERNET);
}

#[test]
fn a_malformed_record_of_pcap_is_reported_and_skipped() {
    let mut file = pcap(false, &[(1000, 5, b"one")]);
    file.extend_from_slice(&[0xff; 21]);
    file.extend_from_slice(&pcap(false, &[(1001, 6, b"two"), (1002, 7, b"three")])[24..]);
    file.extend_from_slice(&[1, 2, 3]);
    let (packets, problems) = read(&file);
    assert_eq!(
        packets.iter().map(|(_, data)| &data[..]).collect::<Vec<_>>(),
        [&b"one"[..], b"two", b"three"]
    );
    assert_eq!(
        problems,
        [
            "byte 43: no record makes sense here; 21 bytes are passed over",
            "byte 104: the file ends within a record, 3 bytes into it"
        ]
    );
}

/// A record's packet as long as those that are recorded are.
const FRAME: &[u8] = &[0x55; 60];

#[test]
fn a_clock_that_is_set_while_recording_loses_no_record() {
    let now = 1_764_583_200;
    // From 1970 to now, back, and two clocks that alternate, as in files that were merged.
    for times in [
        [30, 31, now, now + 1],
        [now, now + 1, 30, 31],
        [now - 70_000_000, now, now + 1, now + 2],
        [30, now, 31, now + 1],
    ] {
        let records = times.map(|seconds| (seconds, 5, FRAME));
        let (packets, problems) = read(&pcap(false, &records));
        let seconds: Vec<u64> = packets.iter().map(|(time, _)| time / 1_000_000_000).collect();
        assert_eq!((seconds, problems.len()), (times.map(u64::from).to_vec(), 0), "{problems:?}");
    }
}

#[test]
fn the_record_after_a_malformed_one_is_found_even_if_the_clock_was_set() {
    let mut file = pcap(false, &[(30, 5, FRAME)]);
    file.extend_from_slice(&[0xff; 21]);
    let later: Vec<_> = (0..5).map(|second| (1_764_583_200 + second, 5, FRAME)).collect();
    file.extend_from_slice(&pcap(false, &later)[24..]);
    let (packets, problems) = read(&file);
    assert_eq!((packets.len(), problems.len()), (6, 1), "{problems:?}");
}

#[test]
fn pcapng_is_read_with_names_and_nanoseconds() {
    let file = [section(), interface(b"client"), packet(1_000_000_000_123, b"hello")].concat();
    let mut packets = Packets::new(&file[..]).unwrap();
    let Some(Item::Packet(packet)) = packets.next_item().unwrap() else { panic!("no packet") };
    assert_eq!(
        (packet.time.0, packet.data, packet.link),
        (1_000_000_000_123, &b"hello"[..], LinkType::ETHERNET)
    );
    assert_eq!(packet.interface.as_deref(), Some("client"));
    assert_eq!(packets.next_item().unwrap(), None);
}

#[test]
fn a_malformed_block_is_reported_and_skipped() {
    let mut lying = packet(1, b"lost");
    let last = lying.len() - 4;
    lying[last] ^= 0xff;
    let unknown = {
        let mut bytes = packet(1, b"of an interface that there is not");
        bytes[8] = 9;
        bytes
    };
    let file =
        [section(), interface(b"a"), packet(1, b"one"), lying, packet(2, b"two"), unknown, packet(3, b"3")]
            .concat();
    let (packets, problems) = read(&[file, vec![1, 2]].concat());
    assert_eq!(packets, [(1, b"one".to_vec()), (2, b"two".to_vec()), (3, b"3".to_vec())]);
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(problems[0].starts_with("byte 104: a block's two lengths differ"), "{problems:?}");
    assert!(problems[1].ends_with("a packet of interface 9, which is not described"), "{problems:?}");
}

#[test]
fn a_file_of_another_format_is_refused() {
    assert!(Packets::new(&b"GET / HTTP/1.1\r\n\r\n and so on"[..]).is_err());
    assert!(Packets::new(&b""[..]).is_err());
}

proptest::proptest! {
    #[test]
    fn no_content_of_a_file_stops_the_reader(
        mut bytes in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..400), ng: bool,
    ) {
        let mut file = if ng { [section(), interface(b"x")].concat() } else { pcap(false, &[(1, 1, b"x")]) };
        file.append(&mut bytes);
        let (packets, problems) = read(&file);
        proptest::prop_assert!(packets.len() + problems.len() <= file.len());
    }
}
