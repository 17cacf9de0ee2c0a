//! Operations of MAPI over HTTP: which cookies identify their sessions, and responses to HEAD requests.

use std::io::Write as _;
use std::sync::Mutex;

use crate::support::{Client, Setup, Upstream, basic, mapi};

/// Opens sessions, with the cookie of a session and those of the service account.
fn signs_in() -> Upstream {
    let count = Mutex::new(0);
    Upstream::new(move |got, stream| {
        let mut set = String::new();
        if got.head.fields.text("x-requesttype") == Some("Connect") {
            let mut count = count.lock().unwrap();
            *count += 1;
            set = format!("Set-Cookie: sid=s{count}; path=/mapi\r\n");
            for name in ["cadata", "cadataTTL", "X-BEResource", "X-CommonAccessToken"] {
                set = format!("{set}Set-Cookie: {name}=service{count}; path=/; secure\r\n");
            }
        }
        let body = [&b"PROCESSING\r\nDONE\r\n\r\n"[..], &[0; 40]].concat();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/mapi-http\r\nX-ResponseCode: 0\r\n{set}\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), &body].concat()).is_ok()
    })
}

#[test]
fn cookies_of_a_sign_in_of_the_service_account_reach_no_client_and_identify_no_session() {
    let upstream = signs_in();
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy);
    for (user, sid) in [("alice", "sid=s1"), ("bob", "sid=s2")] {
        let answer = client.exchange(mapi(user, "emsmdb", "Connect", "", &[0; 20]));
        let set: Vec<_> = answer.head.fields.all("set-cookie").collect();
        assert_eq!(set, [format!("{sid}; path=/mapi").as_bytes()]);
    }
    // Beside the cookie of a session they change nothing, and without one they identify no session.
    let answer = client.exchange(mapi("bob", "emsmdb", "Execute", "sid=s2; cadata=service1", &[0; 16]));
    assert_eq!(answer.code().as_deref(), Some("0"));
    let got = upstream.others().pop().unwrap();
    assert_eq!(got.head.fields.text("cookie"), Some("sid=s2"));
    for user in ["alice", "bob"] {
        let answer = client.exchange(mapi(user, "emsmdb", "Execute", "cadata=service1", &[0; 16]));
        assert_ne!(answer.code().as_deref(), Some("11"), "no session of another identity is named");
    }
}

#[test]
fn the_response_to_a_head_request_at_an_endpoint_has_no_body() {
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    let proxy = Setup::default().before(&upstream);
    let fields = format!("Host: a\r\nAuthorization: {}\r\nContent-Length: 0\r\n", basic("alice"));
    for lines in [
        "Content-Type: application/mapi-http\r\nX-RequestType: Execute\r\nX-RequestId: {1}:1\r\nCookie: sid=x\r\n",
        "Content-Type: application/mapi-http\r\nX-RequestType: None\r\n",
        "X-RequestType: Connect\r\n",
        "",
    ] {
        let mut client = Client::new(&proxy);
        let ask = |client: &mut Client, method| {
            client.send(format!("{method} /mapi/emsmdb/ HTTP/1.1\r\n{fields}{lines}\r\n"));
            client.response(method == "HEAD")
        };
        let answer = ask(&mut client, "HEAD");
        let length = answer.header("content-length").map(str::to_owned);
        assert!(answer.body.is_empty());
        if answer.header("connection") == Some("close") {
            assert_eq!(client.rest(), b"", "{lines}");
        } else {
            // The bytes that follow are the response to the next request.
            let next = ask(&mut client, "HEAD");
            assert_eq!((next.status(), next.code()), (answer.status(), answer.code()), "{lines}");
            assert_eq!(next.header("content-length").map(str::to_owned), length, "{lines}");
        }
    }
}
