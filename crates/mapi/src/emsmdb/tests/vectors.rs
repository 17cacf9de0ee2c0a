//! Stubs that other implementations encoded.
//!
//! The stubs of Exchange 2000 were checked with `tshark` 4.0, which decodes the same values from the PDUs and
//! ROPs; the others were encoded by `scapy-rpc` 0.0.8 (`msrpcs.ms_oxcrpc`, generated from
//! the IDL of [MS-OXCRPC] v25).

use super::*;
use crate::rop::logon::{
    LogonFlags, LogonTime, OpenFlags, PrivateLogon, ResponseFlags, RopLogonRequest, RopLogonResponse,
};
use crate::rop::{Bytes16, RequestBody, ResponseBody, RopReply, RopRequest};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// The context handle in all stubs.
fn handle() -> ContextHandle {
    ContextHandle::new(Guid::from_le(*b"\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x20"))
}

/// One extended buffer with `AUX_ENDPOINT_CAPABILITIES`-like contents.
fn aux() -> Vec<u8> {
    hex("0000040008000800 0800011801000000")
}

/// One extended buffer with `RopRelease`.
fn rop() -> Vec<u8> {
    hex("0000040009000900 0500010000 01000000")
}

fn request(opnum: u16, stub: &str, expected: impl Into<Request>) {
    let (stub, expected) = (hex(stub), expected.into());
    let (request, rest) = Request::decode(opnum, &stub, Endian::Little).unwrap();
    assert_eq!(request, expected);
    assert_eq!(rest, b"");
    assert_eq!(request.encode().unwrap(), stub);
    assert_eq!(expected.opnum(), opnum);
}

fn response(opnum: u16, stub: &str, expected: impl Into<Response>) {
    let (stub, expected) = (hex(stub), expected.into());
    let (response, rest) = Response::decode(opnum, &stub, Endian::Little).unwrap();
    assert_eq!(response, expected);
    assert_eq!(rest, b"");
    assert_eq!(response.encode().unwrap(), stub);
    assert_eq!(response.return_value(), Some(ErrorCode::SUCCESS));
}

fn connect_ex() -> EcDoConnectExRequest {
    EcDoConnectExRequest {
        user_dn: CharString::new("/o=Lab/ou=First/cn=Recipients/cn=alice"),
        flags: 0,
        connection_mod: 0x1234,
        limit: 0,
        code_page: 1252,
        lcid_string: 1033,
        lcid_sort: 1033,
        icxr_link: u32::MAX,
        can_convert_code_pages: 1,
        client_version: Version::new(15, 0, 847, 4040).unwrap(),
        time_stamp: 0,
        aux_in: InBytes(aux()),
        aux_out_max: MAX_RGB_AUX,
    }
}

#[test]
fn a_connect_request_is_decoded() {
    request(
        10,
        "2700000000000000270000002f6f3d4c61622f6f753d46697273742f636e3d526563697069656e74732f \
         636e3d616c6963650000000000003412000000000000e40400000904000009040000ffffffff0100000f \
         4f83c80f0000000010000000000004000800080008000118010000001000000008100000",
        connect_ex(),
    );
}

#[test]
fn a_connect_response_is_decoded() {
    response(
        10,
        "000000001112131415161718191a1b1c1d1e1f2060ea0000060000001027000007000000000002000700 \
         000000000000070000002f6f3d4c61620000000002000e000000000000000e000000416c696365204578 \
         616d706c6500000f4f83c80f000f4f83c80f000034120000100000000000000010000000000004000800 \
         080008000118010000001000000000000000",
        EcDoConnectExResponse {
            handle: handle(),
            polls_max: 60_000,
            retry: 6,
            retry_delay: 10_000,
            icxr: 7,
            dn_prefix: Ptr::new(CharString::new("/o=Lab")),
            display_name: Ptr::new(CharString::new("Alice Example")),
            server_version: Version::new(15, 0, 847, 4040).unwrap(),
            best_version: Version::new(15, 0, 847, 4040).unwrap(),
            time_stamp: 0x1234,
            aux_out: OutBytes::new(aux()),
            return_value: ErrorCode::SUCCESS,
        },
    );
}

fn rpc_ext2() -> EcDoRpcExt2Request {
    EcDoRpcExt2Request {
        handle: handle(),
        flags: RpcFlags::NO_COMPRESSION | RpcFlags::NO_XOR_MAGIC,
        rgb_in: InBytes(rop()),
        out_max: 0x18008,
        aux_in: InBytes::default(),
        aux_out_max: MAX_RGB_AUX,
    }
}

#[test]
fn a_rop_request_is_decoded() {
    request(
        11,
        "000000001112131415161718191a1b1c1d1e1f2003000000110000000000040009000900050001000001 \
         0000000000001100000008800100000000000000000008100000",
        rpc_ext2(),
    );
}

fn rpc_ext2_result() -> EcDoRpcExt2Response {
    EcDoRpcExt2Response {
        handle: handle(),
        flags: RpcFlags::NONE,
        rgb_out: OutBytes::new(rop()),
        aux_out: OutBytes::default(),
        trans_time: 16,
        return_value: ErrorCode::SUCCESS,
    }
}

#[test]
fn a_rop_response_is_decoded() {
    response(
        11,
        "000000001112131415161718191a1b1c1d1e1f2000000000110000000000000011000000000004000900 \
         090005000100000100000000000011000000000000000000000000000000000000001000000000000000",
        rpc_ext2_result(),
    );
}

#[test]
fn a_disconnect_is_decoded() {
    request(1, "000000001112131415161718191a1b1c1d1e1f20", EcDoDisconnectRequest { handle: handle() });
    response(
        1,
        "000000000000000000000000000000000000000000000000",
        EcDoDisconnectResponse { handle: ContextHandle::NULL, return_value: ErrorCode::SUCCESS },
    );
}

fn register() -> EcRRegisterPushNotificationRequest {
    EcRRegisterPushNotificationRequest {
        handle: handle(),
        rpc: 0,
        context: ShortInBytes(b"ctx".to_vec()),
        advise_bits: u32::MAX,
        callback_address: ShortInBytes(hex("02001f907f0000010000000000000000")),
    }
}

#[test]
fn a_push_registration_is_decoded() {
    request(
        4,
        "000000001112131415161718191a1b1c1d1e1f2000000000030000006374780003000000ffffffff1000 \
         000002001f907f00000100000000000000001000",
        register(),
    );
    response(
        4,
        "000000001112131415161718191a1b1c1d1e1f200500000000000000",
        EcRRegisterPushNotificationResponse {
            handle: handle(),
            notification: 5,
            return_value: ErrorCode::SUCCESS,
        },
    );
}

#[test]
fn a_dummy_call_is_decoded() {
    request(6, "", EcDummyRpcRequest {});
    response(6, "00000000", EcDummyRpcResponse { return_value: ErrorCode::SUCCESS });
}

#[test]
fn an_asynchronous_connect_is_decoded() {
    request(14, "000000001112131415161718191a1b1c1d1e1f20", EcDoAsyncConnectExRequest { handle: handle() });
    response(
        14,
        "000000001112131415161718191a1b1c1d1e1f2000000000",
        EcDoAsyncConnectExResponse { async_handle: handle(), return_value: ErrorCode::SUCCESS },
    );
}

#[test]
fn an_asynchronous_wait_is_decoded() {
    let stub = hex("000000001112131415161718191a1b1c1d1e1f2000000000");
    let wait = AsyncRequest::from(EcDoAsyncWaitExRequest { async_handle: handle(), flags: 0 });
    assert_eq!(AsyncRequest::decode(0, &stub, Endian::Little).unwrap(), (wait.clone(), &[][..]));
    assert_eq!(wait.encode().unwrap(), stub);
    assert_eq!(wait.handle(), Some(&handle()));
    let stub = hex("0100000000000000");
    let done = EcDoAsyncWaitExResponse { flags: NOTIFICATION_PENDING, return_value: ErrorCode::SUCCESS };
    let done = AsyncResponse::from(done);
    assert_eq!(AsyncResponse::decode(0, &stub, Endian::Little).unwrap(), (done.clone(), &[][..]));
    assert_eq!(done.encode().unwrap(), stub);
    assert_eq!((done.handle(), done.return_value()), (None, ErrorCode::SUCCESS));
}

/// The same values in big-endian byte order. The handle's UUID is encoded as bytes, so that it decodes to another
/// value.
#[test]
fn big_endian_stubs_are_decoded() {
    let swapped = ContextHandle::new(Guid::new(
        0x1112_1314,
        0x1516,
        0x1718,
        [0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20],
    ));
    let stub = hex("000000001112131415161718191a1b1c1d1e1f2000000003000000110000040009000900050001000001 \
         0000000000000000001100018008000000000000000000001008");
    let expected = EcDoRpcExt2Request { handle: swapped, ..rpc_ext2() };
    assert_eq!(Request::decode(11, &stub, Endian::Big).unwrap(), (expected.into(), &[][..]));
    let stub = hex("000000001112131415161718191a1b1c1d1e1f2000000000000000110000000000000011000004000900 \
         090005000100000100000000000000000011000000000000000000000000000000000000001000000000");
    let expected = EcDoRpcExt2Response { handle: swapped, ..rpc_ext2_result() };
    assert_eq!(Response::decode(11, &stub, Endian::Big).unwrap(), (expected.into(), &[][..]));
    let stub = hex("000000001112131415161718191a1b1c1d1e1f2000000000000000036374780000030000ffffffff0000 \
         001002001f907f00000100000000000000000010");
    let expected = EcRRegisterPushNotificationRequest { handle: swapped, ..register() };
    assert_eq!(Request::decode(4, &stub, Endian::Big).unwrap(), (expected.into(), &[][..]));
}

#[test]
fn an_exchange_2000_connect_is_decoded() {
    let version = Version::legacy(6, 6755, 1).unwrap();
    request(
        0,
        "2700000000000000270000002f6f3d4c61622f6f753d46697273742f636e3d526563697069656e74732f \
         636e3d616c6963650000000000003412000000000000e40400000904000009040000ffffffff01000600 \
         631a010055000000",
        EcDoConnectRequest {
            connection_mod: 0x1234,
            client_version: version,
            time_stamp: 0x55,
            ..connect_request(CharString::new("/o=Lab/ou=First/cn=Recipients/cn=alice"))
        },
    );
    response(
        0,
        "000000003031323334353637383961626364656660ea0000060000001027000007000000000002000700 \
         000000000000070000002f6f3d4c6162000004000200060000000000000006000000416c696365000600 \
         631a01000600631a010000007700000000000000",
        EcDoConnectResponse {
            handle: old_handle(),
            polls_max: 60_000,
            retry: 6,
            retry_delay: 10_000,
            icxr: 7,
            dn_prefix: Ptr::new(CharString::new("/o=Lab")),
            display_name: Ptr::new(CharString::new("Alice")),
            server_version: version,
            best_version: version,
            time_stamp: 0x77,
            return_value: ErrorCode::SUCCESS,
        },
    );
}

fn old_handle() -> ContextHandle {
    ContextHandle::new(Guid::from_le(*b"0123456789abcdef"))
}

#[test]
fn an_exchange_2000_logon_is_decoded() {
    let logon = RopLogonRequest {
        logon_flags: LogonFlags::PRIVATE,
        open_flags: OpenFlags::HOME_LOGON | OpenFlags::USE_PER_MDB_REPLID_MAPPING,
        store_state: 0,
        essdn: Bytes16(b"/o=Lab/cn=alice\0"[..].into()),
    };
    let logon = RopRequest { logon_id: 0, handle_index: 0, body: RequestBody::RopLogon(logon) };
    let payload = RopBuffer::new(logon.to_bytes().unwrap(), vec![NO_OBJECT]).to_bytes().unwrap();
    request(
        2,
        "0000000030313233343536373839616263646566ff7f0000000000002400000085a55ba5a5a4a1a5a5a4 \
         a5a5a5a5b5a58aca98e9c4c78ac6cb98c4c9ccc6c0a55a5a5a5a2400ff7f",
        EcDoRpcRequest::new(old_handle(), payload, 0x7fff).unwrap(),
    );
    let logon = RopLogonResponse::Private(Box::new(PrivateLogon {
        logon_flags: LogonFlags::PRIVATE,
        folder_ids: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
        response_flags: ResponseFlags(7),
        mailbox_guid: old_handle().uuid,
        replica_id: 1,
        replica_guid: old_handle().uuid,
        logon_time: LogonTime {
            seconds: 1,
            minutes: 2,
            hour: 3,
            day_of_week: 4,
            day: 5,
            month: 6,
            year: 2026,
        },
        gwart_time: 9,
        store_state: 0,
    }));
    let body = ResponseBody::RopLogon(logon);
    let logon = RopReply { handle_index: 0, return_value: ErrorCode::SUCCESS, body };
    let payload = RopBuffer::new(logon.to_bytes().unwrap(), vec![5]).to_bytes().unwrap();
    response(
        2,
        "0000000030313233343536373839616263646566ff7f000000000000ac0000000da55ba5a5a5a5a5a4a4 \
         a5a5a5a5a5a5a5a7a5a5a5a5a5a5a5a6a5a5a5a5a5a5a5a1a5a5a5a5a5a5a5a0a5a5a5a5a5a5a5a3a5a5 \
         a5a5a5a5a5a2a5a5a5a5a5a5a5ada5a5a5a5a5a5a5aca5a5a5a5a5a5a5afa5a5a5a5a5a5a5aea5a5a5a5 \
         a5a5a5a9a5a5a5a5a5a5a5a8a5a5a5a5a5a5a5a295949796919093929d9cc4c7c6c1c0c3a4a595949796 \
         919093929d9cc4c7c6c1c0c3a4a7a6a1a0a34fa2aca5a5a5a5a5a5a5a5a5a5a5a0a5a5a5ac0000000000 \
         0000",
        EcDoRpcResponse::new(old_handle(), payload, 0x7fff).unwrap(),
    );
}
