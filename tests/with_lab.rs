//! impacket, scapy and the project's client through the proxy to the lab, whose directory is larger than that of
//! scapy's server.

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{
    ALICE, BOB, Client, Ended, Folder, Lab, Process, Proxy, Report, SERVICE, Setup, expect_same, program,
};

const SERVER_DN: &str = "/cn=Configuration/cn=Servers/cn=";

/// The prefix of the lab's distinguished names of servers.
const LAB_SERVERS: &str = "/o=Lab Organisation/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)\
     /cn=Configuration/cn=Servers/cn=";

/// impacket's conversation with `server`.
fn walk(client: Client, server: &str) -> Report {
    let client = client.with("--server-dn", &format!("{LAB_SERVERS}{server}"));
    client.with("--prefix", "A").with("--resolve", "al").run().expect_success()
}

/// A proxy that is configured with the name of the lab's first server.
fn proxy(lab: &Lab) -> Proxy {
    let setup = Setup::before(&lab.mapper().to_string()).stack(&["names"]);
    setup.options("names", "server = \"EXCH1\"").start()
}

fn expect_no_server(report: &Report) {
    let text = report.text.to_lowercase();
    for name in ["exch1", "exch2", "exch.", "exch2."] {
        assert!(!text.contains(name), "{name}: {}", report.text);
    }
}

fn without(mut results: Value, steps: &[&str]) -> Value {
    for step in steps {
        results.as_object_mut().unwrap().remove(*step);
    }
    results["NspiBind"].as_object_mut().unwrap().remove("contextHandle");
    results
}

/// Names of servers in distinguished names of `text`.
fn servers(text: &str) -> Vec<String> {
    let after = text.split(SERVER_DN).skip(1);
    let mut names: Vec<String> =
        after.map(|rest| rest.split(['/', '"']).next().unwrap().to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn responses_equal_the_labs_except_for_names() {
    let lab = Lab::start(false);
    let proxy = proxy(&lab);
    let direct = walk(Client::impacket(lab.mapper()).user(SERVICE, "privacy"), "EXCH1");
    let through = walk(Client::impacket(proxy.mapper()).user(ALICE, "privacy"), "PROXY");
    expect_no_server(&through);
    assert_eq!(servers(&direct.text), ["EXCH1"]);
    assert_eq!(servers(&through.text), ["PROXY"]);
    // The proxy has one address in place of the server's several.
    let addresses =
        [&direct, &through].map(|report| report.result("NspiGetProps.network_address")["row"].clone());
    assert!(addresses[0]["8170101f"].as_array().unwrap().len() > 1, "{}", addresses[0]);
    assert_eq!(addresses[1]["8170101f"], json!(["ncacn_ip_tcp:proxy.lab.test"]));
    let places = ["ept_map.rfr", "ept_map.nspi", "ept_map.emsmdb", "NspiGetProps.network_address"];
    let mapped =
        direct.results.to_string().replace("exch.lab.test", "proxy.lab.test").replace("=EXCH1", "=PROXY");
    let mapped: Value = serde_json::from_str(&mapped).unwrap();
    expect_same(&without(through.results, &places), &without(mapped, &places));
}

#[test]
fn two_servers_have_two_proxy_names() {
    let lab = Lab::start(true);
    let proxy = proxy(&lab);
    let direct = walk(Client::impacket(lab.mapper()).user(SERVICE, "privacy"), "EXCH1");
    let through = walk(Client::impacket(proxy.mapper()).user(ALICE, "privacy"), "PROXY");
    expect_no_server(&through);
    assert_eq!(servers(&direct.text), ["EXCH1", "EXCH2"]);
    assert_eq!(servers(&through.text), ["PROXY", "PROXY-IVMEGSBS"]);
    // Two people with mailboxes on the same server have the same proxy name as their server.
    let homes = |report: &Report| -> Vec<String> {
        let rows = report.result("NspiQueryRows")["rows"].as_array().unwrap();
        rows.iter().flat_map(|row| servers(&row["8006001f"].to_string())).collect()
    };
    let (there, here) = (homes(&direct), homes(&through));
    assert!(there.len() > 10 && there.len() == here.len());
    for (at, name) in there.iter().enumerate() {
        for (other, other_name) in there.iter().enumerate() {
            assert_eq!(name == other_name, here[at] == here[other], "{there:?}\n{here:?}");
        }
    }
}

#[test]
fn scapy_connects_to_a_mailbox_of_the_lab_in_both_dialects() {
    let lab = Lab::start(false);
    let direct = walk(Client::impacket(lab.mapper()).user(SERVICE, "privacy"), "EXCH1");
    let person = direct.result("NspiQueryRows")["rows"][0]["3003001f"].as_str().unwrap().to_owned();
    let proxy = proxy(&lab);
    for flag in ["--user-dn", "--spnego"] {
        let client = Client::scapy(proxy.mapper()).user(ALICE, "privacy").with("--user-dn", &person);
        let report = if flag == "--spnego" { client.flag(flag).run() } else { client.run() }.expect_success();
        for connect in ["EcDoConnect", "EcDoConnectEx"] {
            assert_eq!(report.result(connect)["status"], 0, "{}", report.text);
            assert_ne!(report.result(connect)["szDisplayName"], "");
        }
        for call in ["EcDoRpc", "EcDoRpcExt2", "EcDoDisconnect", "EcDoDisconnect.2000"] {
            assert_eq!(report.result(call)["status"], 0, "{}", report.text);
        }
        expect_no_server(&report);
    }
}

/// `mapiproxy client` as `account`, with more `arguments`.
fn client(proxy: &Proxy, account: (&str, &str), arguments: &[&str]) -> Ended {
    let folder = Folder::new();
    let password = folder.write("password", account.1);
    let mut command = Command::new(program());
    command.args(["client", "--server", &proxy.mapper().to_string(), "--user", account.0, "--domain", "LAB"]);
    command.arg("--password-file").arg(password);
    Process::start("mapiproxy client", command.args(arguments)).end()
}

/// Of the clients here, only the project's own signs its calls at level packet.
#[test]
fn the_projects_client_is_served_at_every_level_and_not_below_the_minimum() {
    let lab = Lab::start(false);
    let levels = ["connect", "packet", "integrity", "privacy"];
    for (at, level) in levels.into_iter().enumerate() {
        let setup = Setup::before(&lab.mapper().to_string()).stack(&["names", "downgrade"]);
        let proxy = setup.minimum_level(level).start();
        for by in ["ntlm", "spnego"] {
            let ended = client(&proxy, ALICE, &["--auth", by, "--level", level, "gal", "--search", "Ada A"]);
            assert!(ended.status.success(), "{by} {level}: {}", ended.err);
            assert!(ended.out.contains("ada.almeida@lab.test"), "{}", ended.out);
        }
        if let Some(below) = at.checked_sub(1).and_then(|below| levels.get(below)) {
            let ended = client(&proxy, ALICE, &["--level", below, "gal"]);
            assert!(!ended.status.success() && ended.err.contains("ACCESS_DENIED"), "{below}: {}", ended.err);
        }
        let logon = client(&proxy, BOB, &["--level", level, "logon", "bob"]);
        assert!(logon.out.contains("server version 6.0.6249"), "{}\n{}", logon.out, logon.err);
        let refused = client(&proxy, (BOB.0, ALICE.1), &["--level", level, "gal"]);
        assert!(!refused.status.success(), "{}", refused.out);
        let advice = "; check --user, --domain, the password, --auth and --level";
        assert!(refused.err.trim_end().ends_with(advice), "{}", refused.err);
        assert!(!refused.err.contains("service account"), "{}", refused.err);
    }
}
