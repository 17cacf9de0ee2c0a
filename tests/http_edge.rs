//! HTTP: URLs in responses, a proxy configured as its own upstream, and log lines for truncated responses and refusals.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::Command;

use crate::harness::raw_http::Server;
use crate::harness::{
    ALICE, Folder, HttpPlace as Place, PATIENCE, Process, Proxy, add_account, address, program,
};
use crate::http_clients::ASKED;

#[test]
fn urls_are_the_public_ones_and_clients_are_offered_the_configured_schemes() {
    let place = Place::with("ntlm", |setup| {
        setup.top_key("public_url", "\"https://mail.lab.test/\"").clients_key("http_auth", "[\"ntlm\"]")
    });
    let ask = |path: &str| place.curl(path).user(ALICE).with(&["--ntlm"]);
    let page = ask("/autodiscover/autodiscover.xml").with(&["--data", ASKED]).run();
    assert_eq!(page.status(), 200, "{page:?}");
    for part in [
        "<MailStore><InternalUrl>https://mail.lab.test/mapi/emsmdb/?MailboxId=",
        "<AddressBook><InternalUrl>https://mail.lab.test/mapi/nspi/?MailboxId=",
        "<OABUrl>https://mail.lab.test/OAB/</OABUrl>",
        "<Type>EXPR</Type><Server>mail.lab.test</Server>",
        "<SSL>On</SSL>",
        "<AuthPackage>ntlm</AuthPackage>",
    ] {
        assert!(page.body.contains(part), "{part} is not in {}", page.body);
    }
    assert!(!page.body.contains("basic") && !page.body.contains("proxy.lab.test:8443"), "{}", page.body);
    let page = ask("/autodiscover/autodiscover.json?Email=alice%40lab.test&Protocol=AutodiscoverV1").run();
    assert!(page.body.contains("\"https://mail.lab.test/autodiscover/autodiscover.xml\""), "{}", page.body);
}

#[test]
fn a_proxy_that_is_its_own_upstream_does_not_start() {
    let folder = Folder::new();
    let own = address();
    add_account(&folder, ALICE);
    folder.write("service.password", "secret");
    for (listen, upstream, says) in [
        (format!("http = \"{own}:8080\""), format!("http = \"http://{own}:8080\""), "upstream.http"),
        ("http = \"0.0.0.0:8080\"".to_owned(), format!("http = \"http://{own}:8080\""), "upstream.http"),
        (format!("rpc = \"{own}:6001\""), format!("rpc = \"ncacn_ip_tcp:{own}[6001]\""), "upstream.rpc"),
        (
            format!("rpc = \"{own}:6001\"\nendpoint_mapper = \"{own}:1135\""),
            format!("rpc = \"{own}:1135\""),
            "upstream.rpc",
        ),
    ] {
        let text = format!(
            "name = \"proxy.lab.test\"\n[listen]\n{listen}\n[clients]\naccounts = \"accounts.toml\"\n\
             [upstream]\n{upstream}\n[upstream.credentials]\nmode = \"specified\"\nuser = \"svcproxy\"\n\
             domain = \"LAB\"\npassword_file = \"service.password\"\n"
        );
        let config = folder.write("proxy.toml", &text);
        for verb in ["run", "check"] {
            let mut command = Command::new(program());
            let ended = Process::start("mapiproxy", command.args([verb, "--config"]).arg(&config)).end();
            assert!(!ended.status.success(), "{verb}: {}", ended.out);
            let why = format!("{says}: request loop: {own} ({own}:");
            assert!(
                ended.err.contains(&why) && ended.err.contains("is an address of this proxy's own listener "),
                "{}",
                ended.err
            );
        }
    }
}

/// Sends a request as Alice on a new connection, and reads to its end.
fn said_to_alice(proxy: &Proxy, request: &str) -> String {
    let mut stream = TcpStream::connect((proxy.address, 8080)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // LAB\\alice:White Rabbit 1
    let alice = "Authorization: Basic TEFCXGFsaWNlOldoaXRlIFJhYmJpdCAx\r\nConnection: close\r\n";
    let request = request.replacen("\r\n", &format!("\r\nHost: proxy.lab.test\r\n{alice}"), 1);
    stream.write_all(request.as_bytes()).unwrap();
    let mut said = Vec::new();
    // A truncated response ends without further bytes.
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn a_truncated_response_is_logged_with_its_side() {
    for (response, why) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "connection closed within a message"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n", "invalid chunk size"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nhalf",
            "more than one Content-Length",
        ),
        ("HTTP/1.1 2x0 OK\r\n\r\n", "malformed head"),
        ("", "closed the connection"),
    ] {
        let server = Server::start(move |_, _| (response.as_bytes().to_vec(), false));
        let proxy = server.proxied(|setup| setup);
        said_to_alice(&proxy, "GET /ews/x HTTP/1.1\r\n\r\n");
        proxy.process.wait_err(why, |line| {
            let whose = line.contains("account=LAB\\alice") && line.contains("operation=\"/ews/x\"");
            line.contains(" upstream") && line.contains(why) && whose
        });
    }
}

#[test]
fn refused_operations_do_not_flood_the_log() {
    let server = Server::start(|_, _| (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_vec(), true));
    let mut proxy = server.proxied(|setup| setup);
    let request = "POST /mapi/emsmdb/ HTTP/1.1\r\nX-RequestType: Frob\r\nContent-Length: 0\r\n\r\n";
    for _ in 0..200 {
        assert!(said_to_alice(&proxy, request).contains("\r\nX-ResponseCode: 5\r\n"));
    }
    let ended = proxy.stop();
    let lines = ended.err.lines().filter(|line| line.contains("refused: unknown X-RequestType")).count();
    // Ten in ten seconds.
    assert!((10..=50).contains(&lines), "{lines}");
}

#[test]
fn a_refused_request_is_logged_with_its_target() {
    let server = Server::start(|_, _| (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_vec(), true));
    let proxy = server.proxied(|setup| setup);
    let response = said_to_alice(&proxy, "GET /oab/../owa HTTP/1.1\r\n\r\n");
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
    let text = "client request refused: GET /oab/../owa: ";
    let line = proxy.process.wait_err(text, |line| line.contains(text));
    assert!(line.contains("client=127.0.0.1:"), "{line}");
}

#[test]
fn a_refused_operation_is_logged_once_with_its_user() {
    let server = Server::start(|_, _| (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_vec(), true));
    let proxy = server.proxied(|setup| setup);
    for (number, (fields, code, operation, why)) in [
        ("X-RequestType: Frob\r\n", 5, "\"Frob\"", "unknown X-RequestType"),
        ("", 7, "\"unknown\"", "X-RequestType is missing"),
        (
            "X-RequestType: Execute\r\nX-RequestType: PING\r\n",
            4,
            "\"Execute\"",
            "more than one X-RequestType",
        ),
        (
            "X-RequestType: Execute\r\nCookie: sid=made-up\r\n",
            10,
            "\"emsmdb.Execute\"",
            "the cookies identify a session that has ended or that never existed",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let response = said_to_alice(
            &proxy,
            &format!(
                "POST /mapi/emsmdb/ HTTP/1.1\r\n{fields}X-RequestId: {{1}}:1\r\nContent-Length: 0\r\n\r\n"
            ),
        );
        assert!(response.contains(&format!("\r\nX-ResponseCode: {code}\r\n")), "{fields}: {response}");
        let line = proxy.process.wait_err(why, |line| line.contains("refused: ") && line.contains(why));
        for part in [
            "account=LAB\\alice",
            "client=127.0.0.1:",
            &format!("operation={operation}"),
            &format!("code={code}"),
        ] {
            assert!(line.contains(part), "{part} is not in {line}");
        }
        let refusals = proxy.process.err().iter().filter(|line| line.contains("refused: ")).count();
        assert_eq!(refusals, number + 1, "{:?}", proxy.process.err());
    }
}

#[test]
fn messages_of_the_tls_library_do_not_flood_the_log() {
    let mut place = Place::new("ntlm");
    for _ in 0..50 {
        let mut stream = TcpStream::connect((place.proxy.address, 8443)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // Four warnings, each an alert (user_canceled) in a separate record.
        stream.write_all(&b"\x15\x03\x03\0\x02\x01\x5a".repeat(4)).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let ended = place.proxy.stop();
    let lines = ended.err.lines().filter(|line| line.contains(" rustls::")).count();
    assert_eq!(lines, 0, "{}", ended.err);
}
