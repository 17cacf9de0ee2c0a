//! Pass-through authentication with curl, requests and pyspnego.

use serde_json::Value;

use crate::harness::{
    ALICE, BOB, Certificates, Credentials, Curl, HttpClient, HttpPlace as Place, HttpUpstream,
    RECORDED_SERVER, Setup, code, header, hex,
};

/// The recorded Execute with a `RopLogon`, and one with a `RopOpenFolder`.
const LOGON: &str = "execute 65";
const OPEN: &str = "execute 66";

/// The users and operations of the requests that the server served, without those of handshakes.
fn served(upstream: &HttpUpstream) -> Vec<(String, String)> {
    let requests = upstream.requests();
    let real = requests.iter().filter(|request| {
        request["request"] != "HEAD" && header(request, "X-RequestType").as_deref() != Some("PING")
    });
    let text = |value: &Value| value.as_str().unwrap().to_lowercase();
    real.map(|request| (text(&request["user"]), text(&request["target"]))).collect()
}

#[test]
fn curl_authenticates_by_the_schemes_of_the_server_only() {
    let place = Place::new("any");
    let asked = place.curl("/EWS/Exchange.asmx").run();
    let offers = ["Negotiate", "NTLM", "Basic realm=\"server\"", "Bearer"];
    assert_eq!((asked.status(), asked.headers("WWW-Authenticate")), (401, offers.to_vec()), "{asked:?}");
    for scheme in ["--basic", "--ntlm"] {
        for (name, password) in [ALICE, BOB] {
            let page = place.curl("/EWS/Exchange.asmx").user((name, password)).with(&[scheme]).run();
            assert_eq!((page.status(), &*page.body), (200, "GET /EWS/Exchange.asmx"), "{scheme}: {page:?}");
            let last = served(&place.upstream).pop().unwrap();
            assert_eq!(last, (format!("lab\\{name}"), "/ews/exchange.asmx".to_owned()), "{scheme}");
            let page = place.curl("/EWS/Exchange.asmx").user((name, "wrong")).with(&[scheme]).run();
            assert_eq!(page.status(), 401, "{scheme}: {page:?}");
        }
    }
    for (token, status) in [("token-of-alice", 200), ("token-of-mallory", 401)] {
        let page = place.curl("/EWS/Exchange.asmx").with(&["--oauth2-bearer", token]).run();
        assert_eq!(page.status(), status, "{token}: {page:?}");
    }
    // A body that is sent after the handshake is forwarded.
    let post = ["--ntlm", "--data", "a body"];
    let page = place.curl("/EWS/Exchange.asmx").user(ALICE).with(&post).run();
    assert_eq!((page.status(), &*page.body), (200, "POST /EWS/Exchange.asmxa body"), "{page:?}");
    let served = served(&place.upstream);
    assert_eq!(served.len(), 2 * 2 + 1 + 1, "{served:?}");
}

#[test]
fn basic_credentials_without_tls_are_not_forwarded() {
    let place = Place::new("any");
    let ask = || Curl::without_tls(&place.proxy, "/EWS/Exchange.asmx");
    assert_eq!(ask().run().headers("WWW-Authenticate"), ["Negotiate", "NTLM"]);
    assert_eq!(ask().user(ALICE).run().status(), 401);
    assert_eq!(ask().with(&["--oauth2-bearer", "token-of-alice"]).run().status(), 401);
    let requests = place.upstream.log();
    assert!(!format!("{requests:?}").contains("Basic"), "{requests:?}");
    assert_eq!(ask().user(ALICE).with(&["--ntlm"]).run().status(), 200);
}

#[test]
fn sessions_of_two_users_are_separate_with_every_scheme() {
    let certificates = Certificates::new();
    let upstream = HttpUpstream::within_tls("any", &certificates);
    let mut proxy = Setup::before_http(&upstream, &certificates).start();
    let ways = ["basic", "ntlm", "spnego"];
    let mut clients: Vec<_> = ways
        .iter()
        .flat_map(|by| [(by, ALICE), (by, BOB)])
        .map(|(by, account)| (account.0, HttpClient::new(&proxy, &certificates, Credentials(by, account))))
        .collect();
    // All clients at the same time, step by step.
    for command in ["connect", LOGON, OPEN, LOGON, "disconnect"] {
        for (_, client) in &mut clients {
            client.send(command);
        }
        for (name, client) in &mut clients {
            let response = client.response();
            assert_eq!(
                (&response["status"], code(&response)),
                (&Value::from(200), Some("0".into())),
                "{name}: {response}"
            );
            assert!(!response["content"].as_str().unwrap().contains(&hex(RECORDED_SERVER)), "{name}");
        }
    }
    let served = served(&upstream);
    assert_eq!(served.len(), 5 * clients.len());
    for name in ["alice", "bob"] {
        let user = format!("lab\\{name}");
        assert_eq!(served.iter().filter(|(by, _)| *by == user).count(), 5 * ways.len(), "{name}");
    }
    // No connection had two users, and each session has one user.
    let mut owners = std::collections::HashMap::new();
    for request in upstream.requests() {
        let user = request["user"].as_str().unwrap().to_lowercase();
        let session = header(&request, "Cookie").unwrap_or_default();
        let session = session.split("; ").find(|part| part.starts_with("sid=")).map(str::to_owned);
        for key in [Some(request["connection"].to_string()), session].into_iter().flatten() {
            let owner = owners.entry(key).or_insert_with(|| user.clone());
            assert_eq!(*owner, user, "{request}");
        }
    }
    assert!(upstream.refusals().is_empty(), "{:?}", upstream.refusals());
    drop(clients);
    let ended = proxy.stop();
    assert!(ended.out.contains("0 open security contexts"), "{}", ended.out);
}

#[test]
fn cookies_of_another_user_are_refused_though_the_server_would_accept_them() {
    let place = Place::new("any");
    let mut alice = place.connected("ntlm", ALICE);
    let cookies = alice.command("cookies")["cookies"].clone();
    for by in ["basic", "ntlm", "spnego"] {
        let mut bob = place.connected(by, BOB);
        bob.command(&format!("take {cookies}"));
        assert_ne!(code(&bob.command(LOGON)).unwrap(), "0", "{by}");
    }
    // The same name by another scheme need not be the same user.
    let mut other = HttpClient::new(&place.proxy, &place.certificates, Credentials("basic", ALICE));
    other.command(&format!("take {cookies}"));
    assert_ne!(code(&other.command(OPEN)).unwrap(), "0");
    alice.succeed(LOGON);
    // Outlook has several connections for one session: each authenticates as the same user.
    let cookies = alice.command("cookies")["cookies"].clone();
    let mut second = HttpClient::new(&place.proxy, &place.certificates, Credentials("spnego", ALICE));
    second.command(&format!("take {cookies}"));
    second.succeed(OPEN);
}

#[test]
fn a_revoked_or_interrupted_authentication_is_repeated_by_the_client_only() {
    let place = Place::new("any");
    let mut alice = place.connected("spnego", ALICE);
    let mut again = place.connected("ntlm", ALICE);
    alice.succeed(LOGON);
    again.succeed(LOGON);
    let connections =
        || place.upstream.requests().iter().map(|r| r["connection"].as_u64().unwrap()).max().unwrap();
    let before = connections();
    place.upstream.revoke();
    // The client is challenged. One that can authenticate again keeps its session; the other gets an error.
    let refused = alice.command(OPEN);
    assert_eq!(refused["status"], 401, "{refused}");
    assert!(refused["headers"].to_string().contains("Negotiate"), "{refused}");
    again.succeed(OPEN);
    assert!(connections() > before, "what was taken back is used again");
    // During authentication the client is challenged anew.
    let bob = || HttpClient::new(&place.proxy, &place.certificates, Credentials("spnego", BOB));
    place.upstream.drop_after_challenge();
    let broken = bob().command("connect");
    assert_eq!(broken["status"], 401, "{broken}");
    bob().succeed("connect");
    assert!(served(&place.upstream).iter().any(|(user, _)| user == "lab\\bob"));
}

#[test]
fn autodiscover_v2_needs_authentication_only_if_the_server_requires_it() {
    for auth in ["any", "ntlm"] {
        let place = Place::new(auth);
        let json = "/autodiscover/autodiscover.json?Email=alice%40lab.test&Protocol=AutodiscoverV1";
        let page = place.curl(json).run();
        if auth == "any" {
            let url = "https://proxy.lab.test:8443/autodiscover/autodiscover.xml";
            assert_eq!(
                (page.status(), &*page.body),
                (200, &*format!("{{\"Protocol\":\"AutodiscoverV1\",\"Url\":\"{url}\"}}"))
            );
            let asked = place.upstream.requests();
            assert_eq!(asked.len(), 1);
            assert_eq!((header(&asked[0], "Authorization"), asked[0]["user"].is_null()), (None, true));
        } else {
            // The proxy authenticates to the server only if the server requires it.
            assert_eq!((page.status(), page.headers("WWW-Authenticate").len()), (401, 3), "{page:?}");
            assert!(place.upstream.requests().is_empty());
            assert_eq!(place.curl(json).user(ALICE).run().status(), 200);
        }
        assert_eq!(place.curl("/autodiscover/autodiscover.xml").with(&["--data", "x"]).run().status(), 401);
    }
}

#[test]
fn handshakes_succeed_at_a_server_that_responds_to_head_with_a_body() {
    let place = Place::new("any");
    place.upstream.respond_to_head_with_body();
    for path in ["/EWS/Exchange.asmx", "/OAB/1/oab.xml"] {
        let page = place.curl(path).user(ALICE).with(&["--ntlm"]).run();
        assert_eq!((page.status(), &*page.body), (200, &*format!("GET {path}")), "{page:?}");
        assert_eq!(place.curl(path).user((ALICE.0, "wrong")).with(&["--ntlm"]).run().status(), 401);
    }
    let users: Vec<_> = served(&place.upstream).into_iter().map(|(user, _)| user).collect();
    assert_eq!(users, ["lab\\alice"; 2]);
    assert!(place.upstream.requests().iter().all(|request| request["request"] != "HEAD"));
}
