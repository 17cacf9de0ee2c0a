//! Tests of auxiliary blocks.

use proptest::collection::vec;
use proptest::prelude::*;
use wire::{Decode as _, Encode as _, Guid};

use super::header::HEADER_SIZE;
use super::*;
use crate::ErrorCode;
use crate::compress::{ExtendedBuffer, ExtendedFlags};
use crate::inspect::{Inspect as _, Node};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Decodes one block from `text`, and checks that it encodes to the same bytes.
fn block(text: &str) -> AuxBlock {
    let bytes = hex(text);
    let block = AuxBlock::from_bytes(&bytes).unwrap();
    assert_eq!(block.to_bytes().unwrap(), bytes);
    block
}

/// Recorded from an Exchange-compatible server.
#[test]
fn a_servers_response_to_a_connect_is_decoded() {
    let rgb = hex("000004001c001c00 0800 01 17 03000000 0c00 01 0a 0c000000 00840c24 0800 01 48 01000000");
    let buffer = AuxBuffer::unpack(&rgb).unwrap().unwrap();
    let both =
        OrgFlags::PUBLIC_FOLDERS_ENABLED.with(OrgFlags::USE_AUTODISCOVER_FOR_PUBLIC_FOLDER_CONFIGURATION);
    let control = ClientControl {
        enable_flags: EnableFlags::ENABLE_COMPRESSION | EnableFlags::ENABLE_HTTP_TUNNELING,
        expiry_time: 604_800_000,
    };
    let endpoint = EndpointCapabilities {
        endpoint_capability_flag: EndpointCapabilityFlags::ENDPOINT_CAPABILITIES_SINGLE_ENDPOINT,
    };
    let one = AuxVersion::AUX_VERSION_1;
    let expected = AuxBuffer::new(vec![
        AuxBlock::new(one, AuxType::AUX_TYPE_EXORGINFO, ExOrgInfo { org_flags: both }.into()),
        AuxBlock::new(one, AuxType::AUX_TYPE_CLIENT_CONTROL, control.into()),
        AuxBlock::new(one, AuxType::AUX_TYPE_ENDPOINT_CAPABILITIES, endpoint.into()),
    ]);
    assert_eq!(buffer, expected);
    let again = ExtendedBuffer::plain(expected.to_bytes().unwrap());
    assert_eq!(again.flags, ExtendedFlags::LAST);
    assert_eq!(again.to_bytes().unwrap(), rgb);
    assert_eq!(buffer.find(AuxType::AUX_TYPE_CLIENT_CONTROL), Some(&expected.blocks[1]));
    assert_eq!(buffer.find(AuxType::AUX_TYPE_PERF_FAILURE), None);
    assert_eq!(AuxBuffer::unpack(b"").unwrap(), None);
}

/// Recorded from Outlook 2007.
#[test]
fn the_blocks_that_outlook_sends_with_rops_are_decoded() {
    let sent = hex(
        "0800 01 01 0100 a300  1000 01 0c 46000000 00000000 a200 0000  1000 01 0c 4e000000 4e000000 a200 0000",
    );
    let buffer = AuxBuffer::from_bytes(&sent).unwrap();
    assert_eq!(buffer.to_bytes().unwrap(), sent);
    let [request, first, second] = &buffer.blocks[..] else { panic!("{buffer:?}") };
    assert_eq!(request.body, PerfRequestId { session_id: 1, request_id: 163 }.into());
    let success = |since, took| DefMdbSuccess {
        time_since_request: since,
        time_to_complete_request: took,
        request_id: 162,
        reserved: 0,
    };
    assert_eq!((&first.body, &second.body), (&success(70, 0).into(), &success(78, 78).into()));
    assert_eq!(first.aux_type, AuxType::AUX_TYPE_PERF_BG_DEFMDB_SUCCESS);
}

#[test]
fn the_version_selects_the_layout() {
    let first = block("1800 01 04 0100 0000 0102030405060708090a0b0c0d0e0f10");
    let second = block("1c00 02 04 0100 0000 0102030405060708090a0b0c0d0e0f10 78560000");
    let guid = Guid::from_le([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    assert_eq!(first.body, PerfSessionInfo { session_id: 1, reserved: 0, session_guid: guid }.into());
    let body = PerfSessionInfoV2 { session_id: 1, reserved: 0, session_guid: guid, connection_id: 0x5678 };
    assert_eq!(second.body, body.into());
    assert!(matches!(block("0800 03 04 0100 0000").body, AuxBody::Opaque(_)), "a third version");
}

#[test]
fn failures_are_distinguished_by_version() {
    let old = block("1c00 01 15 0100 0200 0300 0400 05000000 06000000 80040480 07 000000");
    let AuxBody::Failure(failure) = old.body else { panic!("{old:?}") };
    assert_eq!((failure.client_id, failure.server_id, failure.session_id, failure.request_id), (1, 2, 3, 4));
    assert_eq!((failure.time_since_request, failure.time_to_fail_request), (5, 6));
    assert_eq!((failure.result_code, failure.request_operation), (ErrorCode(0x8004_0480), 7));
    let new = block("2000 02 10 0900 0100 0200 0300 0400 ffff 05000000 06000000 80040480 07 010203");
    let AuxBody::FailureV2(failure) = new.body else { panic!("{new:?}") };
    assert_eq!((failure.process_id, failure.client_id, failure.request_id), (9, 1, 4));
    assert_eq!((failure.reserved_1, failure.reserved_2), (0xffff, [1, 2, 3]));
}

/// The sizes of [MS-OXCRPC] 2.2.2.2, without the data at the offsets: one byte less is not the structure, one byte
/// more is padding.
#[test]
fn every_structure_has_the_size_that_the_specification_gives() {
    let sizes: &[(&str, u8, &[u8], usize)] = &[
        ("PerfRequestId", 1, &[0x01], 4),
        ("PerfClientInfo", 1, &[0x02], 28),
        ("PerfServerInfo", 1, &[0x03], 8),
        ("PerfSessionInfo", 1, &[0x04], 20),
        ("PerfSessionInfoV2", 2, &[0x04], 24),
        ("DefMdbSuccess", 1, &[0x05, 0x0c, 0x11], 12),
        ("DefGcSuccess", 1, &[0x06, 0x0d, 0x12], 16),
        ("MdbSuccess", 1, &[0x07, 0x0e, 0x13], 16),
        ("MdbSuccessV2", 2, &[0x07, 0x0e, 0x13], 20),
        ("GcSuccess", 1, &[0x08, 0x0f, 0x14], 20),
        ("GcSuccessV2", 2, &[0x08, 0x0f, 0x14], 20),
        ("Failure", 1, &[0x09, 0x10, 0x15], 24),
        ("FailureV2", 2, &[0x09, 0x10, 0x15], 28),
        ("ClientControl", 1, &[0x0a], 8),
        ("PerfProcessInfo", 1, &[0x0b], 24),
        ("PerfProcessInfo", 2, &[0x0b], 24),
        ("OsVersionInfo", 1, &[0x16], 156),
        ("ExOrgInfo", 1, &[0x17], 4),
        ("PerfAccountInfo", 1, &[0x18], 20),
        ("ServerCapabilities", 1, &[0x46], 4),
        ("EndpointCapabilities", 1, &[0x48], 4),
        ("ClientConnectionInfo", 1, &[0x4a], 28),
        ("ServerSessionInfo", 1, &[0x4b], 2),
        ("ProtocolDeviceIdentification", 1, &[0x4e], 10),
    ];
    for (name, version, types, size) in sizes {
        for aux_type in *types {
            let read = |size: usize| {
                let mut bytes = vec![0x5a; size + HEADER_SIZE];
                bytes[..2].copy_from_slice(&u16::try_from(size + HEADER_SIZE).unwrap().to_le_bytes());
                bytes[2..4].copy_from_slice(&[*version, *aux_type]);
                let block = AuxBlock::from_bytes(&bytes).unwrap();
                assert_eq!(block.to_bytes().unwrap(), bytes);
                block
            };
            let exact = read(*size);
            let debug = format!("{:?}", exact.body);
            assert!(debug.starts_with(&format!("{name}({name} {{")), "{aux_type:#x}: {debug}");
            assert_eq!(exact.padding, b"");
            assert!(exact.aux_type.name().is_some());
            let AuxBody::Opaque(short) = read(size - 1).body else { panic!("{name} with one byte less") };
            assert_eq!(short.len(), size - 1);
            let long = read(size + 1);
            assert!(!long.padding.is_empty() || debug.contains("region"), "{name} with one byte more");
        }
    }
}

/// The layout that clients use: first the addresses, then the names, aligned to four bytes.
#[test]
fn offsets_count_from_the_header() {
    let client = block(
        "4000 01 02 40420f00 0100 2800 3000 0400 2000 0400 2400 0000 0600 3600 0200 0000 \
         0a000001 ffffff00 5000430031000000 620000000000 0a0b0c0d0e0f 00000000",
    );
    let AuxBody::PerfClientInfo(client) = client.body else { panic!("{client:?}") };
    assert_eq!(client.adapter_speed, 1_000_000);
    assert_eq!(client.client_mode, ClientMode::CLIENTMODE_CACHED);
    assert_eq!(client.client_ip(), Some(&[10, 0, 0, 1][..]));
    assert_eq!(client.client_ip_mask(), Some(&[255, 255, 255, 0][..]));
    assert_eq!(client.machine_name(), Some("PC1".into()));
    assert_eq!(client.user_name(), Some("b".into()));
    assert_eq!(client.mac_address(), Some(&[10, 11, 12, 13, 14, 15][..]));
    assert_eq!(client.adapter_name(), None);
}

#[test]
fn offsets_outside_the_block_are_treated_as_absent() {
    let mut server =
        PerfServerInfo::new(1, ServerType::SERVERTYPE_PRIVATE, Some("/o=Lab/cn=EX1"), Some("EX1"));
    assert_eq!(server.server_dn(), Some("/o=Lab/cn=EX1".into()));
    assert_eq!(server.server_name(), Some("EX1".into()));
    assert_eq!(server.server_dn_offset, 12);
    for offset in [0, 1, 11, 60, u16::MAX] {
        server.server_dn_offset = offset;
        assert_eq!(server.server_dn(), None, "offset {offset}");
    }
    let mut client = PerfClientInfo::new(1, None, Some("alice"));
    assert_eq!((client.machine_name(), client.user_name()), (None, Some("alice".into())));
    client.client_ip_offset = client.user_name_offset;
    client.client_ip_size = 13;
    assert_eq!(client.client_ip(), None);
}

#[test]
fn encoded_texts_are_found_at_their_offsets() {
    let long = "x".repeat(40_000);
    let process = PerfProcessInfo::new(1, Guid::NIL, Some("OUTLOOK.EXE"));
    assert_eq!(process.process_name(), Some("OUTLOOK.EXE".into()));
    let connection = ClientConnectionInfo::new(Guid::NIL, Some("ctx"), 3);
    assert_eq!(connection.context_info(), Some("ctx".into()));
    assert_eq!(ServerSessionInfo::new("ä").context_info(), Some("ä".into()));
    let device = ProtocolDeviceIdentification::new("MAPIProxy", "proxy", "0.1");
    assert_eq!(device.manufacturer(), Some("MAPIProxy".into()));
    assert_eq!(device.model(), Some("proxy".into()));
    assert_eq!(device.version(), Some("0.1".into()));
    assert_eq!((device.serial_number(), device.firmware_version()), (None, None));
    let far = PerfServerInfo::new(1, ServerType::SERVERTYPE_UNKNOWN, Some(&long), Some("EX1"));
    assert_eq!(far.server_name_offset, 0, "an offset that does not fit in 16 bits is written as zero");
    let aux_type = AuxType::AUX_TYPE_PERF_SERVERINFO;
    assert!(AuxBlock::new(AuxVersion::AUX_VERSION_1, aux_type, far.into()).to_bytes().is_err());
}

#[test]
fn inconsistent_sizes_are_refused() {
    for bad in ["0300 01 17", "0000 01 17", "0900 01 17 03000000", "ffff 01 17 03000000"] {
        assert!(AuxBuffer::from_bytes(&hex(bad)).is_err(), "{bad}");
    }
    let trailing = hex("0800 01 17 03000000 010203");
    let buffer = AuxBuffer::from_bytes(&trailing).unwrap();
    assert_eq!((buffer.blocks.len(), &buffer.trailing[..]), (1, &[1, 2, 3][..]));
    assert_eq!(buffer.to_bytes().unwrap(), trailing);
    assert!(AuxBuffer { blocks: Vec::new(), trailing: vec![0; 4] }.to_bytes().is_err());
}

proptest! {
    #[test]
    fn blocks_round_trip(version in 0..4_u8, aux_type: u8, content in vec(any::<u8>(), 0..200)) {
        let mut bytes = u16::try_from(content.len() + HEADER_SIZE).unwrap().to_le_bytes().to_vec();
        bytes.extend([version, aux_type]);
        bytes.extend(content);
        let block = AuxBlock::from_bytes(&bytes).unwrap();
        prop_assert_eq!(block.to_bytes().unwrap(), bytes);
    }

    #[test]
    fn known_blocks_round_trip(version in 1..3_u8, aux_type in 1..=0x4e_u8, content in vec(any::<u8>(), 0..200)) {
        let mut bytes = u16::try_from(content.len() + HEADER_SIZE).unwrap().to_le_bytes().to_vec();
        bytes.extend([version, aux_type]);
        bytes.extend(content);
        let buffer = AuxBuffer::from_bytes(&bytes.repeat(2)).unwrap();
        prop_assert_eq!(buffer.blocks.len(), 2);
        prop_assert_eq!(buffer.to_bytes().unwrap(), bytes.repeat(2));
    }

    #[test]
    fn buffers_of_any_bytes_round_trip_or_are_refused(bytes in vec(any::<u8>(), 0..64), small: bool) {
        let mut bytes = bytes;
        if small && bytes.len() > 4 {
            bytes[..2].copy_from_slice(&[8, 0]);
        }
        if let Ok(buffer) = AuxBuffer::from_bytes(&bytes) {
            prop_assert_eq!(buffer.to_bytes().unwrap(), bytes);
        }
    }
}

#[test]
fn a_block_is_inspected_by_the_names_of_its_fields() {
    let body = AuxBody::from(PerfRequestId { session_id: 1, request_id: 2 });
    let fields = vec![("SessionID".into(), Node::Number(1)), ("RequestID".into(), Node::Number(2))];
    assert_eq!(body.to_node(), Node::Fields(fields));
}
