//! Recorded requests of another server's clients. The lab has other users and other sessions, so that their outcome
//! differs; each response has the specified form.

use std::collections::BTreeMap;
use std::time::Duration;

use mapi::mapihttp::{Endpoint, RequestType, emsmdb, nspi};
use testkit::captures::{self, HttpMessage};

use super::client::{Received, TestServer, User};
use crate::LabConfig;
use crate::http::HttpLimits;

/// The distinguished names of the recorded users begin with it.
const RECORDED: &[u8] = b"/o=Gromox default/";

/// The body of a recorded `Connect` with Alice's distinguished name, which ends with a zero. Other bodies are left as
/// they are: in a logon the size of the name precedes it.
fn as_alice(body: &[u8]) -> Vec<u8> {
    if !body.starts_with(RECORDED) {
        return body.to_vec();
    }
    let end = body.iter().position(|byte| *byte == 0).unwrap();
    [LabConfig::default().user_dn("alice").as_bytes(), &body[end..]].concat()
}

/// Sends a recorded request as `user`.
async fn replay(user: &mut User, request: &HttpMessage) -> Received {
    let kept = ["content-type", "x-requesttype", "x-requestid", "x-clientinfo", "x-clientapplication"];
    let kept = request.headers.iter().filter(|(name, _)| kept.contains(&name.to_ascii_lowercase().as_str()));
    let kept: Vec<String> = kept.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let lines = user.authorization.clone() + &kept.concat() + &user.cookie_line();
    let line = request.start_line.trim_end_matches(" HTTP/1.1");
    let received = user.client.send(line, &lines, &as_alice(&request.body)).await;
    user.keep_cookies(&received);
    received
}

#[tokio::test]
async fn each_recorded_request_receives_a_response_of_the_specified_form() {
    let soon = Duration::from_millis(1);
    let server =
        TestServer::with_limits(HttpLimits { notification_wait: soon, ..HttpLimits::default() }).await;
    let (mut store, mut book) = (server.alice().await, server.alice().await);
    let mut accepted = BTreeMap::<&str, usize>::new();
    for exchange in captures::mapihttp() {
        let Some(request) = HttpMessage::read(&exchange.request) else { continue };
        let path = request.start_line.split(' ').nth(1).unwrap_or_default();
        let Some(endpoint) = Endpoint::of_path(path) else { continue };
        let user = if endpoint == Endpoint::Nspi { &mut book } else { &mut store };
        let received = replay(user, &request).await;
        assert_eq!(received.status, 200, "{}", exchange.label);
        let recorded = HttpMessage::read(&exchange.response);
        let was_accepted = recorded.and_then(|response| Some(response.header("X-ResponseCode")? == "0"));
        if was_accepted == Some(true) {
            assert_eq!(received.code(), 0, "{}", exchange.label);
        }
        if received.code() != 0 {
            assert_eq!(received.header("Content-Type"), "text/html", "{}", exchange.label);
            continue;
        }
        assert_eq!(received.header("Content-Type"), "application/mapi-http", "{}", exchange.label);
        let request_type = request.header("X-RequestType").and_then(RequestType::parse).unwrap();
        *accepted.entry(request_type.name()).or_default() += 1;
        let payload = received.payload();
        let rest = match endpoint {
            Endpoint::Emsmdb => emsmdb::Response::decode(request_type, &payload).unwrap().1,
            Endpoint::Nspi => nspi::Response::decode(request_type, &payload).unwrap().1,
        };
        assert!(rest.is_empty(), "{}", exchange.label);
    }
    let of = |name| accepted.get(name).copied().unwrap_or_default();
    assert!(of("Execute") > 300 && of("QueryRows") > 5 && of("Bind") > 1, "{accepted:?}");
}
