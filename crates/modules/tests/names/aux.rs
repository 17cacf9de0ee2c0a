//! Names of servers in the auxiliary buffers of RPC calls.

use engine::Interface;
use mapi::aux_block::{
    AuxBlock, AuxBody, AuxBuffer, AuxType, AuxVersion, ExOrgInfo, OrgFlags, ServerSessionInfo,
};
use mapi::compress::ExtendedBuffer;
use mapi::ndr::{CharString, ContextHandle, Ptr};
use mapi::{ErrorCode, emsmdb};
use wire::{Encode as _, Endian};

use crate::calls::Book;
use crate::setup::{DATABASE, engine, holds};

#[test]
fn names_of_the_server_are_removed_from_auxiliary_blocks_and_replaced_in_the_prefix_of_names() {
    let engine = engine("exch1.lab.test", None);
    let mut book = Book::open(&engine, "a");
    let kept: AuxBody = ExOrgInfo { org_flags: OrgFlags::default() }.into();
    let naming: AuxBody = ServerSessionInfo::new("Server=EXCH1.lab.test").into();
    let one = AuxVersion::AUX_VERSION_1;
    let blocks = vec![
        AuxBlock::new(one, AuxType::AUX_TYPE_EXORGINFO, kept.clone()),
        AuxBlock::new(one, AuxType::AUX_SERVER_SESSION_INFO, naming),
    ];
    let aux = AuxBuffer::new(blocks).to_bytes().unwrap();
    let unreadable = b"EXCH1 in no form that anybody knows".to_vec();
    let whole = ExtendedBuffer::plain(aux).to_bytes().unwrap();
    for (aux_out, left) in [(whole, Some(kept)), (unreadable, None)] {
        let response = emsmdb::EcDoConnectExResponse {
            handle: ContextHandle { attributes: 0, uuid: wire::Guid::from_le([3; 16]) },
            polls_max: 0,
            retry: 0,
            retry_delay: 0,
            icxr: 0,
            dn_prefix: Ptr::new(CharString::new(DATABASE)),
            display_name: Ptr::NULL,
            server_version: emsmdb::Version([8, 0, 0]),
            best_version: emsmdb::Version([8, 0, 0]),
            time_stamp: 0,
            aux_out: emsmdb::OutBytes::new(aux_out.clone()),
            return_value: ErrorCode::SUCCESS,
        };
        let (mut flight, _) = book.relayed(Interface::Emsmdb, 10, connect_ex());
        let stub = emsmdb::Response::EcDoConnectEx(response).encode().unwrap();
        assert!(holds(&stub, "EXCH1"));
        let got = book.delivered(&mut flight, stub);
        assert!(!holds(&got, "EXCH1"));
        let handle = got[4..20].to_vec();
        check_left(&emsmdb::Response::decode(10, &got, Endian::Little).unwrap().0, left.as_ref());

        // The same in the response to EcDoRpcExt2 on that session.
        let request = emsmdb::EcDoRpcExt2Request {
            handle: ContextHandle { attributes: 0, uuid: wire::Guid::from_le(handle.try_into().unwrap()) },
            flags: emsmdb::RpcFlags::default(),
            rgb_in: emsmdb::InBytes::default(),
            out_max: 0x8000,
            aux_in: emsmdb::InBytes::default(),
            aux_out_max: 0x1008,
        };
        let request = emsmdb::Request::EcDoRpcExt2(request).encode().unwrap();
        let answer = |aux_out: Vec<u8>| emsmdb::EcDoRpcExt2Response {
            handle: ContextHandle { attributes: 0, uuid: wire::Guid::from_le([3; 16]) },
            flags: emsmdb::RpcFlags::default(),
            rgb_out: emsmdb::OutBytes::new(vec![1, 2, 3]),
            aux_out: emsmdb::OutBytes::new(aux_out),
            trans_time: 0,
            return_value: ErrorCode::SUCCESS,
        };
        let (mut flight, _) = book.relayed(Interface::Emsmdb, 11, request.clone());
        let stub = emsmdb::Response::EcDoRpcExt2(answer(aux_out)).encode().unwrap();
        let got = book.delivered(&mut flight, stub);
        assert!(!holds(&got, "EXCH1"));
        check_left(&emsmdb::Response::decode(11, &got, Endian::Little).unwrap().0, left.as_ref());

        // A response without such a buffer is forwarded unchanged.
        let (mut flight, _) = book.relayed(Interface::Emsmdb, 11, request);
        let stub = emsmdb::Response::EcDoRpcExt2(answer(Vec::new())).encode().unwrap();
        let got = book.delivered(&mut flight, stub.clone());
        assert_eq!(got[20..], stub[20..]);
        assert!(flight.operation.notes().is_empty());
    }
}

fn connect_ex() -> Vec<u8> {
    let request = emsmdb::EcDoConnectExRequest {
        client_version: emsmdb::Version([12, 0, 0]),
        aux_out_max: 0x1008,
        ..testkit::connect_ex("/o=O/ou=G/cn=Recipients/cn=alice")
    };
    emsmdb::Request::EcDoConnectEx(request).encode().unwrap()
}

/// Checks that the auxiliary buffer contains only `left`.
fn check_left(response: &emsmdb::Response, left: Option<&AuxBody>) {
    let aux = match response {
        emsmdb::Response::EcDoConnectEx(response) => &response.aux_out,
        emsmdb::Response::EcDoRpcExt2(response) => &response.aux_out,
        other => panic!("{other:?}"),
    };
    let blocks = AuxBuffer::unpack(aux.as_slice()).unwrap().map(|aux| aux.blocks).unwrap_or_default();
    assert_eq!(
        blocks.iter().map(|block| &block.body).collect::<Vec<_>>(),
        left.into_iter().collect::<Vec<_>>()
    );
}
