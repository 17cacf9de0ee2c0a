//! EMSMDB calls, extended buffers and auxiliary blocks of other implementations.
//!
//! The files in `data/` are stubs and `rgbOut` buffers recorded between a client and an Exchange-compatible
//! server; the `*.payload.bin` files were uncompressed by `dissect.util`.

use mapi::ErrorCode;
use mapi::aux_block::{AuxBody, AuxBuffer, AuxType};
use mapi::compress::{ExtendedBuffer, ExtendedFlags, Limits, decode_chain, decode_one, encode_chain};
use mapi::emsmdb::{NO_OBJECT, Request, Response, RopBuffer, Version};
use mapi::rop::logon::{LogonFlags, OpenFlags, ResponseFlags, RopLogonResponse};
use mapi::rop::{RequestBody, ResponseBody, ResponseMatcher, RopRequests, RopResponse, RopResponses};
use wire::{Decode, Encode, Endian};

const ALICE: &str = "/o=Gromox default/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/\
                     cn=0100000002000000-alice";

/// Decodes a request, and checks that it encodes to the same bytes.
fn request(opnum: u16, stub: &[u8]) -> Request {
    let (request, rest) = Request::decode(opnum, stub, Endian::Little).unwrap();
    assert_eq!(rest, b"");
    assert_eq!(request.encode().unwrap(), stub);
    request
}

/// Decodes a response, and checks that it encodes to the same bytes.
fn response(opnum: u16, stub: &[u8]) -> Response {
    let (response, rest) = Response::decode(opnum, stub, Endian::Little).unwrap();
    assert_eq!(rest, b"");
    assert_eq!(response.encode().unwrap(), stub);
    assert_eq!(response.return_value(), Some(ErrorCode::SUCCESS));
    response
}

/// The ROP buffer in the only extended buffer of `rgb`.
fn rops(rgb: &[u8]) -> RopBuffer {
    let chain = decode_chain(rgb, Limits::default()).unwrap();
    assert_eq!(chain.len(), 1);
    assert_eq!(encode_chain(&chain).unwrap(), rgb);
    let buffer = RopBuffer::from_bytes(&chain[0].payload).unwrap();
    assert_eq!(buffer.to_bytes().unwrap(), chain[0].payload);
    assert!(buffer.trailing.is_empty());
    buffer
}

#[test]
fn a_client_connects() {
    let Request::EcDoConnectEx(connect) = request(10, include_bytes!("data/EcDoConnectEx.request.bin"))
    else {
        panic!("another call");
    };
    assert!(
        connect.user_dn.to_string_lossy().starts_with("/o=Gromox default/ou=Exchange Administrative Group")
    );
    assert_eq!((connect.icxr_link, connect.aux_out_max), (u32::MAX, 0x1008));
    assert!(connect.aux_in.0.is_empty());
    let Response::EcDoConnectEx(connected) = response(10, include_bytes!("data/EcDoConnectEx.response.bin"))
    else {
        panic!("another call");
    };
    assert!(!connected.handle.is_null());
    assert_eq!((connected.polls_max, connected.retry, connected.retry_delay), (60_000, 6, 10_000));
    assert_eq!(connected.dn_prefix.get().unwrap().text, b"");
    assert_eq!(connected.display_name.get().unwrap().text, b"Alice Example");
    assert_eq!(connected.server_version, Version::new(15, 0, 847, 4040).unwrap());
    let aux = AuxBuffer::unpack(connected.aux_out.as_slice()).unwrap().unwrap();
    assert_eq!(aux.blocks.len(), 3);
    let control = aux.find(AuxType::AUX_TYPE_CLIENT_CONTROL).unwrap();
    assert!(matches!(&control.body, AuxBody::ClientControl(control) if control.expiry_time == 604_800_000));
}

#[test]
fn a_client_logs_on() {
    let Request::EcDoRpcExt2(call) = request(11, include_bytes!("data/EcDoRpcExt2_logon.request.bin")) else {
        panic!("another call");
    };
    let buffer = rops(&call.rgb_in.0);
    assert_eq!(buffer.handles, [NO_OBJECT]);
    let requests = RopRequests::decode(&buffer.rops, &());
    assert_eq!(requests.to_bytes().unwrap(), buffer.rops);
    let RequestBody::RopLogon(logon) = &requests.rops[0].body else { panic!("another ROP") };
    assert_eq!(logon.logon_flags, LogonFlags::PRIVATE);
    assert_eq!(logon.open_flags, OpenFlags::HOME_LOGON | OpenFlags::USE_PER_MDB_REPLID_MAPPING);
    assert_eq!(String::from_utf8_lossy(logon.dn()), ALICE);
    let mut renamed = logon.clone();
    renamed.set_dn(ALICE.as_bytes());
    assert_eq!(renamed, *logon);

    let Response::EcDoRpcExt2(result) = response(11, include_bytes!("data/EcDoRpcExt2_logon.response.bin"))
    else {
        panic!("another call");
    };
    assert_eq!(result.handle, call.handle);
    let buffer = rops(result.rgb_out.as_slice());
    assert_eq!(buffer.handles, [0]);
    let responses =
        RopResponses::decode(&buffer.rops, &mut ResponseMatcher::new(&requests.rops, &[NO_OBJECT], &()));
    assert_eq!(responses.to_bytes().unwrap(), buffer.rops);
    let [RopResponse::Reply(reply)] = &responses.rops[..] else { panic!("another response") };
    let ResponseBody::RopLogon(RopLogonResponse::Private(logon)) = &reply.body else {
        panic!("no private mailbox")
    };
    assert_eq!(logon.folder_ids[0], 0x0100_0000_0000_0001);
    assert_eq!(
        logon.response_flags,
        ResponseFlags::RESERVED | ResponseFlags::OWNER_RIGHT | ResponseFlags::SEND_AS_RIGHT
    );
    assert_eq!(logon.replica_id, 5);
    assert_eq!((logon.logon_time.year, logon.logon_time.month, logon.logon_time.day), (2026, 11, 21));
}

#[test]
fn a_client_opens_a_folder_and_leaves() {
    let Request::EcDoRpcExt2(call) = request(11, include_bytes!("data/EcDoRpcExt2_open_folder.request.bin"))
    else {
        panic!("another call");
    };
    let buffer = rops(&call.rgb_in.0);
    assert_eq!((buffer.rops[0], buffer.handles.len()), (0x02, 2));
    let Response::EcDoRpcExt2(result) =
        response(11, include_bytes!("data/EcDoRpcExt2_open_folder.response.bin"))
    else {
        panic!("another call");
    };
    assert_eq!(rops(result.rgb_out.as_slice()).handle(1), Some(1));
    let leaving = request(1, include_bytes!("data/EcDoDisconnect.request.bin"));
    assert_eq!(leaving.handle(), Some(&result.handle));
    let left = response(1, include_bytes!("data/EcDoDisconnect.response.bin"));
    assert!(left.handle().unwrap().is_null());
}

#[test]
fn compressed_buffers_of_another_encoder_are_read() {
    let recorded: [(&[u8], &[u8]); 4] = [
        (
            include_bytes!("data/rgbout_options_data.bin"),
            include_bytes!("data/rgbout_options_data.payload.bin"),
        ),
        (include_bytes!("data/rgbout_query_rows.bin"), include_bytes!("data/rgbout_query_rows.payload.bin")),
        (
            include_bytes!("data/rgbout_permissions_table.bin"),
            include_bytes!("data/rgbout_permissions_table.payload.bin"),
        ),
        (
            include_bytes!("data/rgbout_hierarchy_table.bin"),
            include_bytes!("data/rgbout_hierarchy_table.payload.bin"),
        ),
    ];
    for (packed, payload) in recorded {
        let buffer = decode_one(packed).unwrap();
        assert_eq!(buffer.flags, ExtendedFlags::COMPRESSED | ExtendedFlags::LAST);
        assert_eq!(buffer.payload, payload);
        let ours = buffer.to_bytes().unwrap();
        assert!(ours.len() <= packed.len() + packed.len() / 50, "{} for {}", ours.len(), packed.len());
        assert_eq!(ExtendedBuffer::from_bytes(&ours).unwrap(), buffer);
        assert!(!RopBuffer::from_bytes(payload).unwrap().rops.is_empty());
        for length in 0..packed.len() {
            assert!(decode_one(&packed[..length]).is_err());
        }
    }
}
