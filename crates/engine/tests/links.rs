//! Links between sessions of the mailbox store (`ulIcxrLink`, [MS-OXCRPC] 3.1.4.1), where all clients have one
//! account at the server.

use std::sync::Arc;

use engine::{
    Engine, FaultStatus, HandleBudget, HandleTable, Interface, RpcSessions, SecurityContext, Stack,
    fault_status,
};
use mapi::ErrorCode;
use mapi::emsmdb::{
    EcDoConnectExRequest, EcDoConnectExResponse, EcDoConnectRequest, EcDoConnectResponse, OutBytes, Request,
    Response, Version,
};
use mapi::ndr::{ContextHandle, Ptr};
use testkit::http_auth::contexts_at_both_levels;
use testkit::{RpcClient, Step, caller, connect_ex, incoming};
use wire::{Endian, Guid};

const NO_LINK: u32 = u32::MAX;

/// Both calls that open a session, by their opnums.
const CONNECTS: [u16; 2] = [0, 10];

fn request(opnum: u16, icxr_link: u32) -> Vec<u8> {
    let connect_ex = EcDoConnectExRequest { icxr_link, time_stamp: 0x1234, ..connect_ex("/o=O/cn=a") };
    let user_dn = connect_ex.user_dn.clone();
    let EcDoConnectExRequest { flags, connection_mod, limit, code_page, .. } = connect_ex;
    let EcDoConnectExRequest { lcid_string, lcid_sort, can_convert_code_pages, .. } = connect_ex;
    let EcDoConnectExRequest { client_version, time_stamp, .. } = connect_ex;
    let connect = EcDoConnectRequest {
        user_dn,
        flags,
        connection_mod,
        limit,
        code_page,
        lcid_string,
        lcid_sort,
        icxr_link,
        can_convert_code_pages,
        client_version,
        time_stamp,
    };
    match opnum {
        0 => Request::EcDoConnect(connect).encode().unwrap(),
        _ => Request::EcDoConnectEx(connect_ex).encode().unwrap(),
    }
}

/// The server's response, with the handle `number`, of which the lower byte is the session index.
fn response(opnum: u16, number: u16) -> Vec<u8> {
    let uuid = Guid::from_le(u128::from(number).to_le_bytes());
    let handle = ContextHandle { attributes: 0, uuid };
    let (polls_max, retry, retry_delay, icxr, time_stamp) = (0, 0, 0, number & 0xff, 0x1234);
    let (dn_prefix, display_name) = (Ptr::NULL, Ptr::NULL);
    let (server_version, best_version) = (Version::default(), Version::default());
    let return_value = ErrorCode::SUCCESS;
    let connect = EcDoConnectResponse {
        handle,
        polls_max,
        retry,
        retry_delay,
        icxr,
        dn_prefix: dn_prefix.clone(),
        display_name: display_name.clone(),
        server_version,
        best_version,
        time_stamp,
        return_value,
    };
    let aux_out = OutBytes::new(Vec::new());
    let connect_ex = EcDoConnectExResponse {
        handle,
        polls_max,
        retry,
        retry_delay,
        icxr,
        dn_prefix,
        display_name,
        server_version,
        best_version,
        time_stamp,
        aux_out,
        return_value,
    };
    match opnum {
        0 => Response::EcDoConnect(connect).encode().unwrap(),
        _ => Response::EcDoConnectEx(connect_ex).encode().unwrap(),
    }
}

/// `who` opens a session linked to `link`, and the server returns the handle and index `number`. Returns the request
/// that the server receives, and the client's handle.
fn connect(
    talk: &mut RpcClient<'_>,
    who: &SecurityContext,
    opnum: u16,
    link: u32,
    number: u16,
) -> (Vec<u8>, [u8; 20]) {
    let call = incoming(who, (Interface::Emsmdb, opnum), request(opnum, link));
    let (mut flight, sent) = talk.relayed(call);
    let answer = talk.delivered(&mut flight, response(opnum, number));
    (sent.to_vec(), *answer.first_chunk().unwrap())
}

/// The link in the request that the server receives for a new session of `who`.
fn linked(talk: &mut RpcClient<'_>, who: &SecurityContext, opnum: u16, link: u32) -> u32 {
    let (sent, _) = connect(talk, who, opnum, link, 99);
    match Request::decode(opnum, &sent, Endian::Little).unwrap() {
        (Request::EcDoConnect(connect), []) => connect.icxr_link,
        (Request::EcDoConnectEx(connect), []) => connect.icxr_link,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_session_is_linked_only_to_sessions_of_the_same_user() {
    let engine = Engine::new(Stack::default());
    // Two impersonation levels, which one user can link.
    let ([alice, her_other], [bob, _]) = (contexts_at_both_levels("alice"), contexts_at_both_levels("bob"));
    let (of_alice, of_bob) = (Arc::new(HandleBudget::new(9)), Arc::new(HandleBudget::new(9)));
    let group = |budget| Arc::new(HandleTable::new(Arc::clone(budget)));
    let mut alices = RpcClient::new(&engine, &group(&of_alice));
    let mut her_others = RpcClient::new(&engine, &group(&of_alice));
    let mut bobs = RpcClient::new(&engine, &group(&of_bob));
    for opnum in CONNECTS {
        let (_, handle) = connect(&mut alices, &alice, opnum, NO_LINK, 7);
        assert_eq!(linked(&mut bobs, &bob, opnum, 7), NO_LINK);
        assert_eq!(linked(&mut bobs, &bob, opnum, 7 | 1 << 16), NO_LINK, "as a server may cut it");
        assert_eq!(linked(&mut alices, &alice, opnum, 7), 7);
        assert_eq!(linked(&mut her_others, &her_other, opnum, 7), 7, "another process of the same user");

        // The server reuses the index of a session that has ended.
        let closes = [&handle[..], &[0; 4]].concat();
        let (mut flight, _) = alices.relayed(incoming(&alice, (Interface::Emsmdb, 1), closes));
        alices.delivered(&mut flight, vec![0; 24]);
        assert_eq!(linked(&mut alices, &alice, opnum, 7), NO_LINK);
    }
}

/// All anonymous clients are one user. Nothing but the association group distinguishes them.
#[test]
fn an_anonymous_client_links_sessions_of_its_own_group_only() {
    let engine = Engine::new(Stack::default());
    let budget = Arc::new(HandleBudget::new(9));
    let groups = [(); 2].map(|()| Arc::new(HandleTable::new(Arc::clone(&budget))));
    let [mut first, mut second] = groups.each_ref().map(|group| RpcClient::new(&engine, group));
    let anonymous = caller("a");
    assert!(anonymous.is_anonymous());
    for opnum in CONNECTS {
        connect(&mut first, &anonymous, opnum, NO_LINK, 7);
        assert_eq!(linked(&mut second, &anonymous, opnum, 7), NO_LINK);
        assert_eq!(linked(&mut first, &anonymous, opnum, 7), 7);
    }
}

/// The server has ended the first session, or has another index 7 for another account.
#[test]
fn an_index_that_the_server_issues_again_belongs_to_the_new_session_only() {
    let engine = Engine::new(Stack::default());
    let ([alice, _], [bob, _]) = (contexts_at_both_levels("alice"), contexts_at_both_levels("bob"));
    let [mut alices, mut bobs] = [(); 2].map(|()| RpcClient::new(&engine, &Arc::default()));
    let (_, handle) = connect(&mut alices, &alice, 10, NO_LINK, 0x107);
    let (mut waiting, _) = alices.relayed(incoming(&alice, (Interface::Emsmdb, 10), request(10, 7)));
    assert!(waiting.call().stub_to_send().is_ok());
    connect(&mut bobs, &bob, 10, NO_LINK, 0x207);
    let refusal = waiting.call().stub_to_send().unwrap_err();
    assert_eq!(fault_status(refusal.kind), FaultStatus::RPC_S_CALL_FAILED_DNE);
    assert_eq!(linked(&mut alices, &alice, 10, 7), NO_LINK);
    assert_eq!(linked(&mut bobs, &bob, 10, 7), 7);

    // The end of the first session, which continued, does not take the index from the second.
    let closes = [&handle[..], &[0; 4]].concat();
    let (mut flight, _) = alices.relayed(incoming(&alice, (Interface::Emsmdb, 1), closes));
    alices.delivered(&mut flight, vec![0; 24]);
    assert_eq!(linked(&mut bobs, &bob, 10, 7), 7);
}

/// The proxy may read a response much later than the server sent it, such as that to a client that does not read.
#[test]
fn an_index_that_the_server_may_have_issued_to_another_session_since_links_to_neither() {
    for has_ended in [false, true] {
        let engine = Engine::new(Stack::default());
        let ([alice, _], [bob, _]) = (contexts_at_both_levels("alice"), contexts_at_both_levels("bob"));
        let [mut alices, mut bobs] = [(); 2].map(|()| RpcClient::new(&engine, &Arc::default()));
        let (mut late, _) = alices.relayed(incoming(&alice, (Interface::Emsmdb, 10), request(10, NO_LINK)));
        let (_, handle) = connect(&mut bobs, &bob, 10, NO_LINK, 0x207);
        if has_ended {
            let closes = [&handle[..], &[0; 4]].concat();
            let (mut flight, _) = bobs.relayed(incoming(&bob, (Interface::Emsmdb, 1), closes));
            bobs.delivered(&mut flight, vec![0; 24]);
        }
        alices.delivered(&mut late, response(10, 0x107));
        assert_eq!(linked(&mut alices, &alice, 10, 7), NO_LINK);
        assert_eq!(linked(&mut bobs, &bob, 10, 7), NO_LINK);
        connect(&mut alices, &alice, 10, NO_LINK, 0x307);
        assert_eq!(linked(&mut alices, &alice, 10, 7), 7, "the call began after the others ended");
    }
}

#[test]
fn a_connect_may_not_be_sent_once_the_session_to_which_it_links_has_ended() {
    let engine = Engine::new(Stack::default());
    let alice = caller("a");
    let mut talk = RpcClient::new(&engine, &Arc::default());
    for opnum in CONNECTS {
        let (_, handle) = connect(&mut talk, &alice, opnum, NO_LINK, 7);
        let waiting = |link, talk: &mut RpcClient<'_>| {
            talk.relayed(incoming(&alice, (Interface::Emsmdb, opnum), request(opnum, link))).0
        };
        let (mut linked, mut unlinked) = (waiting(7, &mut talk), waiting(NO_LINK, &mut talk));
        assert!(linked.call().stub_to_send().is_ok());
        let closes = [&handle[..], &[0; 4]].concat();
        let (mut flight, _) = talk.relayed(incoming(&alice, (Interface::Emsmdb, 1), closes));
        talk.delivered(&mut flight, vec![0; 24]);
        let refusal = linked.call().stub_to_send().unwrap_err();
        assert_eq!(fault_status(refusal.kind), FaultStatus::RPC_S_CALL_FAILED_DNE);
        assert!(unlinked.call().stub_to_send().is_ok());
    }
}

#[test]
fn the_index_of_a_session_that_ended_with_its_group_is_not_forwarded() {
    let engine = Engine::new(Stack::default());
    let alice = caller("a");
    let budget = Arc::new(HandleBudget::new(9));
    let mut first = RpcClient::new(&engine, &Arc::new(HandleTable::new(Arc::clone(&budget))));
    connect(&mut first, &alice, 10, NO_LINK, 7);
    engine.end(&mut std::mem::take(&mut first.conversation), true);
    let mut second = RpcClient::new(&engine, &Arc::new(HandleTable::new(budget)));
    assert_eq!(linked(&mut second, &alice, 10, 7), NO_LINK);
}

#[test]
fn a_request_without_a_link_is_forwarded_byte_for_byte() {
    let engine = Engine::new(Stack::default());
    let mut talk = RpcClient::new(&engine, &Arc::default());
    for opnum in CONNECTS {
        let sent = [request(opnum, NO_LINK), b"trailing".to_vec()].concat();
        let (_, sent) = talk.relayed(incoming(&caller("a"), (Interface::Emsmdb, opnum), sent.clone()));
        assert_eq!(sent, sent);
    }
}

#[test]
fn a_request_whose_link_cannot_be_decoded_is_refused() {
    let engine = Engine::new(Stack::default());
    for opnum in CONNECTS {
        let mut talk = RpcClient { engine: &engine, conversation: RpcSessions::default() };
        let mut cut = request(opnum, 7);
        cut.truncate(60);
        match talk.send(incoming(&caller("a"), (Interface::Emsmdb, opnum), cut)) {
            Err(refusal) => assert_eq!(fault_status(refusal.kind), FaultStatus::RPC_X_BAD_STUB_DATA),
            Ok((_, Step::Fault { .. })) => panic!("refused too late"),
            Ok((_, next)) => panic!("let in: {next:?}"),
        }
    }
}
