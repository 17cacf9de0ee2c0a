//! MAPI over HTTP and Autodiscover of the lab: third-party clients at the lab itself, and through the proxy.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{ALICE, Client, Lab, Process, Proxy, Report, Setup, expect_same};

/// requests at `url`: Autodiscover, the address book, and a logon to Alice's mailbox.
fn walk(url: &str, certificate: &Path, scheme: &str, account: (&str, &str)) -> Report {
    let client = Client::mapi_http(url, scheme, account);
    client.with("--ca", certificate.to_str().unwrap()).run().expect_success()
}

/// A proxy before `lab`, at which it authenticates by `scheme`.
fn proxy(lab: &Lab, scheme: &str) -> Proxy {
    let setup = Setup::before(&lab.mapper().to_string()).http();
    let setup = setup.upstream_key("http", &format!("{:?}", lab.url()));
    let setup = setup.upstream_key("http_authentication", &format!("{scheme:?}"));
    setup
        .upstream_key("ca_file", &format!("\"{}\"", lab.certificate().display()))
        .stack(&["names"])
        .top_key("public_url", "\"https://ADDRESS:8443\"")
        .start()
}

#[test]
fn third_party_clients_work_with_each_scheme_at_the_lab_and_through_the_proxy() {
    let lab = Lab::by_http();
    for scheme in ["basic", "ntlm", "negotiate"] {
        let direct = walk(&lab.url(), &lab.certificate(), scheme, ALICE);
        let rows = direct.result("browse")["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 10, "{}", direct.text);
        assert!(rows.iter().all(|row| row[1].as_str().unwrap().ends_with("@lab.test")), "{}", direct.text);
        let logon = direct.result("log_on");
        assert_eq!(
            (&logon["rop"], &logon["value"]),
            (&Value::from(0xfe), &Value::from(0)),
            "{}",
            direct.text
        );
        assert!(logon["name"].as_str().unwrap().starts_with("Alice "), "{}", direct.text);

        let proxy = proxy(&lab, scheme);
        let own = format!("https://{}:8443", proxy.address);
        let through = walk(&own, &proxy.file("own.crt"), scheme, ALICE);
        assert!(!through.text.contains(&lab.url()), "{}", through.text);
        let expected: Value =
            serde_json::from_str(&direct.results.to_string().replace(&lab.url(), &own)).unwrap();
        expect_same(&through.results, &expected);
    }
}

#[test]
fn clients_sign_in_at_the_lab_through_a_proxy_with_pass_through_authentication() {
    let lab = Lab::by_http();
    let setup = Setup::before("").http().relayed().upstream_key("http", &format!("{:?}", lab.url()));
    let setup = setup.upstream_key("ca_file", &format!("\"{}\"", lab.certificate().display()));
    let proxy = setup.stack(&["names"]).top_key("public_url", "\"https://ADDRESS:8443\"").start();
    let own = format!("https://{}:8443", proxy.address);
    // NTLM is bound to the certificate of the proxy, and the lab verifies that.
    let through = walk(&own, &proxy.file("own.crt"), "basic", ALICE);
    assert_eq!(through.result("log_on")["value"], Value::from(0), "{}", through.text);
}

#[test]
fn curl_authenticates_at_the_lab_by_basic_and_ntlm() {
    let lab = Lab::by_http();
    let curl = |arguments: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["--disable", "--silent", "--show-error", "--noproxy", "*", "--max-time", "60"]);
        command.args(["--output", "/dev/null", "--write-out", "%{http_code} %header{X-ResponseCode}"]);
        command
            .arg("--cacert")
            .arg(lab.certificate())
            .args(arguments)
            .arg(format!("{}/mapi/nspi/", lab.url()));
        command.args(["--header", "X-RequestType: PING", "--header", "Content-Type: application/mapi-http"]);
        command.args(["--header", "X-RequestId: {E2EA6C1C-E61B-49E9-9CFB-38184F907552}:1", "--data", ""]);
        Process::start("curl", &mut command).end().out
    };
    // curl has Negotiate with Kerberos only.
    for scheme in ["--basic", "--ntlm"] {
        for (password, expected) in [(ALICE.1, "200 0"), ("wrong", "401 ")] {
            let user = format!("LAB\\{}:{password}", ALICE.0);
            assert_eq!(curl(&[scheme, "--user", &user]), expected, "{scheme}");
        }
    }
}
