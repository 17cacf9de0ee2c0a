use mapi::aux_block::{
    AuxBlock, AuxBody, AuxBuffer, AuxType, AuxVersion, ClientConnectionInfo, PerfClientInfo, PerfProcessInfo,
    PerfServerInfo, ProtocolDeviceIdentification, ServerSessionInfo, ServerType,
};
use mapi::compress::{ExtendedBuffer, ExtendedFlags, Limits, compress, decode_chain, encode_chain};
use mapi::emsmdb::{
    LogonFlags, LogonTime, OpenFlags, PrivateLogon, PublicLogon, ResponseFlags, RopBuffer, RopLogonRequest,
    RopLogonResponse, RopLogonResult, RopReleaseRequest,
};
use mapi::nspi::{DisplayType, EntryId, EphemeralEntryId, FlatUid, MId, PermanentEntryId};
use mapi::{ErrorCode, nspi};
use wire::{Encode, Endian, Guid};

use super::chosen;

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
    // Those of which nobody else has stubs, and every operation's shortest answer.
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

/// The stub with zeros as padding, which is how the proxy writes it.
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
    let logon = RopLogonRequest {
        logon_id: 1,
        output_handle_index: 2,
        logon_flags: LogonFlags::PRIVATE,
        open_flags: OpenFlags::NO_MAIL,
        store_state: 5,
        essdn: b"/o=Lab/cn=Ann\0".to_vec(),
    };
    let rops = RopBuffer::new(bytes(&logon), vec![u32::MAX]);
    seeds.push(chosen(&[17, 0], &bytes(&rops)));
    seeds.push(chosen(&[18, 0], &bytes(&logon)));
    seeds.extend(logons().iter().map(|response| chosen(&[18, 2], &bytes(response))));
    let release = RopReleaseRequest { logon_id: 1, input_handle_index: 2 };
    seeds.push(chosen(&[19, 0], &bytes(&release)));
    seeds
}

/// A logon's answers, one of each kind.
fn logons() -> Vec<RopLogonResponse> {
    let guid = Guid::new(1, 2, 3, [4; 8]);
    let private = PrivateLogon {
        logon_flags: LogonFlags::PRIVATE,
        folder_ids: [9; 13],
        response_flags: ResponseFlags::RESERVED,
        mailbox_guid: guid,
        replica_id: 1,
        replica_guid: guid,
        logon_time: LogonTime {
            seconds: 1,
            minutes: 2,
            hour: 3,
            day_of_week: 4,
            day: 5,
            month: 6,
            year: 2026,
        },
        gwart_time: 7,
        store_state: 8,
    };
    let public = PublicLogon {
        logon_flags: LogonFlags::NONE,
        folder_ids: [9; 13],
        replica_id: 1,
        replica_guid: guid,
        per_user_guid: guid,
    };
    let redirect =
        RopLogonResult::Redirect { logon_flags: LogonFlags::PRIVATE, server_name: b"/cn=B\0".to_vec() };
    let results = [
        RopLogonResult::Private(Box::new(private)),
        RopLogonResult::Public(Box::new(public)),
        redirect,
        RopLogonResult::Failure { return_value: ErrorCode(0x8004_0111) },
    ];
    results.into_iter().map(|result| RopLogonResponse { output_handle_index: 1, result }).collect()
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
        ExtendedBuffer { flags: all, payload: b"again and again and again and again and again".to_vec() },
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
            ProtocolDeviceIdentification::new("us", "proxy", "1").into(),
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
