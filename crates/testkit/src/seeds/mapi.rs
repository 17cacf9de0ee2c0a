//! Seeds for fuzzing NSPI, EMSMDB and extended buffers.

use mapi::aux_block::{
    AuxBlock, AuxBody, AuxBuffer, AuxType, AuxVersion, ClientConnectionInfo, PerfClientInfo, PerfProcessInfo,
    PerfServerInfo, ProtocolDeviceIdentification, ServerSessionInfo, ServerType,
};
use mapi::compress::{ExtendedBuffer, ExtendedFlags, Limits, compress, decode_chain, encode_chain};
use mapi::emsmdb::RopBuffer;
use mapi::nspi;
use mapi::nspi::{DisplayType, EntryId, EphemeralEntryId, FlatUid, MId, PermanentEntryId};
use wire::{Encode, Endian, Guid};

use crate::input::chosen;

/// Stubs that another implementation made.
const STUBS: &str = include_str!("../../../mapi/tests/vectors/stubs.txt");

/// Stubs and buffers recorded between a client and an Exchange-compatible server: opnum, choice, bytes.
const CALLS: [(u8, u8, &[u8]); 8] = [
    (10, 0, include_bytes!("../../../mapi/tests/data/EcDoConnectEx.request.bin")),
    (10, 2, include_bytes!("../../../mapi/tests/data/EcDoConnectEx.response.bin")),
    (1, 0, include_bytes!("../../../mapi/tests/data/EcDoDisconnect.request.bin")),
    (1, 2, include_bytes!("../../../mapi/tests/data/EcDoDisconnect.response.bin")),
    (11, 0, include_bytes!("../../../mapi/tests/data/EcDoRpcExt2_logon.request.bin")),
    (11, 2, include_bytes!("../../../mapi/tests/data/EcDoRpcExt2_logon.response.bin")),
    (11, 0, include_bytes!("../../../mapi/tests/data/EcDoRpcExt2_open_folder.request.bin")),
    (11, 2, include_bytes!("../../../mapi/tests/data/EcDoRpcExt2_open_folder.response.bin")),
];

const CHAINS: [&[u8]; 4] = [
    include_bytes!("../../../mapi/tests/data/rgbout_hierarchy_table.bin"),
    include_bytes!("../../../mapi/tests/data/rgbout_options_data.bin"),
    include_bytes!("../../../mapi/tests/data/rgbout_permissions_table.bin"),
    include_bytes!("../../../mapi/tests/data/rgbout_query_rows.bin"),
];

fn bytes(value: &impl Encode) -> Vec<u8> {
    value.to_bytes().expect("a seed can be written")
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap_or_default());
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal digits")).collect()
}

pub(super) fn nspi() -> Vec<Vec<u8>> {
    let lines = STUBS.lines().filter(|line| !line.starts_with('#'));
    let mut seeds: Vec<_> = lines.filter_map(stub).collect();
    // Stubs that no other source has, and the shortest response of every operation.
    for opnum in 0..23 {
        seeds.push(chosen(&[opnum, 2], &[0; 64]));
        seeds.push(chosen(&[opnum, 0], &[0; 128]));
        seeds.push(chosen(&[opnum, 1], &[0; 128]));
    }
    for id in [
        EntryId::Ephemeral(EphemeralEntryId {
            provider_uid: FlatUid([7; 16]),
            display_type: DisplayType(0),
            mid: MId(16),
        }),
        EntryId::Permanent(PermanentEntryId {
            display_type: DisplayType(0),
            distinguished_name: b"/o=Lab/cn=Ann".to_vec(),
        }),
    ] {
        seeds.push(chosen(&[23, 0], &bytes(&id)));
    }
    seeds
}

/// A line of [`STUBS`] as the oracle reads it.
fn stub(line: &str) -> Option<Vec<u8>> {
    let mut fields = line.split_whitespace();
    let (interface, opnum) = (fields.next()?, fields.next()?.parse::<u8>().ok()?);
    let (direction, hex) = (fields.next()?, fields.next()?);
    let opnum = if interface == "rfr" { opnum + 21 } else { opnum };
    Some(chosen(
        &[opnum, if direction == "request" { 0 } else { 2 }],
        &canonical(opnum, direction, unhex(hex)),
    ))
}

/// The stub with zeros as padding, as the proxy encodes it.
fn canonical(opnum: u8, direction: &str, stub: Vec<u8>) -> Vec<u8> {
    let opnum = u16::from(opnum);
    let written = if direction == "request" {
        nspi::Request::decode(opnum, &stub, Endian::Little).ok().and_then(|(value, _)| value.encode().ok())
    } else {
        nspi::Response::decode(opnum, &stub, Endian::Little).ok().and_then(|(value, _)| value.encode().ok())
    };
    written.unwrap_or(stub)
}

pub(super) fn emsmdb() -> Vec<Vec<u8>> {
    let mut seeds: Vec<_> =
        CALLS.iter().map(|(opnum, choice, stub)| chosen(&[*opnum, *choice], stub)).collect();
    for opnum in 0..17 {
        seeds.push(chosen(&[opnum, 2], &[0; 64]));
        seeds.push(chosen(&[opnum, 0], &[0; 128]));
        seeds.push(chosen(&[opnum, 1], &[0; 128]));
    }
    let rops = RopBuffer::new(vec![0x01, 0x00, 0x00], vec![u32::MAX]);
    seeds.push(chosen(&[17, 0], &bytes(&rops)));
    seeds
}

pub(super) fn extended_buffers() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for rgb in CHAINS {
        seeds.push(chosen(&[2], rgb));
        seeds.push(chosen(&[3], rgb));
        for buffer in decode_chain(rgb, Limits::default()).expect("a recorded chain") {
            let size = u16::try_from(buffer.payload.len()).expect("a short payload").to_le_bytes();
            seeds.push(chosen(&[0, size[0], size[1]], &compress(&buffer.payload)));
            seeds.push(chosen(&[1], &buffer.payload));
        }
    }
    let all = ExtendedFlags::COMPRESSED | ExtendedFlags::XOR_MAGIC;
    let chain = [
        ExtendedBuffer { flags: all, payload: b"again and again and again and again and again"[..].into() },
        ExtendedBuffer::plain(b"plain".to_vec()),
    ];
    seeds.push(chosen(&[2], &encode_chain(&chain).expect("a seed can be written")));
    seeds.push(vec![4, 3, 0, 4, 0, b'a', b'b', b'a', b'b', 3, 2, 0, 1, 0, b'c', 0]);
    seeds
}

pub(super) fn aux_blocks() -> Vec<Vec<u8>> {
    let block = |aux_type, body: AuxBody| AuxBlock::new(AuxVersion::AUX_VERSION_1, aux_type, body);
    let buffer = AuxBuffer::new(vec![
        block(AuxType::AUX_TYPE_PERF_CLIENTINFO, PerfClientInfo::new(1, Some("PC"), Some("ann")).into()),
        block(
            AuxType::AUX_TYPE_PERF_SERVERINFO,
            PerfServerInfo::new(1, ServerType(3), Some("/cn=EXCH"), Some("EXCH")).into(),
        ),
        block(
            AuxType::AUX_TYPE_PERF_PROCESSINFO,
            PerfProcessInfo::new(1, Guid::NIL, Some("outlook.exe")).into(),
        ),
        block(
            AuxType::AUX_CLIENT_CONNECTION_INFO,
            ClientConnectionInfo::new(Guid::NIL, Some("context"), 1).into(),
        ),
        block(AuxType::AUX_SERVER_SESSION_INFO, ServerSessionInfo::new("session").into()),
        block(
            AuxType::AUX_PROTOCOL_DEVICE_IDENTIFICATION,
            ProtocolDeviceIdentification::new("MAPIProxy", "proxy", "1").into(),
        ),
    ]);
    let plain = bytes(&buffer);
    let packed = encode_chain(&[ExtendedBuffer::with_flags(ExtendedFlags::COMPRESSED, plain.clone())]);
    let mut seeds = vec![chosen(&[0], &plain), chosen(&[1], &packed.expect("a seed can be written"))];
    // A client's address of 16 bytes, at the end of a block that has four of them.
    let mut client = [0; 32];
    client[10] = 16;
    client[12] = 32;
    seeds.push(chosen(&[2, AuxType::AUX_TYPE_PERF_CLIENTINFO.0, 1, 32], &client));
    for aux_type in 1..0x50 {
        for version in [1, 2] {
            seeds.push(chosen(&[2, aux_type, version, 60], &[0; 60]));
        }
    }
    seeds
}
