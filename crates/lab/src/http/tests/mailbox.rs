//! The mailbox store over HTTP.

use std::time::Duration;

use mapi::ErrorCode;
use mapi::compress::{ExtendedBuffer, Limits, encode_chain};
use mapi::emsmdb::{NO_OBJECT, RopBuffer, RpcFlags};
use mapi::mapihttp::emsmdb::{
    ConnectRequest, ConnectResponse, DisconnectRequest, ExecuteRequest, ExecuteResponse,
    NotificationWaitRequest, NotificationWaitResponse, Request, Response,
};
use mapi::mapihttp::{Endpoint, OperationResponse, RequestType, SizedBytes};
use mapi::rop::logon::{LogonFlags, OpenFlags, RopLogonRequest};
use mapi::rop::{Bytes16, RequestBody, ResponseContext, RopRequest, RopResponse};
use wire::{Decode as _, Encode as _};

use super::client::{Received, TestServer, User};
use super::sessions::AUX;
use crate::LabConfig;
use crate::http::HttpLimits;

async fn send(user: &mut User, request: &Request) -> Received {
    user.send(Endpoint::Emsmdb, request.request_type(), &request.encode().unwrap()).await
}

async fn connect(user: &mut User, alias: &str) -> ConnectResponse {
    let request = Request::Connect(ConnectRequest {
        user_dn: LabConfig::default().user_dn(alias).as_str().into(),
        flags: 0,
        default_code_page: 1252,
        lcid_sort: 1033,
        lcid_string: 1033,
        aux: AUX,
    });
    let received = send(user, &request).await;
    match Response::decode(RequestType::Connect, &received.payload()).unwrap() {
        (Response::Connect(OperationResponse::Complete(response)), []) => response,
        other => panic!("{other:?}"),
    }
}

/// A logon to the mailbox of `alias`.
fn logon(alias: &str, max_rop_out: u32) -> Request {
    let mut logon = RopLogonRequest {
        logon_flags: LogonFlags::PRIVATE,
        open_flags: OpenFlags::NONE,
        store_state: 0,
        essdn: Bytes16::default(),
    };
    logon.set_dn(LabConfig::default().user_dn(alias).as_bytes());
    let request = RopRequest { logon_id: 0, handle_index: 0, body: RequestBody::RopLogon(logon) };
    let payload = RopBuffer::new(request.to_bytes().unwrap(), vec![NO_OBJECT]).to_bytes().unwrap();
    let rop_buffer = SizedBytes(encode_chain(&[ExtendedBuffer::plain(payload)]).unwrap().into());
    Request::Execute(ExecuteRequest { flags: RpcFlags::NONE, rop_buffer, max_rop_out, aux: AUX })
}

fn executed(received: &Received) -> ExecuteResponse {
    assert_eq!(received.code(), 0, "{received:?}");
    match Response::decode(RequestType::Execute, &received.payload()).unwrap() {
        (Response::Execute(OperationResponse::Complete(response)), []) => response,
        other => panic!("{other:?}"),
    }
}

/// Executes ROPs, which act on the objects with these handles.
fn execute(rops: &[u8], handles: &[u32]) -> Request {
    let payload = RopBuffer::new(rops.to_vec(), handles.to_vec()).to_bytes().unwrap();
    let rop_buffer = SizedBytes(encode_chain(&[ExtendedBuffer::plain(payload)]).unwrap().into());
    Request::Execute(ExecuteRequest { flags: RpcFlags::NONE, rop_buffer, max_rop_out: 0x8007, aux: AUX })
}

/// The handles of a response.
fn handles(response: &ExecuteResponse) -> Vec<u32> {
    let chain = response.rop_buffers(Limits::default()).unwrap();
    RopBuffer::from_bytes(&chain[0].payload).unwrap().handles
}

/// The responses to ROPs.
fn rops(response: &ExecuteResponse) -> Vec<u8> {
    let chain = response.rop_buffers(Limits::default()).unwrap();
    RopBuffer::from_bytes(&chain[0].payload).unwrap().rops.to_vec()
}

fn wait() -> Request {
    Request::NotificationWait(NotificationWaitRequest { flags: 0, aux: AUX })
}

/// Sends a wait for notifications, and returns its head.
async fn begin_wait(user: &mut User) -> Received {
    let lines = user.lines(RequestType::NotificationWait) + &user.cookie_line();
    let body = wait().encode().unwrap();
    let head =
        format!("POST /mapi/emsmdb/ HTTP/1.1\r\nHost: lab\r\nContent-Length: {}\r\n{lines}\r\n", body.len());
    user.client.write(&[head.as_bytes(), &body].concat()).await;
    user.client.head().await.unwrap()
}

#[tokio::test]
async fn a_session_executes_rops_until_it_is_disconnected() {
    let server = TestServer::start().await;
    let mut alice = server.alice().await;
    let connected = connect(&mut alice, "alice").await;
    assert_eq!(connected.error_code, ErrorCode::SUCCESS);
    assert!(connected.display_name.to_string_lossy().starts_with("Alice "));
    assert!(connected.dn_prefix.0.starts_with(b"/o=Lab Organisation/"));
    for _ in 0..2 {
        let received = send(&mut alice, &logon("alice", 0x8007)).await;
        assert_eq!(received.header("Transfer-Encoding"), "chunked");
        assert!(received.body.starts_with(b"PROCESSING\r\nDONE\r\n"), "{received:?}");
        let response = executed(&received);
        assert_eq!(response.error_code, ErrorCode::SUCCESS);
        let chain = response.rop_buffers(Limits::default()).unwrap();
        let rops = RopBuffer::from_bytes(&chain[0].payload).unwrap();
        assert_ne!(rops.handles, [NO_OBJECT]);
        let reply =
            RopResponse::decode(&mut wire::Reader::new(&rops.rops), ResponseContext::default()).unwrap();
        let RopResponse::Reply(reply) = reply else { panic!("{reply:?}") };
        assert_eq!(reply.return_value, ErrorCode::SUCCESS);
    }
    let small = executed(&send(&mut alice, &logon("alice", 10)).await);
    assert_eq!((small.error_code, small.rop_buffer.0.len()), (ErrorCode::EC_BUFFER_TOO_SMALL, 0));
    let disconnected = send(&mut alice, &Request::Disconnect(DisconnectRequest { aux: AUX })).await;
    assert_eq!(disconnected.code(), 0);
    assert_eq!(send(&mut alice, &logon("alice", 0x8007)).await.code(), 10);
}

#[tokio::test]
async fn only_the_authenticated_person_connects() {
    let server = TestServer::start().await;
    let mut alice = server.alice().await;
    for (alias, code) in [("bob", ErrorCode::MAPI_E_NO_ACCESS), ("unknown", ErrorCode::EC_UNKNOWN_USER)] {
        assert_eq!(connect(&mut alice, alias).await.error_code, code);
        assert!(alice.cookies.is_empty(), "{alias}");
    }
    assert_eq!(send(&mut alice, &logon("alice", 0x8007)).await.code(), 13);
}

#[tokio::test]
async fn a_rop_buffer_that_is_malformed_has_an_error_and_the_session_continues() {
    let server = TestServer::start().await;
    let mut alice = server.alice().await;
    connect(&mut alice, "alice").await;
    let Request::Execute(request) = logon("alice", 0x8007) else { unreachable!() };
    let cut = SizedBytes(request.rop_buffer.0.slice(..9));
    let response =
        executed(&send(&mut alice, &Request::Execute(ExecuteRequest { rop_buffer: cut, ..request })).await);
    assert_eq!(response.error_code, ErrorCode(0x0000_04b6), "ecRpcFormat");
    let body = logon("alice", 0x8007).encode().unwrap();
    let received = alice.send(Endpoint::Emsmdb, RequestType::Execute, &body[..body.len() - 5]).await;
    assert_eq!(received.code(), 12);
    assert_eq!(executed(&send(&mut alice, &logon("alice", 0x8007)).await).error_code, ErrorCode::SUCCESS);
}

#[tokio::test]
async fn a_wait_is_kept_alive_and_ends_when_its_time_is_over() {
    let server = TestServer::with_limits(HttpLimits {
        pending_period: Duration::from_millis(100),
        notification_wait: Duration::from_millis(250),
        ..HttpLimits::default()
    })
    .await;
    let mut alice = server.alice().await;
    connect(&mut alice, "alice").await;
    let received = send(&mut alice, &wait()).await;
    assert_eq!((received.code(), received.header("X-PendingPeriod")), (0, "100"));
    assert!(
        received.text_lossy().starts_with("PROCESSING\r\nPENDING\r\nPENDING\r\nDONE\r\n"),
        "{received:?}"
    );
    let (response, _) = Response::decode(RequestType::NotificationWait, &received.payload()).unwrap();
    let expected = NotificationWaitResponse { error_code: ErrorCode::SUCCESS, event_pending: 0, aux: AUX };
    assert_eq!(response, Response::NotificationWait(OperationResponse::Complete(expected)));
}

#[tokio::test]
async fn requests_have_their_turns_during_a_wait_which_ends_with_its_session() {
    let server = TestServer::start().await;
    let mut alice = server.alice().await;
    connect(&mut alice, "alice").await;
    let mut waiting = server.alice().await;
    waiting.cookies.clone_from(&alice.cookies);
    let head = begin_wait(&mut waiting).await;
    assert_eq!((head.code(), head.all("Set-Cookie").len()), (0, 1), "the sequence is not that of the wait");
    assert_eq!(waiting.client.chunk().await.unwrap(), b"PROCESSING\r\n");
    assert_eq!(executed(&send(&mut alice, &logon("alice", 0x8007)).await).error_code, ErrorCode::SUCCESS);
    send(&mut alice, &Request::Disconnect(DisconnectRequest { aux: AUX })).await;
    let end = String::from_utf8(waiting.client.chunk().await.unwrap()).unwrap();
    assert!(end.starts_with("DONE\r\nX-ResponseCode: 10\r\n"), "{end}");
    assert!(end.contains("Content-Type: text/html\r\n"), "{end}");
    assert_eq!(waiting.client.chunk().await, None);
}

#[tokio::test]
async fn a_wait_ends_without_an_event_when_the_server_stops() {
    let server = TestServer::start().await;
    let mut alice = server.alice().await;
    connect(&mut alice, "alice").await;
    begin_wait(&mut alice).await;
    assert_eq!(alice.client.chunk().await.unwrap(), b"PROCESSING\r\n");
    server.stop();
    let end = String::from_utf8_lossy(&alice.client.chunk().await.unwrap()).into_owned();
    assert!(end.starts_with("DONE\r\nX-ResponseCode: 0\r\n"), "{end}");
    assert_eq!(alice.client.chunk().await, None);
    assert!(alice.client.is_closed().await);
}

/// The event flag in the end of the response to a wait.
fn is_pending(end: &[u8]) -> bool {
    let text = String::from_utf8_lossy(end);
    assert!(text.starts_with("DONE\r\nX-ResponseCode: 0\r\n"), "{text}");
    // StatusCode, ErrorCode, EventPending, AuxiliaryBufferSize.
    match end.last_chunk::<8>() {
        Some([1, 0, 0, 0, 0, 0, 0, 0]) => true,
        Some([0, 0, 0, 0, 0, 0, 0, 0]) => false,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_wait_ends_with_a_notification_which_the_next_execute_returns() {
    let server = TestServer::start().await;
    let mut alice = server.alice().await;
    connect(&mut alice, "alice").await;
    let handles = handles(&executed(&send(&mut alice, &logon("alice", 0x8007)).await));
    // RopRegisterNotification of created objects in the whole mailbox.
    let subscribe = execute(&[0x29, 0, 0, 1, 0x04, 0, 1], &[handles[0], NO_OBJECT]);
    assert_eq!(rops(&executed(&send(&mut alice, &subscribe).await)), [0x29, 1, 0, 0, 0, 0]);
    let mut waiting = server.alice().await;
    waiting.cookies.clone_from(&alice.cookies);
    begin_wait(&mut waiting).await;
    assert_eq!(waiting.client.chunk().await.unwrap(), b"PROCESSING\r\n");

    let mut other = server.alice().await;
    connect(&mut other, "alice").await;
    let own = self::handles(&executed(&send(&mut other, &logon("alice", 0x8007)).await));
    // RopOpenFolder of the inbox, RopCreateFolder in it.
    let mut create = vec![0x02, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 5, 0];
    create.extend([0x1c, 0, 1, 2, 1, 0, 0, 0]);
    create.extend(b"New\0\0");
    executed(&send(&mut other, &execute(&create, &[own[0], NO_OBJECT, NO_OBJECT])).await);
    assert!(is_pending(&waiting.client.chunk().await.unwrap()));
    let response = rops(&executed(&send(&mut alice, &execute(&[], &[])).await));
    assert_eq!((response[0], &response[6..8]), (0x2a, &[0x04, 0][..]), "RopNotify, ObjectCreated");
}
