//! Slow responses: which parts of them are sent to the client before they are complete.

use std::time::Duration;

use crate::http::operation::pending::Pending;
use crate::http::tests::playbook::Happens::TimePasses;
use crate::http::tests::playbook::State::{CutShort, KeptAlive, WaitsForServer};
use crate::http::tests::playbook::{Client, request, response};
use crate::http::tests::setup::Setup;
use crate::http::tests::upstream::Upstream;

pub(super) const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/mapi-http\r\nX-ResponseCode: 0\r\n\
                               Transfer-Encoding: chunked\r\n\r\n";

#[test]
fn the_keep_alive_of_the_server_is_streamed() {
    let upstream = Upstream::silent();
    let proxy = Setup::default().before(&upstream);
    let client = Client::new(&proxy) >> request("alice", "NotificationWait", "", &[0; 8]) << "";
    let mut client = client >> response(format!("{HEAD}c\r\nPROCESSING\r\n\r\n"));
    assert!(client.until("PROCESSING\r\n\r\n").starts_with("HTTP/1.1 200 OK"));
    let end = "6\r\nDONE\r\n\r\n2\r\n\r\n\r\n8\r\n\0\0\0\0\0\0\0\0\r\n0\r\n\r\n";
    let client = client << WaitsForServer << "" >> response("7\r\nPEND") << WaitsForServer;
    // Not before the chunk is complete.
    let client = client << "" >> response("ING\r\n") << "7\r\nPENDING\r\n";
    let _ = client >> response(end) << KeptAlive << end;
}

#[test]
fn a_silent_server_has_its_time_limit_and_the_proxy_sends_no_keep_alive_for_it() {
    let pending = Pending { first: Duration::from_secs(1), period: Duration::from_secs(1) };
    let upstream = Upstream::silent();
    let proxy = Setup { pending, call_limit: Duration::from_mins(1), ..Setup::default() }.before(&upstream);
    let client = Client::new(&proxy) >> request("alice", "Execute", "", &[0; 16]) << WaitsForServer;
    let client = client >> TimePasses(Duration::from_secs(59)) << WaitsForServer << "";
    let mut client = client >> TimePasses(Duration::from_secs(1)) << KeptAlive;
    assert_eq!(client.response().status(), 504);
    // Each operation has all of that time.
    let client = client >> request("alice", "Execute", "", &[0; 16]) >> TimePasses(Duration::from_secs(59));
    let client = client << WaitsForServer >> response(format!("{HEAD}c\r\nPROCESSING\r\n\r\n"));
    let _ = client >> TimePasses(Duration::from_secs(1)) << CutShort;
}
