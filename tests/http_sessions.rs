//! Sessions of MAPI over HTTP, with requests, impacket and pyspnego: ownership, responses, and the end of the server or
//! of the proxy.

use serde_json::Value;

use crate::harness::{
    ALICE, BOB, Certificates, Credentials, HttpClient, HttpPlace as Place, HttpUpstream, RECORDED_SERVER,
    SERVICE, Setup, code, header, hex,
};

/// The recorded Execute with a `RopLogon`, and one with a `RopOpenFolder`.
const LOGON: &str = "execute 65";
const OPEN: &str = "execute 66";

fn content(response: &Value) -> String {
    response["content"].as_str().unwrap().to_owned()
}

/// The responses of the server to a session by `by` without a proxy.
fn recorded() -> Vec<Value> {
    let certificates = Certificates::new();
    let upstream = HttpUpstream::within_tls("basic", &certificates);
    let mut client = HttpClient::direct(&upstream, &certificates);
    ["connect", LOGON, OPEN, "disconnect"].map(|command| client.succeed(command)).to_vec()
}

/// The headers of a response, except cookies, times and request ids.
fn lasting(response: &Value) -> Vec<Value> {
    const OTHERS: [&str; 5] = ["set-cookie", "x-requestid", "x-clientinfo", "www-authenticate", "connection"];
    let headers = response["headers"].as_array().unwrap().iter();
    let lasts = |header: &&Value| !OTHERS.contains(&&*header[0].as_str().unwrap().to_lowercase());
    headers.filter(lasts).cloned().collect()
}

#[test]
fn sessions_of_all_clients_equal_those_at_the_server_except_for_its_name() {
    let recorded = recorded();
    for (auth, clients) in
        [("ntlm", &["basic", "ntlm", "impacket"][..]), ("negotiate", &["spnego"]), ("basic", &["impacket"])]
    {
        let certificates = Certificates::new();
        let upstream = HttpUpstream::within_tls(auth, &certificates);
        let mut proxy = Setup::before_http(&upstream, &certificates).start();
        for by in clients {
            let mut client = HttpClient::new(&proxy, &certificates, Credentials(by, ALICE));
            for (command, recorded) in ["connect", LOGON, OPEN, "disconnect"].into_iter().zip(&recorded) {
                let response = client.succeed(command);
                assert_eq!(lasting(&response), lasting(recorded), "{by}, {command}");
                assert_eq!(content(&response), content(recorded), "{by}, {command}");
                assert!(!content(&response).contains(&hex(RECORDED_SERVER)), "{by}: {response}");
                assert!(!response["headers"].to_string().contains(RECORDED_SERVER), "{by}: {response}");
            }
            // An authenticated connection is not challenged again.
            proxy.expect_lines("Disconnect", 1 + clients.iter().position(|other| other == by).unwrap());
        }
        let four = ["Connect", "Execute", "Execute", "Disconnect"];
        assert_eq!(upstream.operations(), four.repeat(clients.len()));
        assert!(upstream.refusals().is_empty(), "{:?}", upstream.refusals());
        upstream.expect_service_account_only();
        let ended = proxy.stop();
        assert!(ended.status.success(), "{}", ended.err);
        let counts = format!(
            "{} operations, 0 faults, {} authentications, 0 refused clients",
            4 * clients.len(),
            clients.len()
        );
        assert!(ended.out.contains(&counts), "{counts}: {}", ended.out);
        assert!(ended.out.contains("0 open security contexts"), "{}", ended.out);
    }
}

#[test]
fn two_users_have_separate_sessions_and_connections() {
    let place = Place::new("ntlm");
    let mut alice = place.connected("ntlm", ALICE);
    let mut bob = place.connected("impacket", BOB);
    assert_ne!(alice.command("cookies"), bob.command("cookies"));
    for _ in 0..3 {
        alice.succeed(LOGON);
        bob.succeed(OPEN);
    }
    alice.succeed("disconnect");
    bob.succeed(LOGON);
    bob.succeed("disconnect");
    let requests = place.upstream.requests();
    let session = |request: &Value| {
        let cookie = header(request, "Cookie").unwrap_or_default();
        cookie.split("; ").find(|part| part.starts_with("sid=")).map(str::to_owned)
    };
    let mut pairs: Vec<_> = requests
        .iter()
        .filter_map(|request| Some((session(request)?, request["connection"].as_u64().unwrap())))
        .collect();
    pairs.sort();
    pairs.dedup();
    // Two sessions on two connections.
    assert_eq!(pairs.len(), 2, "{pairs:?}");
    assert_ne!((&pairs[0].0, pairs[0].1), (&pairs[1].0, pairs[1].1));
    assert_ne!(pairs[0].1, pairs[1].1);
    place.upstream.expect_service_account_only();
}

#[test]
fn cookies_of_another_user_are_refused_and_the_owners_session_continues() {
    let place = Place::new("ntlm");
    let mut alice = place.connected("ntlm", ALICE);
    alice.succeed(LOGON);
    let cookies = alice.command("cookies")["cookies"].clone();
    assert_eq!(cookies.as_object().unwrap().len(), 2, "{cookies}");
    let before = place.upstream.operations();
    for by in ["basic", "ntlm", "impacket", "spnego"] {
        let mut bob = place.connected(by, BOB);
        let own = bob.command("cookies")["cookies"].clone();
        for command in [LOGON, "disconnect"] {
            bob.command(&format!("take {cookies}"));
            let response = bob.command(command);
            let refused = code(&response).unwrap();
            assert!(response["status"] == 200 && refused != "0", "{by}: {response}");
            assert!(header(&response, "Set-Cookie").is_none(), "{by}: {response}");
        }
        // Nor do some of the cookies.
        let mut mixed = own.clone();
        mixed["sid"] = cookies["sid"].clone();
        bob.command(&format!("take {mixed}"));
        assert_ne!(code(&bob.command(LOGON)).unwrap(), "0", "{by}");
        // Bob's own session continues, and so does Alice's.
        bob.command(&format!("take {own}"));
        bob.succeed(OPEN);
        alice.succeed(OPEN);
        bob.succeed("disconnect");
    }
    // Alice herself may use them from another connection.
    let mut again = HttpClient::new(&place.proxy, &place.certificates, Credentials("impacket", ALICE));
    let cookies = alice.command("cookies")["cookies"].clone();
    again.command(&format!("take {cookies}"));
    again.succeed(OPEN);
    // None of these requests reached the server.
    let bobs = ["Connect", "Execute", "Execute", "Disconnect"].repeat(4);
    assert_eq!(place.upstream.operations().len(), before.len() + bobs.len() + 1);
    assert!(place.upstream.refusals().is_empty(), "{:?}", place.upstream.refusals());
}

#[test]
fn the_proxy_survives_a_server_killed_in_the_middle_of_a_response() {
    let mut place = Place::new("ntlm");
    // One client has received PROCESSING, the other nothing yet.
    let mut begun = place.connected("ntlm", ALICE);
    let mut waits = place.connected("impacket", BOB);
    begun.command("script hold");
    begun.send(LOGON);
    place.upstream.wait_held();
    waits.command("script mute");
    waits.send(LOGON);
    place.upstream.process.wait_lines("two held responses", 2, |line| line.contains("\"waits\""));
    place.upstream.process.kill();
    let broken = begun.response();
    assert!(broken.get("fault").is_some(), "half a response passes for a whole one: {broken}");
    let response = waits.response();
    assert_eq!(response["status"], 502, "{response}");
    // The proxy continues: it reports that the server is down, and works again once the server is back.
    begun.command("script ");
    assert_eq!(begun.command("connect")["status"], 502);
    place.upstream = place.upstream.restarted();
    begun.succeed("connect");
    begun.succeed(LOGON);
    begun.succeed("disconnect");
    let ended = place.proxy.stop();
    assert!(ended.out.contains("0 open security contexts"), "{}", ended.out);
}

#[test]
fn the_session_error_of_a_restarted_server_reaches_the_client() {
    for auth in ["ntlm", "basic"] {
        let mut place = Place::new(auth);
        let mut alice = place.connected("ntlm", ALICE);
        alice.succeed(LOGON);
        place.upstream = place.upstream.restarted();
        // The loss of the old connection is hidden from the client; the loss of the old session is reported.
        let lost = alice.command(OPEN);
        assert_eq!((lost["status"].as_u64(), code(&lost)), (Some(200), Some("10".into())), "{lost}");
        alice.succeed("connect");
        alice.succeed(OPEN);
        alice.succeed("disconnect");
        assert_eq!(place.upstream.operations(), ["Execute", "Connect", "Execute", "Disconnect"]);
        place.upstream.expect_service_account_only();
    }
}

#[test]
fn a_proxy_that_shuts_down_completes_responses_in_flight() {
    // Longer than this test waits.
    let mut place = Place::with("ntlm", |setup| setup.argument("--stop-seconds=3600"));
    let mut alice = place.connected("ntlm", ALICE);
    // Idle connections delay no other client.
    let _idle = place.connected("impacket", BOB);
    let whole = content(&alice.succeed(LOGON));
    alice.command("script hold");
    alice.send(LOGON);
    place.upstream.wait_held();
    place.proxy.process.terminate();
    place.proxy.process.wait_out("that it stops", |line| line.contains("stopping"));
    place.proxy.wait_closed(8443);
    place.upstream.release();
    let response = alice.response();
    assert_eq!((content(&response), code(&response)), (whole, Some("0".into())), "{response}");
    let ended = place.proxy.process.end();
    assert!(ended.status.success(), "{}", ended.err);
    assert!(ended.out.contains("0 open security contexts"), "{}", ended.out);
}

#[test]
fn sighup_reloads_the_service_password_for_new_connections() {
    let mut place = Place::new("ntlm");
    let mut before = place.connected("ntlm", ALICE);
    let read_again = |password: &str, count: usize| {
        place.proxy.write_password(password);
        place.proxy.process.hang_up();
        let says = |line: &str| line == "password of the service account reloaded";
        place.proxy.process.wait_lines("that the password was read", count, says);
    };
    read_again("not the password", 1);
    // Open connections continue, new ones cannot authenticate.
    before.succeed(LOGON);
    let mut after = HttpClient::new(&place.proxy, &place.certificates, Credentials("ntlm", ALICE));
    assert_eq!(after.command("connect")["status"], 503);
    read_again(SERVICE.1, 2);
    after.succeed("connect");
    // A file without a password is not loaded.
    place.proxy.write_password("");
    place.proxy.process.hang_up();
    place
        .proxy
        .process
        .wait_err("why not", |line| line.contains("cannot reload the password of the service account"));
    place.connected("ntlm", BOB).succeed(LOGON);
    assert!(place.proxy.stop().status.success());
}
