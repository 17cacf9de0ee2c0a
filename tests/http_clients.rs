//! curl with the HTTP requests of Outlook: authentication, Autodiscover and virtual directories.

use crate::harness::{
    ALICE, Credentials, Curl, HttpClient, HttpPlace as Place, HttpUpstream, Page, RECORDED_SERVER, code,
    header, hex,
};

/// The Autodiscover request of Outlook.
pub(crate) const ASKED: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover \
    xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\"><Request>\
    <EMailAddress>alice@lab.test</EMailAddress><AcceptableResponseSchema>\
    http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a\
    </AcceptableResponseSchema></Request></Autodiscover>";

/// Asserts that no part of `page` names the server.
#[track_caller]
fn expect_no_server(page: &Page, upstream: &HttpUpstream) {
    let text = format!("{}\n{}", page.heads.join("\n"), page.body).to_lowercase();
    let address = upstream.url();
    for name in [RECORDED_SERVER, address.split('/').nth(2).unwrap()] {
        assert!(!text.contains(name), "{name}: {text}");
    }
}

#[test]
fn autodiscover_names_the_proxy_and_no_server() {
    let place = Place::new("ntlm");
    let post = ["--data", ASKED, "--header", "Content-Type: text/xml"];
    for path in ["/autodiscover/autodiscover.xml", "/AutoDiscover/AUTODISCOVER.xml"] {
        let page = place.curl(path).user(ALICE).with(&post).run();
        assert_eq!((page.status(), page.headers("Content-Type")), (200, vec!["text/xml"]), "{page:?}");
        expect_no_server(&page, &place.upstream);
        for part in [
            "<MailStore><InternalUrl>https://proxy.lab.test:8443/mapi/emsmdb/?MailboxId=616c6963-",
            "<AddressBook><InternalUrl>https://proxy.lab.test:8443/mapi/nspi/?MailboxId=616c6963-",
            "<OABUrl>https://proxy.lab.test:8443/OAB/</OABUrl>",
            "<EwsUrl>https://proxy.lab.test:8443/EWS/Exchange.asmx</EwsUrl>",
            "<Type>EXPR</Type><Server>proxy.lab.test</Server>",
            // Names of mailboxes and people are unchanged.
            "<Type>EXCH</Type><Server>616c6963-6540-6c61-622e-746502000000@lab.test</Server>",
            "<AutoDiscoverSMTPAddress>alice@lab.test</AutoDiscoverSMTPAddress>",
            "<LegacyDN>/o=Gromox default/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/",
        ] {
            assert!(page.body.contains(part), "{part} is not in {}", page.body);
        }
    }
    let path =
        "/AutoDiscover/AutoDiscover.JSON?Email=alice%40lab.test&Protocol=AutodiscoverV1&RedirectCount=1";
    let page = place.curl(path).user(ALICE).run();
    expect_no_server(&page, &place.upstream);
    let url = "https://proxy.lab.test:8443/autodiscover/autodiscover.xml";
    assert_eq!(page.body, format!("{{\"Protocol\":\"AutodiscoverV1\",\"Url\":\"{url}\"}}"));
    // The request reached the server unchanged, with the service account.
    let requests = place.upstream.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!((&requests[0]["content"], &requests[2]["target"]), (&hex(ASKED).into(), &path.into()));
    place.upstream.expect_service_account_only();
}

#[test]
fn curl_authenticates_by_ntlm() {
    let place = Place::new("basic");
    let page = place.curl("/EWS/Exchange.asmx").user(ALICE).with(&["--ntlm"]).run();
    assert_eq!(page.statuses(), [401, 200], "{page:?}");
    assert_eq!(page.body, "GET /EWS/Exchange.asmx");
    let page = place.curl("/EWS/Exchange.asmx").user(("alice", "white rabbit 1")).with(&["--ntlm"]).run();
    assert_eq!(page.statuses(), [401, 401], "{page:?}");
    assert_eq!(place.upstream.requests().len(), 1);
    place.upstream.expect_service_account_only();
}

#[test]
fn a_client_that_expects_100_continue_receives_it() {
    let place = Place::new("ntlm");
    // Longer than the time limit of curl.
    let waits = ["--expect100-timeout", "600", "--header", "Expect: 100-continue", "--data", "a body"];
    let page = place.curl("/EWS/Exchange.asmx").user(ALICE).with(&waits).run();
    assert_eq!(page.statuses(), [100, 200], "{page:?}");
    assert_eq!(page.body, "POST /EWS/Exchange.asmxa body");
    let mapi = ["--header", "X-RequestType: PING", "--header", "Content-Type: application/mapi-http"];
    let page = place.curl("/mapi/emsmdb/").user(ALICE).with(&waits).with(&mapi).run();
    assert_eq!(page.statuses(), [100, 200], "{page:?}");
    // In the middle of a handshake too.
    let page = place.curl("/EWS/Exchange.asmx").user(ALICE).with(&waits).with(&["--ntlm"]).run();
    assert_eq!((page.status(), &*page.body), (200, "POST /EWS/Exchange.asmxa body"), "{page:?}");
    // A client that looks for a scheme first: the handshake takes place on another connection.
    let page = place.curl("/EWS/Exchange.asmx").user(ALICE).with(&waits).with(&["--ntlm", "--basic"]).run();
    assert_eq!((page.status(), &*page.body), (200, "POST /EWS/Exchange.asmxa body"), "{page:?}");
    assert!(place.upstream.requests().iter().all(|request| header(request, "Expect").is_none()));
}

#[test]
fn virtual_directories_are_forwarded_refused_or_absent_as_configured() {
    let table = "[virtual_directories]\noab = \"refused\"\nowa = \"absent\"\necp = \"forwarded\"";
    for (setup, expected) in [
        (
            "",
            [
                ("/EWS/x?y=1", 200),
                ("/oab/x", 200),
                ("/owa/", 403),
                ("/ECP/", 403),
                ("/rpc/rpcproxy.dll", 403),
            ],
        ),
        (table, [("/EWS/x?y=1", 200), ("/oab/x", 403), ("/owa/", 404), ("/ECP/", 200), ("/PowerShell", 404)]),
    ] {
        let place = Place::with("negotiate", |before| before.table(setup));
        for (path, status) in expected {
            let page = place.curl(path).user(ALICE).run();
            assert_eq!(page.status(), status, "{path}: {page:?}");
            assert_eq!(
                page.body.contains("the proxy's configuration ([virtual_directories])"),
                status == 403
            );
            expect_no_server(&page, &place.upstream);
            assert_eq!(page.body == format!("GET {path}"), status == 200);
            assert!(page.headers("X-FEServer").is_empty(), "{page:?}");
        }
        let targets = place.upstream.requests().into_iter().map(|request| request["target"].clone());
        let forwarded = expected.iter().filter(|(_, status)| *status == 200).map(|(path, _)| *path);
        assert_eq!(targets.collect::<Vec<_>>(), forwarded.collect::<Vec<_>>());
        place.upstream.expect_service_account_only();
    }
}

#[test]
fn an_unauthenticated_client_learns_only_the_authentication_schemes() {
    let place = Place::with("ntlm", |before| before.clients_key("failed_sign_ins", "1000"));
    let wrong = [("alice", "White Rabbit 2"), ("mallory", "White Rabbit 1"), ("alice", "")];
    for path in ["/autodiscover/autodiscover.xml", "/mapi/emsmdb/?MailboxId=x", "/EWS/Exchange.asmx"] {
        let unknown = place.curl(path).run();
        assert_eq!(unknown.status(), 401);
        let offers = unknown.headers("WWW-Authenticate");
        assert_eq!(offers, ["Negotiate", "NTLM", "Basic realm=\"MAPI\", charset=\"UTF-8\""], "{unknown:?}");
        for account in wrong {
            let page = place.curl(path).user(account).run();
            assert_eq!((page.heads, page.body), (unknown.heads.clone(), unknown.body.clone()), "{account:?}");
            let page = place.curl(path).user(account).with(&["--ntlm"]).run();
            assert_eq!(page.statuses(), [401, 401]);
            assert_eq!(
                (page.heads.last(), page.body),
                (unknown.heads.last(), unknown.body.clone()),
                "{account:?}"
            );
        }
    }
    // Nor do requests, impacket and pyspnego authenticate.
    for by in ["none", "basic", "ntlm", "impacket", "spnego"] {
        let account = if by == "none" { ("", "") } else { ("alice", "White Rabbit 2") };
        let mut client = HttpClient::new(&place.proxy, &place.certificates, Credentials(by, account));
        let response = client.command("connect");
        assert_eq!((response["status"].as_u64(), code(&response)), (Some(401), None), "{by}: {response}");
    }
    assert!(place.upstream.log().is_empty());
}

#[test]
fn guessing_is_limited_by_ntlm_and_negotiate_too() {
    let place = Place::with("ntlm", |before| before.clients_key("failed_sign_ins", "1"));
    // The delay grows until it is longer than an attempt takes, however slow the machine is.
    let ntlm = (0..10).find_map(|_| {
        let page = place.curl("/EWS/x").user(("alice", "White Rabbit 2")).with(&["--ntlm"]).run();
        let limited = page.statuses() == [401, 429];
        assert!(limited || page.statuses() == [401, 401], "{page:?}");
        limited.then(|| page.headers("Retry-After").len())
    });
    assert_eq!(ntlm, Some(1));
    let negotiate = (0..10).find(|_| {
        let by = Credentials("spnego", ("bob", "White Rabbit 2"));
        let response = HttpClient::new(&place.proxy, &place.certificates, by).command("connect");
        assert!([401, 429].contains(&response["status"].as_u64().unwrap()), "{response}");
        response["status"] == 429
    });
    assert!(negotiate.is_some(), "each guess was checked");
}

#[test]
fn basic_without_tls_is_offered_only_where_it_is_allowed() {
    let place = Place::new("ntlm");
    let ask = || Curl::without_tls(&place.proxy, "/EWS/Exchange.asmx");
    assert_eq!(ask().run().headers("WWW-Authenticate"), ["Negotiate", "NTLM"]);
    let page = ask().user(ALICE).run();
    assert_eq!(
        (page.status(), page.headers("WWW-Authenticate")),
        (401, vec!["Negotiate", "NTLM"]),
        "{page:?}"
    );
    assert!(place.upstream.log().is_empty());
    assert_eq!(ask().user(ALICE).with(&["--ntlm"]).run().statuses(), [401, 200]);

    let place = Place::with("ntlm", |setup| setup.clients_key("basic_without_tls", "true"));
    assert_eq!(Curl::without_tls(&place.proxy, "/EWS/Exchange.asmx").user(ALICE).run().statuses(), [200]);

    let place = Place::with("ntlm", |setup| setup.clients_key("http_auth", "[\"negotiate\"]"));
    assert_eq!(place.curl("/EWS/Exchange.asmx").run().headers("WWW-Authenticate"), ["Negotiate"]);
    for scheme in ["--basic", "--ntlm"] {
        let page = place.curl("/EWS/Exchange.asmx").user(ALICE).with(&[scheme]).run();
        assert_eq!(page.status(), 401, "{page:?}");
    }
    assert!(place.upstream.log().is_empty());
}
