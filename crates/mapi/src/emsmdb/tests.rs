//! Tests of the calls of EMSMDB.

mod vectors;

use proptest::collection::vec;
use proptest::prelude::*;
use rpc::ndr::{CharString, ConformantVarying, ContextHandle, Ptr};
use wire::{Decode, Encode, Endian, Guid};

use super::*;
use crate::{ErrorCode, Interface};

#[test]
fn opnums_have_the_names_of_the_interface() {
    for opnum in 0..15 {
        let name = Interface::Emsmdb.operation(opnum).unwrap();
        if let Ok((request, _)) = Request::decode(opnum, &[0; 256], Endian::Little) {
            assert_eq!((request.opnum(), request.name()), (opnum, name));
            assert_eq!(matches!(request, Request::Opaque(_)), matches!(opnum, 3 | 7 | 8 | 12 | 13), "{name}");
        }
        let (response, _) = Response::decode(opnum, &[0; 256], Endian::Little).unwrap();
        assert_eq!((response.opnum(), response.name()), (opnum, name));
    }
    assert!(Request::decode(15, &[], Endian::Little).is_err());
    assert!(Response::decode(15, &[], Endian::Little).is_err());
    assert!(AsyncRequest::decode(1, &[0; 64], Endian::Little).is_err());
    let (wait, _) = AsyncRequest::decode(0, &[0; 24], Endian::Little).unwrap();
    assert_eq!(wait.name(), "asyncemsmdb.EcDoAsyncWaitEx");
}

#[test]
fn versions_are_normalized_as_specified() {
    // [MS-OXCRPC] 3.1.4.1.3.1 has 08.01.0215.000; the other version was recorded.
    let exchange = Version::new(8, 1, 215, 0).unwrap();
    assert_eq!(exchange, Version([0x0801, 0x80d7, 0]));
    assert_eq!(exchange.normalized(), [8, 1, 215, 0]);
    assert_eq!(Version([0x0f00, 0x834f, 0x0fc8]).to_string(), "15.0.847.4040");
    let old = Version::legacy(6, 6755, 0).unwrap();
    assert_eq!(old, Version([6, 6755, 0]));
    assert_eq!(old.normalized(), [6, 0, 6755, 0]);
    assert!(exchange.at_least(old) && !old.at_least(exchange) && old.at_least(old));
    assert!(Version::new(8, 1, 0x8000, 0).is_none() && Version::legacy(6, 0x8000, 0).is_none());
}

#[test]
fn counts_that_contradict_each_other_are_refused() {
    let request = Request::from(EcDoRpcExt2Request {
        handle: ContextHandle::NULL,
        flags: RpcFlags::NO_COMPRESSION,
        rgb_in: InBytes(vec![1, 2, 3]),
        out_max: 0,
        aux_in: InBytes::default(),
        aux_out_max: 0,
    });
    let stub = request.encode().unwrap();
    let count_at = 20 /* pcxh */ + 4 /* pulFlags */;
    assert_eq!(stub[count_at..count_at + 4], [3, 0, 0, 0]);
    for (at, value) in [(count_at, 2), (count_at, 0xff), (count_at + 3, 0xff), (count_at + 8, 4)] {
        let mut lie = stub.clone();
        lie[at] = value;
        assert!(Request::decode(11, &lie, Endian::Little).is_err(), "byte {at} as {value}");
    }
    for length in 0..stub.len() {
        assert!(Request::decode(11, &stub[..length], Endian::Little).is_err(), "{length} bytes");
    }
}

#[test]
fn bytes_after_the_last_parameter_are_returned() {
    let (request, rest) = Request::decode(1, &[7; 23], Endian::Little).unwrap();
    assert_eq!(request.handle().unwrap().attributes, 0x0707_0707);
    assert_eq!(rest, [7; 3]);
}

#[test]
fn buffers_of_exchange_2000_are_obfuscated() {
    let handle = ContextHandle::new(Guid::from_le([9; 16]));
    let mut request = EcDoRpcRequest::new(handle, b"\x02\0\xff\xff\xff\xff".to_vec(), 0x7fff).unwrap();
    assert_eq!(request.rgb.items, [0xa7, 0xa5, 0x5a, 0x5a, 0x5a, 0x5a]);
    assert_eq!((request.length, request.rgb.spare), (6, 0x7ff9));
    request.set_payload(vec![0xa5; 0x8000]).unwrap();
    assert_eq!((request.length, request.rgb.spare), (0x8000, 0));
    assert_eq!(request.payload(), vec![0xa5; 0x8000]);
    assert!(request.set_payload(vec![0; 0x1_0000]).is_err());
    assert_eq!(request.length, 0x8000, "what does not fit changes nothing");
}

#[test]
fn names_are_visited() {
    let mut seen = Vec::new();
    let mut request = Request::from(connect_request(CharString::new("/o=a/cn=b")));
    request.visit_names_mut(&mut |name| {
        seen.push(name.to_string_lossy());
        name.set(b"/o=c".to_vec());
    });
    assert_eq!(seen, ["/o=a/cn=b"]);
    assert_eq!(request, Request::from(connect_request(CharString::new("/o=c"))));
}

fn connect_request(user_dn: CharString) -> EcDoConnectRequest {
    EcDoConnectRequest {
        user_dn,
        flags: 0,
        connection_mod: 0,
        limit: 0,
        code_page: 1252,
        lcid_string: 1033,
        lcid_sort: 1033,
        icxr_link: u32::MAX,
        can_convert_code_pages: 1,
        client_version: Version([6, 1, 2]),
        time_stamp: 0,
    }
}

#[test]
fn the_size_of_a_rop_buffer_includes_its_size_field() {
    let buffer = RopBuffer::new(vec![1, 0, 0], vec![NO_OBJECT, 5]);
    let bytes = buffer.to_bytes().unwrap();
    assert_eq!(bytes, [5, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 5, 0, 0, 0]);
    assert_eq!(RopBuffer::from_bytes(&bytes).unwrap(), buffer);
    assert_eq!((buffer.handle(1), buffer.handle(2)), (Some(5), None));
    for bad in [&[][..], &[2], &[0, 0], &[1, 0], &[5, 0, 1, 0]] {
        assert!(RopBuffer::from_bytes(bad).is_err(), "{bad:?}");
    }
    assert!(RopBuffer::new(vec![0; 0xfffe], Vec::new()).to_bytes().is_err());
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}

prop_compose! {
    fn handle()(attributes: u32, uuid: [u8; 16]) -> ContextHandle {
        ContextHandle { attributes, uuid: Guid::from_le(uuid) }
    }
}

prop_compose! {
    fn text()(text in vec(1..=255_u8, 0..30)) -> CharString {
        CharString::new(text)
    }
}

prop_compose! {
    fn array()(offset in 0..3_u32, items in bytes(), spare in 0..9_u32) -> ConformantVarying<u8> {
        ConformantVarying { offset, items, spare }
    }
}

prop_compose! {
    fn connect()(
        user_dn in text(), words: [u32; 8], can_convert_code_pages: u16, version: [u16; 3], aux in bytes(),
        aux_out_max: u32,
    ) -> (EcDoConnectRequest, EcDoConnectExRequest) {
        let [flags, connection_mod, limit, code_page, lcid_string, lcid_sort, icxr_link, time_stamp] = words;
        let client_version = Version(version);
        let old = EcDoConnectRequest {
            user_dn: user_dn.clone(), flags, connection_mod, limit, code_page, lcid_string, lcid_sort, icxr_link,
            can_convert_code_pages, client_version, time_stamp,
        };
        let new = EcDoConnectExRequest {
            user_dn, flags, connection_mod, limit, code_page, lcid_string, lcid_sort, icxr_link,
            can_convert_code_pages, client_version, time_stamp, aux_in: InBytes(aux), aux_out_max,
        };
        (old, new)
    }
}

prop_compose! {
    fn connected()(
        handle in handle(), words: [u32; 5], icxr: u16, names in proptest::array::uniform2(
            proptest::option::of(text())), versions: [[u16; 3]; 2], aux in array(),
    ) -> (EcDoConnectResponse, EcDoConnectExResponse) {
        let [polls_max, retry, retry_delay, time_stamp, code] = words;
        let [dn_prefix, display_name] = names.map(Ptr::from);
        let [server_version, best_version] = versions.map(Version);
        let return_value = ErrorCode(code);
        let old = EcDoConnectResponse {
            handle, polls_max, retry, retry_delay, icxr, dn_prefix: dn_prefix.clone(),
            display_name: display_name.clone(), server_version, best_version, time_stamp, return_value,
        };
        let new = EcDoConnectExResponse {
            handle, polls_max, retry, retry_delay, icxr, dn_prefix, display_name, server_version, best_version,
            time_stamp, aux_out: OutBytes(aux), return_value,
        };
        (old, new)
    }
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        connect().prop_map(|(old, _)| old.into()),
        connect().prop_map(|(_, new)| new.into()),
        handle().prop_map(|handle| EcDoDisconnectRequest { handle }.into()),
        handle().prop_map(|handle| EcDoAsyncConnectExRequest { handle }.into()),
        Just(EcDummyRpcRequest {}.into()),
        (handle(), array(), any::<(u16, u16)>()).prop_map(|(handle, rgb, (length, max_length))| {
            EcDoRpcRequest { handle, rgb, length, max_length }.into()
        }),
        (handle(), any::<(u32, u32)>(), bytes(), array()).prop_map(
            |(handle, (flags, out_max), rgb, reserved)| {
                let (flags, reserved) = (RpcFlags(flags), OutBytes(reserved));
                EcDoRpcExtRequest { handle, flags, rgb_in: InBytes(rgb), out_max, reserved }.into()
            }
        ),
        (handle(), any::<[u32; 3]>(), bytes(), bytes()).prop_map(|(handle, words, rgb, aux)| {
            let [flags, out_max, aux_out_max] = words;
            let (flags, rgb_in, aux_in) = (RpcFlags(flags), InBytes(rgb), InBytes(aux));
            EcDoRpcExt2Request { handle, flags, rgb_in, out_max, aux_in, aux_out_max }.into()
        }),
        (handle(), any::<(u32, u32)>(), bytes(), bytes()).prop_map(|(handle, (rpc, advise_bits), a, b)| {
            let (context, callback_address) = (ShortInBytes(a), ShortInBytes(b));
            EcRRegisterPushNotificationRequest { handle, rpc, context, advise_bits, callback_address }.into()
        }),
        (handle(), vec(any::<u32>(), 0..4)).prop_map(|(handle, unknown)| {
            EcRUnregisterPushNotificationRequest { handle, unknown: Words(unknown) }.into()
        }),
        (prop_oneof![Just(3_u16), Just(7), Just(8), Just(12), Just(13)], bytes())
            .prop_map(|(opnum, stub)| Request::Opaque(OpaqueStub { opnum, stub })),
    ]
}

fn response() -> impl Strategy<Value = Response> {
    let code = || any::<u32>().prop_map(ErrorCode);
    prop_oneof![
        connected().prop_map(|(old, _)| old.into()),
        connected().prop_map(|(_, new)| new.into()),
        (handle(), code())
            .prop_map(|(handle, return_value)| { EcDoDisconnectResponse { handle, return_value }.into() }),
        (handle(), code()).prop_map(|(async_handle, return_value)| {
            EcDoAsyncConnectExResponse { async_handle, return_value }.into()
        }),
        code().prop_map(|return_value| EcDummyRpcResponse { return_value }.into()),
        (handle(), array(), any::<u16>(), code()).prop_map(|(handle, rgb, length, return_value)| {
            EcDoRpcResponse { handle, rgb, length, return_value }.into()
        }),
        (handle(), any::<[u32; 2]>(), array(), array(), code()).prop_map(
            |(handle, [flags, trans_time], rgb, reserved, return_value)| {
                let (flags, rgb_out, reserved) = (RpcFlags(flags), OutBytes(rgb), OutBytes(reserved));
                EcDoRpcExtResponse { handle, flags, rgb_out, reserved, trans_time, return_value }.into()
            }
        ),
        (handle(), any::<[u32; 2]>(), array(), array(), code()).prop_map(
            |(handle, [flags, trans_time], rgb, aux, return_value)| {
                let (flags, rgb_out, aux_out) = (RpcFlags(flags), OutBytes(rgb), OutBytes(aux));
                EcDoRpcExt2Response { handle, flags, rgb_out, aux_out, trans_time, return_value }.into()
            }
        ),
        (handle(), any::<u32>(), code()).prop_map(|(handle, notification, return_value)| {
            EcRRegisterPushNotificationResponse { handle, notification, return_value }.into()
        }),
        (handle(), code()).prop_map(|(handle, return_value)| {
            EcRUnregisterPushNotificationResponse { handle, return_value }.into()
        }),
        (prop_oneof![Just(3_u16), Just(7), Just(8), Just(12), Just(13)], bytes())
            .prop_map(|(opnum, stub)| Response::Opaque(OpaqueStub { opnum, stub })),
    ]
}

proptest! {
    #[test]
    fn requests_round_trip(request in request()) {
        let stub = request.encode().unwrap();
        let (again, rest) = Request::decode(request.opnum(), &stub, Endian::Little).unwrap();
        prop_assert_eq!(&again, &request);
        prop_assert!(rest.is_empty());
        prop_assert_eq!(again.encode().unwrap(), stub);
    }

    #[test]
    fn responses_round_trip(response in response()) {
        let stub = response.encode().unwrap();
        let (again, rest) = Response::decode(response.opnum(), &stub, Endian::Little).unwrap();
        prop_assert_eq!(&again, &response);
        prop_assert!(rest.is_empty());
        prop_assert_eq!(again.encode().unwrap(), stub);
    }

    #[test]
    fn accessors_return_the_context_handle(mut request in request(), mut response in response(),
        new in handle())
    {
        let had = request.handle().copied();
        if let Some(handle) = request.handle_mut() {
            prop_assert_eq!(had, Some(std::mem::replace(handle, new)));
            prop_assert_eq!(request.handle(), Some(&new));
            let stub = request.encode().unwrap();
            prop_assert_eq!(&stub[4..20], new.uuid.to_le());
        }
        if let Some(handle) = response.handle_mut() {
            *handle = new;
            let stub = response.encode().unwrap();
            prop_assert_eq!(&stub[4..20], new.uuid.to_le());
        }
    }

    #[test]
    fn stubs_of_any_bytes_decode_to_what_encodes(opnum in 0..16_u16, stub in vec(any::<u8>(), 0..200), big: bool) {
        let endian = if big { Endian::Big } else { Endian::Little };
        if let Ok((request, _)) = Request::decode(opnum, &stub, endian) {
            let again = request.encode().unwrap();
            prop_assert_eq!(Request::decode(opnum, &again, Endian::Little).unwrap().0, request);
        }
        if let Ok((response, _)) = Response::decode(opnum, &stub, endian) {
            let again = response.encode().unwrap();
            prop_assert_eq!(Response::decode(opnum, &again, Endian::Little).unwrap().0, response);
        }
    }

    #[test]
    fn normalized_versions_convert_back(major: u8, minor: u8, build in 0..0x8000_u16, revision: u16) {
        let version = Version::new(major, minor, build, revision).unwrap();
        prop_assert_eq!(version.normalized(), [major.into(), minor.into(), build, revision]);
        let old = Version::legacy(major.into(), build, revision).unwrap();
        prop_assert_eq!(old.normalized(), [major.into(), 0, build, revision]);
    }

    #[test]
    fn rop_buffers_round_trip(bytes in vec(any::<u8>(), 2..60), size in 2..20_u8) {
        let mut bytes = bytes;
        bytes[..2].copy_from_slice(&[size, 0]);
        if let Ok(buffer) = RopBuffer::from_bytes(&bytes) {
            prop_assert_eq!(buffer.to_bytes().unwrap(), bytes);
        } else {
            prop_assert!(usize::from(size) > bytes.len());
        }
    }
}
