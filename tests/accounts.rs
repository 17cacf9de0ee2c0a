//! Accounts: which spellings of a name authenticate, and what ends when an account is changed or removed.

use std::time::{Duration, Instant};

use crate::harness::{
    ALICE, BOB, Client, Credentials, HttpClient, HttpPlace, Outcome, PATIENCE, Proxy, RawUpstream,
    ScriptedClient, Setup, Upstream, echo,
};

/// An account without a domain, named by a mail address.
const DORA: (&str, &str) = ("dora@mail.test", "Dormouse 5");

/// User names, passwords, and whether they authenticate as LAB\alice or [`DORA`].
const NAMES: [(&str, &str, bool); 13] = [
    ("alice", "White Rabbit 1", true),
    ("LAB\\alice", "White Rabbit 1", true),
    ("lab.test\\alice", "White Rabbit 1", true),
    ("alice@lab.test", "White Rabbit 1", true),
    ("Alice@LAB", "White Rabbit 1", true),
    ("alice@LAB.evil", "White Rabbit 1", false),
    ("LAB.evil\\alice", "White Rabbit 1", false),
    ("alice@lab.test", "White Rabbit 2", false),
    (DORA.0, DORA.1, true),
    ("Dora@MAIL.test", DORA.1, true),
    ("mail.test\\dora", DORA.1, true),
    ("dora", DORA.1, false),
    ("dora@mail.test.evil", DORA.1, false),
];

#[test]
fn each_spelling_of_a_name_authenticates_over_http_or_fails_with_every_scheme() {
    let place = HttpPlace::new("ntlm");
    place.proxy.add_account_of("", DORA);
    place.proxy.reload_accounts(3);
    for (name, password, signs_in) in NAMES {
        for scheme in ["--basic", "--ntlm"] {
            let user = format!("{name}:{password}");
            let page = place.curl("/oab/oab.xml").with(&[scheme, "--user", &user]).run();
            assert_eq!(page.status() != 401, signs_in, "{name} {scheme}: {:?}", page.statuses());
        }
    }
}

#[test]
fn each_spelling_of_a_name_authenticates_or_fails_over_rpc() {
    let upstream = Upstream::start();
    let proxy = Setup::before(&upstream.mapper().to_string()).start();
    proxy.add_account_of("", DORA);
    proxy.reload_accounts(3);
    // Each needs a whole conversation of a client, so every other one is tried.
    for (name, password, signs_in) in NAMES.into_iter().step_by(2) {
        // Clients send the part before a backslash as the domain, and leave other spellings to the server.
        let (domain, user) = name.split_once('\\').unwrap_or(("", name));
        let client = Client::impacket(proxy.mapper()).with("--user", user).with("--password", password);
        let report = client.with("--domain", domain).with("--level", "privacy").run();
        assert_eq!(report.failed.is_none(), signs_in, "{name}: {}", report.text);
    }
}

#[test]
fn ambiguous_accounts_are_not_loaded_and_the_old_ones_stay() {
    let place = HttpPlace::new("ntlm");
    // Added without the configuration, by which both domain names are names of one domain.
    place.proxy.add_account_of("", ("alice@lab.test", DORA.1));
    place.proxy.process.hang_up();
    place.proxy.process.wait_err("why not", |line| {
        line.contains("cannot reload the accounts")
            && line.contains("accounts.toml")
            && line.contains("LAB\\alice (line ")
            && line.contains("alice@lab.test (line ")
    });
    let signs_in = |password: &str| {
        let user = format!("alice@lab.test:{password}");
        place.curl("/oab/oab.xml").with(&["--basic", "--user", &user]).run().status() != 401
    };
    assert!(signs_in("White Rabbit 1") && !signs_in(DORA.1));
}

/// The recorded Execute with a `RopLogon`.
const LOGON: &str = "execute 65";

/// A change that ends everything authenticated as alice, and the number of accounts after it.
type AccountChange = (fn(&Proxy), usize);

const REMOVED: AccountChange = (|proxy| proxy.remove_account(ALICE), 1);
const NEW_PASSWORD: AccountChange = (|proxy| proxy.change_password(("alice", "White Rabbit 2")), 2);

#[test]
fn removing_or_changing_an_account_ends_its_http_connections_and_pending_requests() {
    for (change, accounts) in [REMOVED, NEW_PASSWORD] {
        let place = HttpPlace::new("ntlm");
        let [mut by_ntlm, mut by_basic, mut opens] =
            ["impacket", "basic", "impacket"].map(|by| place.connected(by, ALICE));
        let mut bob = place.connected("impacket", BOB);
        let mut waits = place.connected("impacket", ALICE);
        waits.command("script mute");
        waits.send(LOGON);
        place.upstream.wait_held();
        let before = place.upstream.operations().len();

        change(&place.proxy);
        place.proxy.reload_accounts(accounts);
        assert_eq!(by_ntlm.command(LOGON)["status"], 401);
        assert_eq!(by_basic.command(LOGON)["status"], 401);
        // Another session on the connection.
        assert_eq!(opens.command("connect")["status"], 401);
        // The pending request ends.
        assert_eq!(waits.response()["status"], 401);
        bob.succeed(LOGON);
        // Only the Disconnects of her sessions follow.
        let operations = place.upstream.operations();
        assert_eq!(operations.iter().filter(|operation| *operation != "Disconnect").count(), before + 1);
        place.upstream.release();
    }
}

#[test]
fn a_changed_password_replaces_the_old_one_and_unchanged_accounts_stay_authenticated() {
    let place = HttpPlace::new("ntlm");
    let mut alice = place.connected("basic", ALICE);
    place.proxy.add_account(("carol", "Mock Turtle 4"));
    place.proxy.reload_accounts(3);
    alice.succeed(LOGON);
    place.proxy.change_password(("alice", "White Rabbit 2"));
    place.proxy.reload_accounts(3);
    assert_eq!(alice.command(LOGON)["status"], 401);
    place.connected("basic", ("alice", "White Rabbit 2")).succeed(LOGON);
    let mut old = HttpClient::new(&place.proxy, &place.certificates, Credentials("basic", ALICE));
    assert_eq!(old.command("connect")["status"], 401);
}

#[test]
fn removing_or_changing_an_account_faults_its_rpc_calls() {
    for (change, accounts) in [REMOVED, NEW_PASSWORD] {
        let upstream =
            RawUpstream::start(|call| if call.opnum == 10 { Outcome::NoResponse } else { echo(call) });
        let proxy = Setup::before(&upstream.binding()).upstream_key("level", "\"none\"").start();
        let (mut alice, mut waits) =
            (ScriptedClient::bound(&proxy, ALICE, 0), ScriptedClient::bound(&proxy, ALICE, 0));
        let (handle, waiting) = (alice.open(), waits.open());
        let mut bob = ScriptedClient::bound(&proxy, BOB, 0);
        waits.send(&format!("use {waiting}"));
        upstream.wait_calls(3);

        change(&proxy);
        proxy.reload_accounts(accounts);
        assert!(alice.fault_of(&handle).contains("access_denied"));
        assert!(alice.command("open")["fault"].as_str().unwrap().contains("access_denied"));
        // The pending call ends.
        assert!(waits.response()["fault"].as_str().unwrap().contains("access_denied"));
        // Their connections to the server are closed.
        upstream.wait_ended(2);
        bob.open();
        // Only NspiUnbind (opnum 1) of her sessions was sent meanwhile.
        assert_eq!(upstream.calls().iter().filter(|call| call.opnum != 1).count(), 4);
    }
}

#[test]
fn a_client_must_authenticate_again_after_context_seconds() {
    let place = HttpPlace::with("ntlm", |setup| setup.clients_key("context_seconds", "1"));
    let mut alice = HttpClient::new(&place.proxy, &place.certificates, Credentials("impacket", ALICE));
    let until = Instant::now() + PATIENCE;
    let mut responses = 0;
    while alice.command("ask /oab/oab.xml")["status"] != 401 {
        responses += 1;
        assert!(Instant::now() < until, "{responses} responses");
    }
    place.connected("impacket", ALICE).succeed(LOGON);
}

#[test]
fn refused_calls_do_not_keep_the_connection_of_an_expired_or_revoked_authentication_open() {
    let revoked = |setup: Setup| setup;
    let expired = |setup: Setup| setup.clients_key("context_seconds", "2");
    for (configured, is_revoked) in [(revoked as fn(Setup) -> Setup, true), (expired, false)] {
        let upstream = RawUpstream::echo();
        let setup = Setup::before(&upstream.binding()).upstream_key("level", "\"none\"");
        let proxy = configured(setup.clients_key("handshake_seconds", "2")).start();
        let mut alice = ScriptedClient::bound(&proxy, ALICE, 0);
        let handle = alice.open();
        if is_revoked {
            proxy.remove_account(ALICE);
            proxy.reload_accounts(1);
        }
        let begin = Instant::now();
        let over = |line: &String| line.contains("no authenticated call within clients.handshake_seconds");
        while !proxy.process.err().iter().any(over) {
            assert!(begin.elapsed() < PATIENCE, "it goes on: revoked {is_revoked}");
            alice.send(&format!("use {handle}"));
            std::thread::sleep(Duration::from_millis(200));
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    }
}

#[test]
fn an_authentication_for_another_target_name_fails() {
    let place = HttpPlace::with("ntlm", |setup| {
        setup.clients_key("target_names", "[\"balancer.test\", \"10.1.2.3\"]")
    });
    for (host, status) in [
        ("proxy.lab.test", 200),
        ("PROXY", 200),
        ("Balancer.test", 200),
        ("10.1.2.3", 200),
        ("exch.lab.test", 401),
        ("proxy.lab.test.evil", 401),
        ("10.1.2.4", 401),
    ] {
        let by = Credentials("spnego", ALICE);
        let mut client = HttpClient::for_host(host, &place.proxy, &place.certificates, by);
        assert_eq!(client.command("connect")["status"], status, "{host}");
    }
    place.proxy.process.wait_err("why", |line| line.contains("clients.target_names"));
}
