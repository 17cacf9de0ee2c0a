//! Tests of RTS PDUs.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use wire::{Decode, Encode, Guid};

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|c| !c.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// PDUs of a client and of a server, as they were recorded on the wire.
const RECORDED: &[(&str, &str)] = &[
    (
        "CONN/B1",
        "0500140310000000680000000000000000000600060000000100000003000000 95ab167f8d1f8c09a637a90a7665dd28
         03000000 2e8d4b7c02cc504171f69500d630db0a 0400000000000040 05000000e0930400
         0c000000 dbf6dd3bde196b1744a1bd58dbd35a16",
    ),
    ("CONN/A3", "05001403100000001c00000000000000000001000200000020bf0200"),
    ("CONN/C2", "05001403100000002c00000000000000000003000600000001000000000000000000040002000000 20bf0200"),
    ("Echo", "0500140310000000140000000000000040000000"),
    ("Echo", "05001403100000001000000000000000"),
];

#[test]
fn recorded_pdus_are_read_and_written_byte_for_byte() {
    for (name, hex) in RECORDED {
        let bytes = bytes(hex);
        let pdu = RtsPdu::from_bytes(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(pdu.name(), Some(*name));
        assert_eq!(pdu.to_bytes().unwrap(), bytes, "{name}");
    }
}

#[test]
fn a_connection_timeout_reads_as_its_milliseconds() {
    let pdu = RtsPdu::from_bytes(&bytes(RECORDED[1].1)).unwrap();
    assert_eq!(pdu.commands(), [Command::ConnectionTimeout(180_000)]);
    let mut unknown = bytes(RECORDED[1].1);
    unknown[20] = 0x0f;
    let error = RtsPdu::from_bytes(&unknown).unwrap_err();
    assert_eq!(
        error.to_string(),
        "RTS.CommandType at offset 24: found 0xf, expected a command of the protocol"
    );
}

#[test]
fn a_malformed_rts_pdu_is_refused() {
    let good = bytes(RECORDED[2].1);
    for (place, value) in [(2, 11), (4, 0), (10, 1), (18, 4), (18, 2), (8, 0x2b)] {
        let mut bad = good.clone();
        bad[place] = value;
        assert!(RtsPdu::from_bytes(&bad).is_err(), "byte {place}");
    }
    let big_padding = bytes("0500140310000000 1c000000 00000000 02000100 08000000 ffffffff");
    assert!(RtsPdu::from_bytes(&big_padding).is_err());
}

fn guid() -> impl Strategy<Value = Guid> {
    any::<[u8; 16]>().prop_map(Guid::from_le)
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        any::<u32>().prop_map(Command::ReceiveWindowSize),
        (any::<u32>(), any::<u32>(), guid()).prop_map(
            |(bytes_received, available_window, channel_cookie)| {
                Command::FlowControlAck { bytes_received, available_window, channel_cookie }
            }
        ),
        any::<u32>().prop_map(Command::ConnectionTimeout),
        guid().prop_map(Command::Cookie),
        any::<u32>().prop_map(Command::ChannelLifetime),
        any::<u32>().prop_map(Command::ClientKeepalive),
        any::<u32>().prop_map(Command::Version),
        Just(Command::Empty),
        proptest::collection::vec(any::<u8>(), 0..50).prop_map(|bytes| Command::Padding(Padding(bytes))),
        Just(Command::NegativeAnce),
        Just(Command::Ance),
        (any::<[u8; 4]>(), any::<[u8; 12]>())
            .prop_map(|(at, pad)| Command::ClientAddress(ClientAddress::V4(Ipv4Addr::from(at), pad))),
        (any::<[u8; 16]>(), any::<[u8; 12]>())
            .prop_map(|(at, pad)| Command::ClientAddress(ClientAddress::V6(Ipv6Addr::from(at), pad))),
        guid().prop_map(Command::AssociationGroupId),
        any::<u32>().prop_map(|value| Command::Destination(Destination(value))),
        any::<u32>().prop_map(Command::PingTrafficSentNotify),
    ]
}

proptest! {
    #[test]
    fn every_command_survives(flags: u16, commands in proptest::collection::vec(command(), 0..12)) {
        let mut pdu = RtsPdu::new(RtsFlags(flags), commands);
        let bytes = pdu.to_bytes().unwrap();
        pdu.header.frag_length = u16::try_from(bytes.len()).unwrap();
        prop_assert_eq!(&RtsPdu::from_bytes(&bytes).unwrap(), &pdu);
    }

    #[test]
    fn whatever_is_read_is_written_as_it_was(mut bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let length = u16::try_from(bytes.len() + 20).unwrap();
        let mut pdu_bytes = vec![5, 0, 20, 3, 16, 0, 0, 0];
        pdu_bytes.extend_from_slice(&length.to_le_bytes());
        pdu_bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
        pdu_bytes.append(&mut bytes);
        if let Ok(pdu) = RtsPdu::from_bytes(&pdu_bytes) {
            prop_assert_eq!(pdu.to_bytes().unwrap(), pdu_bytes);
        }
    }
}
