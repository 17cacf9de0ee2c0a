//! impacket authenticates at the proxy and reads the address book of scapy's server.

use serde_json::{Value, json};

use crate::harness::{ALICE, Client, Report, SERVER, SERVICE, Setup, Upstream, expect_same};

const SERVER_DN: &str = "/o=Lab/ou=Site/cn=Configuration/cn=Servers/cn=";

/// Authenticates below `level` at a proxy that requires it, then at `level`.
fn takes_no_less_than(level: &str, below: &str) {
    let upstream = Upstream::start();
    let setup = Setup::before(&upstream.mapper().to_string()).stack(&["names"]).minimum_level(level);
    let proxy = setup.start();

    let refused = Client::impacket(proxy.mapper()).user(ALICE, below).run();
    // The first call, to the referral service, fails.
    let (step, error) = refused.failed.clone().expect("a client below the minimum was served");
    assert!(step == "RfrGetNewDSA" && error.contains("rpc_s_access_denied"), "{}", refused.text);
    assert_eq!(upstream.calls(), [""; 0], "a call of a refused client was relayed");

    let report = Client::impacket(proxy.mapper()).user(ALICE, level).run().expect_success();
    assert_eq!(report.result("RfrGetNewDSA"), "proxy.lab.test");
    assert_eq!(report.result("NspiQueryRows")["rows"].as_array().unwrap().len(), 6);
    assert!(!report.text.to_lowercase().contains("exch"), "{}", report.text);
    assert_eq!(upstream.users(), [format!("LAB\\{}", SERVICE.0)]);
    assert!(upstream.log().iter().all(|line| line.get("level").is_none_or(|level| *level == 6)));
    assert!(proxy.lines_with("nspi.QueryRows").iter().all(|line| line.starts_with("LAB\\alice ")));
}

#[test]
fn minimum_level_connect_accepts_connect_and_rejects_none() {
    takes_no_less_than("connect", "none");
}

#[test]
fn minimum_level_integrity_accepts_integrity_and_rejects_connect() {
    takes_no_less_than("integrity", "connect");
}

#[test]
fn a_client_that_negotiates_integrity_and_does_not_sign_is_refused() {
    let upstream = Upstream::start();
    let proxy = Setup::before(&upstream.mapper().to_string()).minimum_level("connect").start();
    // impacket negotiates this level, and then sends its calls without a verifier.
    let client = Client::impacket(proxy.mapper()).user(ALICE, "packet");
    client.run().expect_failed("RfrGetNewDSA", "rpc_s_access_denied");
    assert_eq!(upstream.calls(), [""; 0]);
}

#[test]
fn minimum_level_privacy_accepts_privacy_and_rejects_integrity() {
    takes_no_less_than("privacy", "integrity");
}

#[test]
fn anonymous_clients_are_served_without_the_service_account_if_configured() {
    let upstream = Upstream::with_level("none");
    let proxy = Setup::before(&upstream.mapper().to_string()).stack(&["names"]).minimum_level("none").start();
    let report = Client::impacket(proxy.mapper()).with("--level", "none").run().expect_success();
    assert_eq!(report.result("NspiQueryRows")["rows"].as_array().unwrap().len(), 6);
    assert!(upstream.users().is_empty(), "{:?}", upstream.users());
    assert!(proxy.lines_with("LAB\\alice").is_empty());
    // The service account is used for authenticated clients only.
    Client::impacket(proxy.mapper()).user(ALICE, "privacy").run().expect_success();
    assert_eq!(upstream.users(), [format!("LAB\\{}", SERVICE.0)]);
}

#[test]
fn anonymous_clients_get_nothing_from_a_server_that_requires_authentication() {
    let upstream = Upstream::start();
    let proxy = Setup::before(&upstream.mapper().to_string()).minimum_level("none").start();
    let client = Client::impacket(proxy.mapper()).with("--level", "none");
    client.run().expect_failed("RfrGetNewDSA", "000006be");
    assert!(upstream.users().is_empty(), "{:?}", upstream.users());
    assert_eq!(upstream.calls(), [""; 0]);
}

#[test]
fn a_wrong_password_and_an_unknown_user_fail_in_the_same_way() {
    let upstream = Upstream::start();
    let proxy = Setup::before(&upstream.mapper().to_string()).start();
    let refusal = |account| {
        let report = Client::impacket(proxy.mapper()).user(account, "privacy").run();
        report.failed.clone().unwrap_or_else(|| panic!("let in: {}", report.text))
    };
    let wrong_password = refusal(("alice", "White Rabbit 2"));
    let unknown_user = refusal(("mallory", "White Rabbit 1"));
    let other_password = refusal(("bob", "White Rabbit 1"));
    assert_eq!(wrong_password, unknown_user);
    assert_eq!(wrong_password, other_password);
    assert!(
        wrong_password.1.contains("access_denied") || wrong_password.1.contains("0x5"),
        "{wrong_password:?}"
    );
    assert_eq!(upstream.log().len(), 0, "the upstream was asked for a client that was refused");
}

/// The address book as impacket reads it after it requested a referral for `server_dn`.
fn walk(client: Client, server: &str) -> Report {
    client
        .with("--server-dn", &format!("{SERVER_DN}{server}"))
        .with("--prefix", "A")
        .with("--resolve", "zo")
        .run()
        .expect_success()
}

#[test]
fn responses_equal_the_servers_except_for_names() {
    let upstream = Upstream::at(crate::harness::address(), &["--sign-header"]);
    let direct = walk(Client::impacket(upstream.mapper()).user(SERVICE, "privacy"), "EXCH");
    let setup = Setup::before(&upstream.mapper().to_string()).stack(&["names"]);
    let proxy = setup.options("names", "server = \"EXCH\"").start();
    let through = walk(Client::impacket(proxy.mapper()).user(ALICE, "privacy"), "PROXY");

    assert!(!through.text.to_lowercase().contains("exch"), "{}", through.text);
    let (mut direct, mut through) = (direct.results, through.results);
    for interface in ["rfr", "nspi", "emsmdb"] {
        let step = format!("ept_map.{interface}");
        assert_eq!(taken(&mut direct, &step), format!("ncacn_ip_tcp:{}[6001]", upstream.address));
        assert_eq!(taken(&mut through, &step), format!("ncacn_ip_tcp:{}[6001]", proxy.address));
    }
    // The proxy's handle differs from the upstream's.
    let handles = [&mut direct, &mut through].map(|results| taken(&mut results["NspiBind"], "contextHandle"));
    assert_ne!(handles[0], handles[1]);
    // The proxy has one address in place of the server's several.
    let addresses = [&mut direct, &mut through].map(|results| taken(results, "NspiGetProps.network_address"));
    assert!(addresses[0].to_string().contains(&format!("ncacn_ip_tcp:{SERVER}")), "{}", addresses[0]);
    assert!(addresses[0].to_string().contains("netbios:EXCH"), "{}", addresses[0]);
    assert_eq!(addresses[1]["row"], json!({ "8170101f": ["ncacn_ip_tcp:proxy.lab.test"] }));

    let mapped = direct.to_string().replace(SERVER, "proxy.lab.test").replace("=EXCH", "=PROXY");
    expect_same(&through, &serde_json::from_str(&mapped).unwrap());
    // The request names the server, not the proxy.
    let asked: Vec<_> = upstream.log().iter().filter_map(|line| line.get("server_dn").cloned()).collect();
    assert_eq!(asked, [json!(format!("{SERVER_DN}EXCH")), json!(format!("{SERVER_DN}EXCH"))]);
}

fn taken(results: &mut Value, key: &str) -> Value {
    results.as_object_mut().unwrap().remove(key).unwrap_or_else(|| panic!("{key} is missing"))
}
