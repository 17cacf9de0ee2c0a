//! Session Contexts ([MS-OXCMAPIHTTP] 3.2.5).

use std::time::Duration;

use identity::{Authority, ContextCounters, SecurityContext};
use mapi::mapihttp::nspi::{BindRequest, QueryColumnsRequest, Request, UnbindRequest};
use mapi::mapihttp::{AuxiliaryBuffer, Endpoint, Maybe, RequestType, ResponseCode};
use mapi::nspi::Stat;

use super::client::{Received, TestServer, User};
use crate::http::HttpLimits;
use crate::http::sessions::{SessionCookies, Sessions};
use crate::session::MailboxSession;
use crate::{Lab, LabConfig};

pub(super) const AUX: AuxiliaryBuffer = AuxiliaryBuffer::NONE;

pub(super) fn stat() -> Stat {
    Stat { code_page: 1252, template_locale: 1033, sort_locale: 1033, ..Stat::default() }
}

pub(super) async fn send(user: &mut User, request: &Request) -> Received {
    user.send(Endpoint::Nspi, request.request_type(), &request.encode().unwrap()).await
}

pub(super) async fn bind(user: &mut User) -> Received {
    send(user, &Request::Bind(BindRequest { flags: 0, stat: Maybe::new(stat()), aux: AUX })).await
}

/// A request of a session that does nothing.
fn columns() -> Request {
    Request::QueryColumns(QueryColumnsRequest { reserved: 0, map_flags: 0, aux: AUX })
}

#[tokio::test]
async fn each_request_of_a_session_has_its_turn() {
    let server = TestServer::start().await;
    let mut alice = server.alice().await;
    assert_eq!(send(&mut alice, &columns()).await.code(), 13, "no session");
    let bound = bind(&mut alice).await;
    assert_eq!(bound.code(), 0);
    for set in bound.all("Set-Cookie") {
        assert!(set.ends_with("; path=/mapi/nspi; HttpOnly"), "{set}");
    }
    let first = alice.cookies.clone();
    assert_eq!(
        first.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["MapiContext", "MapiSequence"]
    );
    assert_eq!(send(&mut alice, &columns()).await.code(), 0);
    let second = alice.cookies.clone();
    assert_eq!(first[0], second[0], "the session is the same");
    assert_ne!(first[1], second[1], "the sequence cookie changes");

    alice.cookies = first.clone();
    assert_eq!(send(&mut alice, &columns()).await.code(), 15, "the request is repeated");
    alice.cookies = vec![second[0].clone()];
    assert_eq!(send(&mut alice, &columns()).await.code(), 13, "no sequence cookie");
    alice.cookies = second;
    assert_eq!(send(&mut alice, &columns()).await.code(), 0);

    let unbind = Request::Unbind(UnbindRequest { reserved: 0, aux: AUX });
    assert_eq!(send(&mut alice, &unbind).await.code(), 0);
    assert_eq!(send(&mut alice, &columns()).await.code(), 10, "after Unbind");
}

#[tokio::test]
async fn a_session_belongs_to_its_user_and_its_endpoint() {
    let server = TestServer::start().await;
    let mut alice = server.alice().await;
    bind(&mut alice).await;
    let mut bob = User::new(server.connect().await, "bob");
    bob.cookies.clone_from(&alice.cookies);
    assert_eq!(send(&mut bob, &columns()).await.code(), 10);
    assert_eq!(bob.send(Endpoint::Nspi, RequestType::PING, b"").await.code(), 10);
    assert_eq!(alice.send(Endpoint::Emsmdb, RequestType::PING, b"").await.code(), 6);
    // Bob opens a session of his own, and Alice's continues.
    assert_eq!(bind(&mut bob).await.code(), 0);
    assert_ne!(bob.cookies, alice.cookies);
    assert_eq!(send(&mut alice, &columns()).await.code(), 0);
}

#[tokio::test]
async fn a_session_continues_on_another_connection_and_ends_with_the_next_bind() {
    let server = TestServer::start().await;
    let mut alice = server.alice().await;
    bind(&mut alice).await;
    let mut elsewhere = server.alice().await;
    elsewhere.cookies.clone_from(&alice.cookies);
    assert_eq!(send(&mut elsewhere, &columns()).await.code(), 0);
    let before = elsewhere.cookies.clone();
    assert_eq!(bind(&mut elsewhere).await.code(), 0);
    assert_ne!(before[0], elsewhere.cookies[0]);
    alice.cookies = before;
    assert_eq!(send(&mut alice, &columns()).await.code(), 10);
    assert_eq!(send(&mut elsewhere, &columns()).await.code(), 0);
}

#[tokio::test]
async fn different_values_of_one_cookie_are_refused() {
    let server = TestServer::start().await;
    let mut alice = server.alice().await;
    bind(&mut alice).await;
    let first = alice.cookies.clone();
    alice.cookies.clear();
    bind(&mut alice).await;
    alice.cookies.extend(first);
    assert_eq!(send(&mut alice, &columns()).await.code(), 6);
}

/// A table of sessions, the context of a user, and the cookies of a session.
fn table(limits: HttpLimits) -> (Sessions, SecurityContext) {
    let context = SecurityContext::anonymous(&ContextCounters::new(), &Authority::new("lab"));
    (Sessions::new(limits), context)
}

fn cookies(set: &[String]) -> SessionCookies {
    let mut headers = hyper::HeaderMap::new();
    for cookie in set {
        headers.append("Cookie", cookie.split(';').next().unwrap().parse().unwrap());
    }
    SessionCookies::of(&headers).unwrap()
}

#[tokio::test(start_paused = true)]
async fn two_requests_at_once_are_out_of_sequence() {
    let (sessions, alice) = table(HttpLimits::default());
    let session = sessions.open(&alice, Endpoint::Nspi, &SessionCookies::default(), None, 2).unwrap();
    let first = cookies(&session.set_cookies());
    let turn = session.take_turn(&first).unwrap();
    for cookies in [&first, &cookies(&session.set_cookies())] {
        assert_eq!(session.take_turn(cookies).err(), Some(ResponseCode::InvalidSequence));
    }
    tokio::time::advance(Duration::from_hours(1)).await;
    assert!(sessions.find(&alice, Endpoint::Nspi, &first).is_ok(), "no session expires within a request");
    drop(turn);
    assert!(session.take_turn(&cookies(&session.set_cookies())).is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_expires() {
    let (sessions, alice) = table(HttpLimits::default());
    let session = sessions.open(&alice, Endpoint::Nspi, &SessionCookies::default(), None, 2).unwrap();
    let cookies = cookies(&session.set_cookies());
    let found = || sessions.find(&alice, Endpoint::Nspi, &cookies).map(drop);
    tokio::time::advance(Duration::from_secs(899)).await;
    assert_eq!(found(), Ok(()));
    session.refresh();
    tokio::time::advance(Duration::from_secs(899)).await;
    assert_eq!(found(), Ok(()));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(found(), Err(ResponseCode::ContextNotFound));
}

#[tokio::test(start_paused = true)]
async fn a_session_too_many_ends_the_one_that_was_idle_longest() {
    let (sessions, alice) = table(HttpLimits::default());
    let mut opened = Vec::new();
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(1)).await;
        let session = sessions.open(&alice, Endpoint::Nspi, &SessionCookies::default(), None, 2).unwrap();
        opened.push(cookies(&session.set_cookies()));
    }
    let found: Vec<bool> =
        opened.iter().map(|cookies| sessions.find(&alice, Endpoint::Nspi, cookies).is_ok()).collect();
    assert_eq!(found, [false, true, true]);
}

#[tokio::test(start_paused = true)]
async fn the_sessions_of_an_administrator_as_one_person_do_not_end_those_as_another() {
    let lab = Lab::new(LabConfig::two_servers()).unwrap();
    let [service, _] = testkit::http_auth::contexts_at_both_levels("svcproxy");
    let sessions = Sessions::new(HttpLimits::default());
    let mut opened = Vec::new();
    for alias in ["bob", "alice", "alice", "alice"] {
        tokio::time::advance(Duration::from_secs(1)).await;
        let dn = lab.backend.config.user_dn(alias);
        let mailbox = MailboxSession::connect(&lab.backend, &service, &dn, 1252).unwrap().session;
        let session = sessions.open(&service, Endpoint::Emsmdb, &SessionCookies::default(), Some(mailbox), 2);
        opened.push(cookies(&session.unwrap().set_cookies()));
    }
    let found = opened.iter().map(|cookies| sessions.find(&service, Endpoint::Emsmdb, cookies).is_ok());
    assert_eq!(found.collect::<Vec<_>>(), [true, false, true, true]);
}
