//! HTTP with clients and servers that others wrote: requests, requests-ntlm, impacket, curl; pyspnego.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::harness::{
    ALICE, Ended, Folder, Process, Proxy, SERVICE, Setup, address, certificate, opponent, python,
};

/// How many checks the script has for each way to sign in, and beside them.
const CHECKS: usize = 2 * 8 + 1;

/// A server by HTTP, known by a certificate of its own where it speaks TLS.
struct Server {
    process: Process,
    address: Ipv4Addr,
    certificate: Option<PathBuf>,
    _folder: Folder,
}

fn run(command: &mut Command) -> Ended {
    let mut process = Process::start("a helper", command);
    process.end()
}

impl Server {
    fn start(schemes: &str, tls: bool) -> Self {
        let (folder, address) = (Folder::new(), address());
        let mut command = Command::new(python());
        command.arg(opponent("http_server.py")).args(["--listen", &format!("{address}:8080")]);
        command.args(["--user", SERVICE.0, "--domain", "LAB", "--password", SERVICE.1]);
        command.args(["--schemes", schemes]);
        let files = tls.then(|| certificate(&folder, &[&address.to_string()]));
        if let Some((certificate, key)) = &files {
            command.arg("--certificate").arg(certificate).arg("--key").arg(key);
        }
        let process = Process::start("http_server", &mut command);
        process.wait_out("READY", |line| line == "READY");
        Self { process, address, certificate: files.map(|(certificate, _)| certificate), _folder: folder }
    }

    /// A proxy before it that signs in by `scheme`, with TLS of its own as well.
    fn proxy(&self, scheme: &str, stack: &[&'static str]) -> Proxy {
        let url = match &self.certificate {
            Some(_) => format!("https://{}:8080", self.address),
            None => format!("http://{}:8080", self.address),
        };
        let mut setup = Setup::before("ncacn_ip_tcp:127.0.0.1[9]")
            .stack(stack)
            .http()
            .clients_key("basic_without_tls", "true")
            .upstream_key("http", &format!("\"{url}\""))
            .upstream_key("http_authentication", &format!("\"{scheme}\""));
        if let Some(certificate) = &self.certificate {
            setup = setup.upstream_key("ca_file", &format!("\"{}\"", certificate.display()));
        }
        setup.start()
    }

    fn log(&self) -> Vec<Value> {
        let lines = self.process.out();
        lines.iter().filter(|line| line.starts_with('{')).map(|l| serde_json::from_str(l).unwrap()).collect()
    }
}

/// Lets the clients do their checks at `url`.
fn check(url: &str, ca_file: Option<&PathBuf>, count: usize) {
    let mut command = Command::new(python());
    command.arg(opponent("http_client.py")).args([url, ALICE.0, "LAB", ALICE.1]).args(ca_file);
    let ended = run(&mut command);
    assert!(ended.status.success(), "{}\n{}", ended.out, ended.err);
    assert_eq!(ended.out.lines().filter(|line| line.starts_with("ok: ")).count(), count, "{}", ended.out);
}

#[test]
fn foreign_clients_sign_in_and_work_while_the_server_sees_our_account_alone() {
    for scheme in ["ntlm", "negotiate", "basic"] {
        let offered = match scheme {
            "ntlm" => "NTLM",
            "negotiate" => "Negotiate",
            _ => "Basic",
        };
        let server = Server::start(offered, false);
        let proxy = server.proxy(scheme, &["names", "dummy"]);
        check(&format!("http://{}:8081", proxy.address), None, CHECKS + 2);
        let log = server.log();
        assert!(log.len() > 10, "{scheme}: {log:?}");
        for request in log {
            let user = request["user"].as_str().unwrap().to_ascii_lowercase();
            assert_eq!(user, format!("lab\\{}", SERVICE.0), "{scheme}");
            assert!(!request["headers"].to_string().contains("proxy.lab.test"), "{request}");
        }
        // Each operation is shown under who asked, with the name that it has on both roads.
        assert!(!proxy.lines_with("LAB\\alice").is_empty());
        assert!(!proxy.lines_with("emsmdb.Execute").is_empty());
    }
}

#[test]
fn tls_on_both_sides_binds_ntlm_and_knows_the_server() {
    let server = Server::start("NTLM", true);
    let proxy = server.proxy("ntlm", &[]);
    let url = format!("https://{}:8443", proxy.address);
    check(&url, Some(&proxy.file("own.crt")), CHECKS);
    // A server that shows another certificate than it should gets nothing.
    let stranger = Server::start("NTLM", true);
    let other = Server { address: stranger.address, ..Server::start("NTLM", true) };
    let proxy = other.proxy("ntlm", &[]);
    let seen = curl(&proxy, &["--user", "LAB\\alice:White Rabbit 1", "--output", "/dev/null"], "/ews/x");
    assert_eq!(seen, "502");
    assert!(stranger.log().is_empty());
}

#[test]
fn a_hang_up_reads_the_certificate_again_and_a_broken_one_stays_out() {
    let server = Server::start("NTLM", false);
    let mut proxy = server.proxy("ntlm", &[]);
    let account = format!("LAB\\{}:{}", ALICE.0, ALICE.1);
    let works = || curl(&proxy, &["--output", "/dev/null", "--user", &account], "/owa/");
    assert_eq!(works(), "403");
    // Another certificate for the same address: only who knows it is content now.
    certificate_of(&proxy);
    proxy.process.hang_up();
    proxy.process.wait_out("the certificate", |line| line == "the certificate was read again");
    assert_eq!(works(), "403");

    let shown = std::fs::read(proxy.file("own.crt")).unwrap();
    std::fs::write(proxy.file("own.crt"), "no certificate").unwrap();
    proxy.process.hang_up();
    proxy.process.wait_err("why not", |line| line.contains("the certificate stays as it was"));
    std::fs::write(proxy.file("own.crt"), shown).unwrap();
    assert_eq!(works(), "403");
    assert!(proxy.stop().status.success());
}

/// Puts a new certificate and its key where `proxy` has its own.
fn certificate_of(proxy: &Proxy) {
    let folder = Folder::new();
    let (crt, key) = certificate(&folder, &[&proxy.address.to_string()]);
    std::fs::copy(crt, proxy.file("own.crt")).unwrap();
    std::fs::copy(key, proxy.file("own.key")).unwrap();
}

/// What curl says of `path` at the proxy's TLS: the status behind what it got.
fn curl(proxy: &Proxy, arguments: &[&str], path: &str) -> String {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--max-time", "30", "--write-out", "%{http_code}", "--cacert"]);
    command.arg(proxy.file("own.crt")).args(arguments);
    let ended = run(command.arg(format!("https://{}:8443{path}", proxy.address)));
    assert!(ended.status.success(), "{}", ended.err);
    ended.out
}

#[test]
fn curl_learns_our_names_from_autodiscover() {
    let server = Server::start("NTLM", false);
    let proxy = server.proxy("ntlm", &["names"]);
    let account = format!("LAB\\{}:{}", ALICE.0, ALICE.1);
    let post = ["--basic", "--user", &account, "--data", "<Autodiscover/>"];
    for path in ["/autodiscover/autodiscover.xml", "/AutoDiscover/AutoDiscover.XML"] {
        let answer = curl(&proxy, &post, path);
        assert!(answer.ends_with("200"), "{answer}");
        assert!(!answer.contains("exch.lab.test"), "{answer}");
        let url = "<InternalUrl>https://proxy.lab.test:8443/mapi/emsmdb/?MailboxId=1@lab.test</InternalUrl>";
        assert!(answer.contains(url) && answer.contains("<Server>proxy.lab.test</Server>"), "{answer}");
    }
    assert_eq!(curl(&proxy, &["--output", "/dev/null"], "/autodiscover/autodiscover.xml"), "401");
    assert_eq!(curl(&proxy, &["--output", "/dev/null", "--user", &account], "/owa/"), "403");
    assert_eq!(curl(&proxy, &["--output", "/dev/null", "--user", &account], "/nowhere"), "404");
}
