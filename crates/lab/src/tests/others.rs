//! Tests of the lab's referral service and mailbox store.

use mapi::compress::{ExtendedBuffer, ExtendedFlags, Limits, decode_chain, encode_chain};
use mapi::emsmdb::{
    EcDoAsyncConnectExRequest, EcDoConnectExRequest, EcDoConnectRequest, EcDoDisconnectRequest,
    EcDoRpcExt2Request, EcDoRpcRequest, EcDummyRpcRequest, InBytes, MAX_RGB_AUX, NO_OBJECT, Request,
    Response, RopBuffer, RpcFlags, Version,
};
use mapi::rop::logon::{LogonFlags, OpenFlags, RopLogonRequest};
use mapi::rop::{Bytes16, RequestBody, ResponseContext, RopReply, RopRequest, RopResponse};
use mapi::{ErrorCode, Interface, rfr};
use net::Service as _;
use rpc::FaultStatus;
use rpc::ndr::{CharString, ContextHandle, Ptr};
use wire::{Decode as _, Encode as _, Endian};

use super::mail::{Mail, OUT_MAX};
use super::{Caller, made_up};
use crate::LabConfig;

pub(super) fn refer(caller: &Caller, request: &rfr::Request) -> Result<rfr::Response, FaultStatus> {
    let stub = caller.raw(Interface::Rfr, request.opnum(), &request.encode().unwrap())?;
    Ok(rfr::Response::decode(request.opnum(), &stub, Endian::Little).unwrap().0)
}

pub(super) fn ask(caller: &Caller, request: impl Into<Request>) -> Result<Response, FaultStatus> {
    let request = request.into();
    let stub = caller.raw(Interface::Emsmdb, request.opnum(), &request.encode().unwrap())?;
    Ok(Response::decode(request.opnum(), &stub, Endian::Little).unwrap().0)
}

pub(super) fn connect_ex(dn: &str) -> EcDoConnectExRequest {
    EcDoConnectExRequest {
        user_dn: CharString::new(dn),
        flags: 0,
        connection_mod: 0,
        limit: 0,
        code_page: 1252,
        lcid_string: 1033,
        lcid_sort: 1033,
        icxr_link: u32::MAX,
        can_convert_code_pages: 1,
        client_version: Version([15, 4096, 4096]),
        time_stamp: 0,
        aux_in: InBytes::default(),
        aux_out_max: MAX_RGB_AUX,
    }
}

pub(super) fn connected(caller: &Caller) -> ContextHandle {
    let dn = LabConfig::default().user_dn("alice");
    let Ok(Response::EcDoConnectEx(response)) = ask(caller, connect_ex(&dn)) else { panic!("no answer") };
    assert_eq!(response.return_value, ErrorCode::SUCCESS);
    assert!(!response.handle.is_null());
    response.handle
}

fn logon(dn: &str) -> Vec<u8> {
    let mut logon = RopLogonRequest {
        logon_flags: LogonFlags::PRIVATE,
        open_flags: OpenFlags::NONE,
        store_state: 0,
        essdn: Bytes16::default(),
    };
    logon.set_dn(dn.as_bytes());
    RopRequest { logon_id: 0, handle_index: 0, body: RequestBody::RopLogon(logon) }.to_bytes().unwrap()
}

fn reply(rops: &[u8]) -> RopReply {
    match RopResponse::decode(&mut wire::Reader::new(rops), ResponseContext::default()).unwrap() {
        RopResponse::Reply(reply) => reply,
        other => panic!("{other:?}"),
    }
}

fn execute(
    caller: &Caller,
    handle: ContextHandle,
    flags: RpcFlags,
    rops: &RopBuffer,
) -> (ExtendedBuffer, RopBuffer) {
    let payload = rops.to_bytes().unwrap();
    let rgb_in = InBytes(encode_chain(&[ExtendedBuffer::plain(payload)]).unwrap());
    let aux_in = InBytes::default();
    let request = EcDoRpcExt2Request { handle, flags, rgb_in, out_max: 0x8007, aux_in, aux_out_max: 0 };
    let Ok(Response::EcDoRpcExt2(response)) = ask(caller, request) else { panic!("no answer") };
    assert_eq!(response.return_value, ErrorCode::SUCCESS);
    let mut chain = decode_chain(response.rgb_out.as_slice(), Limits::default()).unwrap();
    assert_eq!(chain.len(), 1);
    let buffer = chain.remove(0);
    let rops = RopBuffer::from_bytes(&buffer.payload).unwrap();
    (buffer, rops)
}

#[test]
fn referrals_name_the_server() {
    let (caller, config) = (Caller::new(), LabConfig::two_servers());
    let new_dsa =
        rfr::GetNewDSARequest { user_dn: CharString::new(config.user_dn("alice")), ..Default::default() };
    let Ok(rfr::Response::GetNewDSA(response)) = refer(&caller, &rfr::Request::GetNewDSA(new_dsa)) else {
        panic!("no answer")
    };
    assert_eq!(response.server.get().and_then(Ptr::get), Some(&CharString::new("exch.lab.test")));
    let fqdn = |dn: &str| {
        let request = rfr::GetFQDNFromServerDNRequest { flags: 0, mailbox_server_dn: CharString::new(dn) };
        refer(&caller, &rfr::Request::GetFQDNFromServerDN(request)).map(|response| match response {
            rfr::Response::GetFQDNFromServerDN(response) => {
                (response.server_fqdn.get().map(CharString::to_string_lossy), response.return_value)
            }
            other @ rfr::Response::GetNewDSA(_) => panic!("{other:?}"),
        })
    };
    let found = Some("exch2.lab.test".to_owned());
    assert_eq!(fqdn(&config.server_dn("exch2")), Ok((found, ErrorCode::SUCCESS)));
    assert_eq!(fqdn(&config.server_dn("OTHER")), Ok((None, ErrorCode::MAPI_E_NOT_FOUND)));
    assert_eq!(fqdn(&config.user_dn("alice")), Ok((None, ErrorCode::MAPI_E_NOT_FOUND)));
    assert_eq!(fqdn("/o=x"), Err(FaultStatus::RPC_X_BAD_STUB_DATA), "shorter than the interface allows");
    assert_eq!(fqdn(&"x".repeat(1024)), Err(FaultStatus::RPC_X_BAD_STUB_DATA), "longer");
}

#[test]
fn only_people_can_connect() {
    let (caller, config) = (Caller::new(), LabConfig::default());
    for dn in [config.user_dn("unknown"), config.user_dn("all-sales"), config.server_dn("EXCH1")] {
        let Ok(Response::EcDoConnectEx(response)) = ask(&caller, connect_ex(&dn)) else {
            panic!("no answer")
        };
        assert_eq!(response.return_value, ErrorCode(0x3eb), "{dn}");
        assert!(response.handle.is_null());
    }
    assert_eq!(caller.lab.open_handles(), 0);
    let oversized =
        EcDoConnectExRequest { aux_out_max: MAX_RGB_AUX + 1, ..connect_ex(&config.user_dn("bob")) };
    assert_eq!(ask(&caller, oversized), Err(FaultStatus::RPC_X_BAD_STUB_DATA));
}

#[test]
fn a_session_belongs_to_the_person_who_authenticated() {
    let (caller, config) = (Caller::new(), LabConfig::default());
    let connects = |caller: &Caller, dn: &str| {
        let Ok(Response::EcDoConnectEx(response)) = ask(caller, connect_ex(dn)) else {
            panic!("no response")
        };
        assert_eq!(response.handle.is_null(), response.return_value != ErrorCode::SUCCESS);
        response.return_value
    };
    let (alice, bob) = (config.user_dn("alice"), config.user_dn("bob"));
    assert_eq!(connects(&caller.by("Alice"), &alice), ErrorCode::SUCCESS, "whatever the case");
    assert_eq!(connects(&caller.by("alice"), &bob), ErrorCode::MAPI_E_NO_ACCESS);
    assert_eq!(connects(&caller.by("alice"), ""), ErrorCode::MAPI_E_NO_ACCESS);
    assert_eq!(connects(&caller.by("svcproxy"), &bob), ErrorCode::SUCCESS, "an administrator");
    assert_eq!(connects(&caller.anonymous(), &alice), ErrorCode::MAPI_E_NO_ACCESS);
}

#[test]
fn requests_whose_responses_do_not_fit_are_returned_without_being_executed() {
    let caller = Caller::new();
    let handle = connected(&caller);
    let one = logon(&LabConfig::default().user_dn("alice"));
    let rops = || RopBuffer::new([one.clone(), one.clone(), one.clone()].concat(), vec![NO_OBJECT]);
    let execute = |out_max: usize| {
        let rgb_in = InBytes(encode_chain(&[ExtendedBuffer::plain(rops().to_bytes().unwrap())]).unwrap());
        let (flags, aux_in) = (RpcFlags::NO_COMPRESSION | RpcFlags::NO_XOR_MAGIC, InBytes::default());
        let out_max = u32::try_from(out_max).unwrap();
        let request = EcDoRpcExt2Request { handle, flags, rgb_in, out_max, aux_in, aux_out_max: 0 };
        let Ok(Response::EcDoRpcExt2(response)) = ask(&caller, request) else { panic!("no response") };
        (response.return_value, response.rgb_out.as_slice().to_vec())
    };
    let (code, all) = execute(0x8007);
    assert_eq!(code, ErrorCode::SUCCESS);
    let each = (all.len() - 8 - 2 - 4) / 3;
    let (code, some) = execute(all.len() - 1);
    assert_eq!(code, ErrorCode::SUCCESS);
    let chain = decode_chain(&some, Limits::default()).unwrap();
    let responses = RopBuffer::from_bytes(&chain[0].payload).unwrap().rops;
    // RopBufferTooSmall, SizeNeeded, and the requests from the first that was not executed on.
    let (executed, rest) = responses.split_at(2 * each);
    assert_eq!(executed[..6], [0xfe, 0, 0, 0, 0, 0]);
    assert_eq!((rest[0], &rest[3..]), (0xff, &one[..]));
    assert!(some.len() < all.len());
    assert_eq!(execute(20).0, ErrorCode::EC_BUFFER_TOO_SMALL);
    assert_eq!(execute(0).0, ErrorCode::EC_BUFFER_TOO_SMALL);
}

#[test]
fn a_session_in_the_old_dialect_is_opened() {
    let (caller, config) = (Caller::new(), LabConfig::default());
    let dn = config.user_dn("bob");
    let request = EcDoConnectRequest {
        user_dn: CharString::new(&dn),
        flags: 0,
        connection_mod: 0,
        limit: 0,
        code_page: 1252,
        lcid_string: 1033,
        lcid_sort: 1033,
        icxr_link: u32::MAX,
        can_convert_code_pages: 1,
        client_version: Version([5, 2653, 12]),
        time_stamp: 0,
    };
    let Ok(Response::EcDoConnect(response)) = ask(&caller, request) else { panic!("no answer") };
    assert_eq!(response.return_value, ErrorCode::SUCCESS);
    assert_eq!(response.dn_prefix.get().unwrap().to_string_lossy(), config.recipients());
    let rops = RopBuffer::new(logon(&dn), vec![NO_OBJECT]).to_bytes().unwrap();
    let small = EcDoRpcRequest::new(response.handle, rops.clone(), 20).unwrap();
    let Ok(Response::EcDoRpc(refused)) = ask(&caller, small) else { panic!("no answer") };
    assert_eq!(refused.return_value, ErrorCode(0x47d), "ecBufferTooSmall");
    let request = EcDoRpcRequest::new(response.handle, rops, 0x7fff).unwrap();
    let Ok(Response::EcDoRpc(answer)) = ask(&caller, request) else { panic!("no answer") };
    let buffer = RopBuffer::from_bytes(&answer.payload()).unwrap();
    assert_eq!(reply(&buffer.rops).return_value, ErrorCode::SUCCESS);
    assert_ne!(buffer.handles[0], NO_OBJECT);
}

#[test]
fn responses_are_packed_as_requested() {
    let caller = Caller::new();
    let handle = connected(&caller);
    let rops = || RopBuffer::new(logon(&LabConfig::default().user_dn("alice")), vec![NO_OBJECT]);
    let plain = RpcFlags::NO_COMPRESSION | RpcFlags::NO_XOR_MAGIC;
    assert_eq!(execute(&caller, handle, plain, &rops()).0.flags, ExtendedFlags::LAST);
    let xor = execute(&caller, handle, RpcFlags::NO_COMPRESSION, &rops()).0;
    assert_eq!(xor.flags, ExtendedFlags::LAST | ExtendedFlags::XOR_MAGIC);
    let compressed = execute(&caller, handle, RpcFlags::NO_XOR_MAGIC, &rops()).0;
    assert_eq!(compressed.flags, ExtendedFlags::LAST | ExtendedFlags::COMPRESSED);
}

#[test]
fn rops_of_which_one_cannot_be_decoded_are_not_executed() {
    let mut mail = Mail::alice();
    let release = [0x01, 0x00, 0x00];
    let read_stream = |most: u32| {
        let mut rop = vec![0x2c, 0x00, 0x01, 0xbe, 0xba];
        rop.extend(most.to_le_bytes());
        rop
    };
    let truncated = vec![0x02, 0x00, 0x01, 0x07, 0, 0, 0, 0];
    for (rop, what) in [
        (truncated, "a truncated one"),
        (vec![0xfd, 0, 9], "an unknown one"),
        (read_stream(0x8000_0001), "more than a stream can have"),
    ] {
        let result = mail.send(&[&release[..], &rop].concat(), RpcFlags::NONE, OUT_MAX);
        assert_eq!(result, Err(ErrorCode(0x4b6)), "{what}");
        mail.open_folder(mail.special(0), 1).expect("the logon is not released");
    }
    assert!(mail.send(&read_stream(0x8000_0000), RpcFlags::NONE, OUT_MAX).is_ok());
}

#[test]
fn a_user_has_a_limited_number_of_sessions() {
    let caller = Caller::new();
    let first = connected(&caller);
    let second = connected(&caller);
    let dn = LabConfig::default().user_dn("bob");
    let Ok(Response::EcDoConnectEx(bob)) = ask(&caller, connect_ex(&dn)) else { panic!("no answer") };
    let wait = |handle| ask(&caller, EcDoAsyncConnectExRequest { handle }).map(drop);
    for _ in 0..20 {
        wait(first).unwrap();
    }
    assert_eq!(caller.lab.open_handles(), 3 + 8, "waits of one session");
    for _ in 0..62 {
        connected(&caller);
    }
    wait(first).expect("64 sessions as one person");
    connected(&caller);
    let mismatch = Err(FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH);
    assert_eq!(wait(second), mismatch, "which was not used for the longest time");
    wait(first).unwrap();
    wait(bob.handle).expect("a session as another person");
    let other = caller.other_identity();
    connected(&other);
    wait(first).expect("a session of another user does not count");
    caller.lab.handles.close(first);
    assert_eq!(caller.lab.open_handles(), 63 + 1 + 1 + 1, "its waits are closed");
}

#[test]
fn handles_belong_to_the_caller_that_opened_them_and_are_closed_with_its_group() {
    let caller = Caller::new();
    let handle = connected(&caller);
    let mismatch = Err(FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH);
    for other in [caller.other_identity(), caller.elsewhere()] {
        assert_eq!(ask(&other, EcDoDisconnectRequest { handle }), mismatch);
    }
    for handle in [made_up(), ContextHandle::NULL] {
        assert_eq!(ask(&caller, EcDoDisconnectRequest { handle }), mismatch);
    }
    caller.lab.rundown(&caller.elsewhere().group);
    assert_eq!(caller.lab.open_handles(), 1);
    caller.lab.rundown(&caller.group);
    assert_eq!(caller.lab.open_handles(), 0);
    assert_eq!(ask(&caller, EcDoDisconnectRequest { handle }), mismatch);
    assert!(ask(&caller, EcDummyRpcRequest {}).is_ok());
}
