//! scapy authenticates at the proxy and connects to its mailbox at scapy's server, in both dialects.

use serde_json::{Value, json};

use crate::harness::{ALICE, BOB, Client, Report, SERVICE, Setup, Upstream};

const NCA_S_OP_RNG_ERROR: u64 = 0x1C01_0002;

/// Asserts the results of the conversation in both dialects.
fn expect_both_dialects(report: &Report) {
    for (connect, call, disconnect) in [
        ("EcDoConnect", "EcDoRpc", "EcDoDisconnect.2000"),
        ("EcDoConnectEx", "EcDoRpcExt2", "EcDoDisconnect"),
    ] {
        assert_eq!(report.result(connect)["szDisplayName"], "Ada Lovelace", "{}", report.text);
        assert_eq!(report.result(connect)["rgwServerVersion"], json!([8, 0x82B3, 0x41]));
        assert_eq!(report.result(call)["status"], 0);
        assert_eq!(report.result(disconnect)["pcxh"]["uuid"], "00000000-0000-0000-0000-000000000000");
    }
}

fn signs_in(level: &str, spnego: bool) {
    let upstream = Upstream::start();
    let proxy = Setup::before(&upstream.mapper().to_string()).stack(&["names"]).minimum_level(level).start();
    let client = || {
        let client = Client::scapy(proxy.mapper());
        if spnego { client.flag("--spnego") } else { client }
    };
    expect_both_dialects(&client().user(ALICE, level).run().expect_success());
    assert_eq!(upstream.users(), [format!("LAB\\{}", SERVICE.0)]);
    let refused = client().user(("alice", "White Rabbit 2"), level).run();
    assert!(refused.failed.is_some_and(|(step, _)| step.contains("emsmdb.bind") || step == "EcDoConnect"));
}

#[test]
fn a_client_is_served_with_ntlm_at_connect() {
    signs_in("connect", false);
}

#[test]
fn a_client_is_served_with_ntlm_at_integrity() {
    signs_in("integrity", false);
}

#[test]
fn a_client_is_served_with_ntlm_at_privacy() {
    signs_in("privacy", false);
}

#[test]
fn a_client_is_served_with_spnego_at_connect() {
    signs_in("connect", true);
}

#[test]
fn a_client_is_served_with_spnego_at_integrity() {
    signs_in("integrity", true);
}

#[test]
fn a_client_is_served_with_spnego_at_privacy() {
    signs_in("privacy", true);
}

/// The proxy authenticates by `mechanism`, as `auth_type`, at each level, to a server that accepts anything.
fn towards_the_server(mechanism: &str, auth_type: u8) {
    let upstream = Upstream::with_level("none");
    for (level, number) in [("connect", 2), ("integrity", 5), ("privacy", 6)] {
        let before = upstream.log().len();
        let proxy = Setup::before(&upstream.mapper().to_string())
            .upstream_key("level", &format!("\"{level}\""))
            .upstream_key("authentication", &format!("\"{mechanism}\""))
            .start();
        expect_both_dialects(&Client::scapy(proxy.mapper()).user(ALICE, "privacy").run().expect_success());
        let log = upstream.log().split_off(before);
        let binds: Vec<_> = log.iter().filter(|line| !line["auth_type"].is_null()).collect();
        assert!(binds.iter().all(|bind| bind["auth_type"] == auth_type), "{level}: {log:?}");
        assert!(binds.iter().any(|bind| bind["authenticated"] == true), "{level}: {log:?}");
        let calls: Vec<_> = log.iter().filter(|line| line.get("call").is_some()).collect();
        assert_eq!(calls.len(), 6, "{level}: {log:?}");
        assert!(calls.iter().all(|call| call["level"] == number), "{level}: {log:?}");
    }
}

#[test]
fn the_server_is_called_with_ntlm_at_every_level() {
    towards_the_server("ntlm", 10);
}

#[test]
fn the_server_is_called_with_spnego_at_every_level() {
    towards_the_server("spnego", 9);
}

/// scapy and impacket do not sign at level packet, so this test has two proxies in series.
#[test]
fn two_proxies_in_series_serve_at_every_level() {
    let upstream = Upstream::start();
    for level in ["connect", "packet", "integrity", "privacy"] {
        let second = Setup::before(&upstream.mapper().to_string()).minimum_level(level).start();
        let first = Setup::before(&second.mapper().to_string())
            .service_account(ALICE)
            .upstream_key("level", &format!("\"{level}\""))
            .start();
        let report = Client::scapy(first.mapper()).user(BOB, "privacy").run().expect_success();
        expect_both_dialects(&report);
        first.expect_lines("LAB\\bob ", 6);
        second.expect_lines("LAB\\alice ", 6);
    }
}

#[test]
fn a_wrong_service_password_is_no_authentication_failure_of_the_client() {
    let upstream = Upstream::start();
    let setup = Setup::before(&upstream.mapper().to_string()).service_account((SERVICE.0, "Cheshire Cat 4"));
    let proxy = setup.start();
    // The call fails; the client stays authenticated.
    let client = Client::scapy(proxy.mapper()).user(ALICE, "privacy").with("--dialect", "2000");
    client.run().expect_failed("EcDoConnect", "fault 0x000006bf");
    assert_eq!(upstream.calls(), [""; 0]);
    proxy.process.wait_err("who is refused", |line| line.contains("rejects the service account"));
    assert!(!proxy.process.err().join("\n").contains("Cheshire"), "a password is in the log");
}

#[test]
fn buffers_of_many_fragments_are_returned_unchanged() {
    let upstream = Upstream::start();
    let proxy = Setup::before(&upstream.mapper().to_string()).stack(&["names"]).start();
    let client = Client::scapy(proxy.mapper()).user(ALICE, "privacy").with("--more", "30000");
    let report = client.run().expect_success();
    let sent: Vec<Value> = upstream.log().iter().filter_map(|line| line.get("rops").cloned()).collect();
    assert!(sent.iter().all(|rops| rops["hex"].as_str().unwrap().len() > 2 * 30_000));
    assert_eq!(report.result("EcDoRpc")["rgb"], sent[0]);
    assert_eq!(report.result("EcDoRpcExt2")["rgbOut"], sent[1]);
}

#[test]
fn a_client_that_offers_ndr64_beside_ndr_is_served_with_ndr() {
    let upstream = Upstream::start();
    let proxy = Setup::before(&upstream.mapper().to_string()).start();
    let client = Client::scapy(proxy.mapper()).user(ALICE, "privacy").flag("--offer-ndr64");
    expect_both_dialects(&client.run().expect_success());
}

#[test]
fn a_big_endian_client_is_served_like_any_other() {
    let upstream = Upstream::start();
    // A module decodes names, so that big-endian stubs are both decoded and forwarded.
    let proxy = Setup::before(&upstream.mapper().to_string()).stack(&["names"]).start();
    let client = || Client::scapy(proxy.mapper()).user(ALICE, "privacy").flag("--directory");
    let big = client().flag("--big-endian").run().expect_success();
    expect_both_dialects(&big);
    let seen = upstream.log();
    let little = client().run().expect_success();
    for step in ["RfrGetNewDSA", "NspiBind", "NspiUpdateStat", "NspiUnbind", "EcDoRpc", "EcDoRpcExt2"] {
        assert_eq!(big.result(step), little.result(step), "{step}");
    }
    assert_eq!(big.result("RfrGetNewDSA")["ppszServer"], "proxy.lab.test");
    // The server received the same calls both times.
    let calls = |log: &[Value]| -> Vec<Value> {
        log.iter().filter(|line| line.get("call").is_some()).map(|line| line["call"].clone()).collect()
    };
    assert_eq!(calls(&seen), calls(&upstream.log()[seen.len()..]));
    assert_eq!(calls(&seen).len(), 10);
}

#[test]
fn an_ntlm_handshake_without_a_mic_fails_where_one_is_required() {
    let upstream = Upstream::start();
    let binding = upstream.mapper().to_string();
    let client = |proxy: &crate::harness::Proxy| {
        Client::scapy(proxy.mapper()).user(ALICE, "privacy").flag("--no-mic").run()
    };
    let strict = Setup::before(&binding).clients_key("require_mic", "true").start();
    assert!(client(&strict).failed.is_some());
    assert_eq!(upstream.calls(), [""; 0]);
    expect_both_dialects(&client(&Setup::before(&binding).start()).expect_success());
}

#[test]
fn downgrade_keeps_clients_on_the_dialect_of_2000() {
    let upstream = Upstream::start();
    let setup = Setup::before(&upstream.mapper().to_string()).stack(&["names", "downgrade"]);
    let proxy = setup.start();
    let report = Client::scapy(proxy.mapper()).user(ALICE, "privacy").run().expect_success();
    assert_eq!(report.result("EcDoConnectEx"), &json!({ "fault": NCA_S_OP_RNG_ERROR }));
    assert_eq!(report.result("EcDoConnect")["rgwServerVersion"], json!([6, 6249, 0]));
    assert_eq!(report.result("EcDoConnect")["szDisplayName"], "Ada Lovelace");
    assert_eq!(upstream.calls(), ["EcDoConnect", "EcDoRpc", "EcDoDisconnect"]);
    proxy.expect_lines("downgrade: server version 6.0.6249", 1);
}
