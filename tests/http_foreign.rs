//! HTTP with third-party clients (requests, requests-ntlm, impacket, curl) and a server of pyspnego.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{
    ALICE, Ended, Folder, Process, Proxy, SERVICE, Setup, address, certificate, interop_script, python,
};

/// The number of checks of the script for each authentication scheme, and of those without.
const CHECKS: usize = 2 * 8 + 1;

/// An HTTP server, with its own certificate if it uses TLS.
struct Server {
    process: Process,
    /// Its name or address, and its port.
    place: String,
    certificate: Option<PathBuf>,
    _folder: Folder,
}

fn run(command: &mut Command) -> Ended {
    let mut process = Process::start("a helper", command);
    process.end()
}

impl Server {
    fn start(schemes: &str, tls: bool) -> Self {
        let address = address().to_string();
        Self::start_as(&address, &format!("{address}:8080"), tls, &["--schemes", schemes])
    }

    /// A server with this name at the address `listen`.
    fn start_as(name: &str, listen: &str, tls: bool, arguments: &[&str]) -> Self {
        let folder = Folder::new();
        let mut command = Command::new(python());
        command.arg(interop_script("http_server.py")).args(["--listen", listen]).args(arguments);
        command.args(["--user", SERVICE.0, "--domain", "LAB", "--password", SERVICE.1]);
        let files = tls.then(|| certificate(&folder, &[name]));
        if let Some((certificate, key)) = &files {
            command.arg("--certificate").arg(certificate).arg("--key").arg(key);
        }
        let process = Process::start("http_server", &mut command);
        let ready = process.wait_out("READY", |line| line.starts_with("READY "));
        let place = ready.replace("READY ", &format!("{name}:"));
        Self { process, place, certificate: files.map(|(certificate, _)| certificate), _folder: folder }
    }

    /// A proxy before it that authenticates by `scheme` and has a TLS listener.
    fn proxy(&self, scheme: &str, stack: &[&'static str]) -> Proxy {
        self.setup(scheme).stack(stack).start()
    }

    fn setup(&self, scheme: &str) -> Setup {
        let protocol = if self.certificate.is_some() { "https" } else { "http" };
        let setup = Setup::before("ncacn_ip_tcp:127.0.0.1[9]")
            .http()
            .clients_key("basic_without_tls", "true")
            .upstream_key("http", &format!("\"{protocol}://{}\"", self.place))
            .upstream_key("http_authentication", &format!("\"{scheme}\""));
        match &self.certificate {
            Some(certificate) => setup.upstream_key("ca_file", &format!("\"{}\"", certificate.display())),
            None => setup,
        }
    }

    fn log(&self) -> Vec<Value> {
        let lines = self.process.out();
        lines.iter().filter(|line| line.starts_with('{')).map(|l| serde_json::from_str(l).unwrap()).collect()
    }
}

/// Runs the checks of the clients at `url`.
fn check(url: &str, ca_file: Option<&PathBuf>, count: usize) {
    let mut command = Command::new(python());
    command.arg(interop_script("http_client.py")).args([url, ALICE.0, "LAB", ALICE.1]).args(ca_file);
    let ended = run(&mut command);
    assert!(ended.status.success(), "{}\n{}", ended.out, ended.err);
    assert_eq!(ended.out.lines().filter(|line| line.starts_with("ok: ")).count(), count, "{}", ended.out);
}

#[test]
fn third_party_clients_work_and_the_server_receives_only_the_service_account() {
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
            // Only the forwarding headers name the proxy.
            let mut headers = request["headers"].as_array().unwrap().clone();
            headers.retain(|header| !header[0].as_str().unwrap().contains("Forwarded"));
            assert!(!format!("{headers:?}").contains("proxy.lab.test"), "{request}");
        }
        // The live view has the user of each operation, and the operation's name in RPC.
        assert!(!proxy.lines_with("LAB\\alice").is_empty());
        assert!(!proxy.lines_with("emsmdb.Execute").is_empty());
    }
}

#[test]
fn tls_on_both_sides_has_channel_bindings_and_verifies_the_server() {
    let server = Server::start("NTLM", true);
    let proxy = server.proxy("ntlm", &[]);
    let url = format!("https://{}:8443", proxy.address);
    check(&url, Some(&proxy.file("own.crt")), CHECKS);
    // A server with a wrong certificate gets no request.
    let untrusted = Server::start("NTLM", true);
    let other = Server { place: untrusted.place.clone(), ..Server::start("NTLM", true) };
    let proxy = other.proxy("ntlm", &[]);
    let seen = curl(&proxy, &["--user", "LAB\\alice:White Rabbit 1", "--output", "/dev/null"], "/ews/x");
    assert_eq!(seen, "502");
    assert!(untrusted.log().is_empty());
}

#[test]
fn sighup_reloads_the_certificate_and_an_invalid_one_is_not_used() {
    let server = Server::start("NTLM", false);
    let mut proxy = server.proxy("ntlm", &[]);
    let account = format!("LAB\\{}:{}", ALICE.0, ALICE.1);
    let works = || curl(&proxy, &["--output", "/dev/null", "--user", &account], "/owa/");
    assert_eq!(works(), "403");
    // Another certificate for the same address: only clients that trust it connect.
    certificate_of(&proxy);
    proxy.process.hang_up();
    proxy.process.wait_out("the certificate", |line| line == "certificate reloaded");
    assert_eq!(works(), "403");

    let shown = std::fs::read(proxy.file("own.crt")).unwrap();
    std::fs::write(proxy.file("own.crt"), "no certificate").unwrap();
    proxy.process.hang_up();
    proxy.process.wait_err("why not", |line| line.contains("cannot reload the certificate"));
    std::fs::write(proxy.file("own.crt"), shown).unwrap();
    assert_eq!(works(), "403");
    assert!(proxy.stop().status.success());
}

/// Replaces the certificate and the key of `proxy`.
fn certificate_of(proxy: &Proxy) {
    let folder = Folder::new();
    let (crt, key) = certificate(&folder, &[&proxy.address.to_string()]);
    std::fs::copy(crt, proxy.file("own.crt")).unwrap();
    std::fs::copy(key, proxy.file("own.key")).unwrap();
}

#[test]
fn tls_has_the_configured_minimum_version_and_sends_the_servers_name() {
    // One loopback address has a name.
    let server = Server::start_as("localhost", "127.0.0.1:0", true, &["--newest-tls", "1.2"]);
    let account = format!("LAB\\{}:{}", ALICE.0, ALICE.1);
    let get = ["--basic", "--user", &account, "--output", "/dev/null"];
    let no_newer = [&get[..], &["--tls-max", "1.2"]].concat();

    let proxy = server.setup("ntlm").start();
    assert_eq!(curl(&proxy, &no_newer, "/ews/x"), "200");
    let log = server.log();
    assert!(log.iter().all(|request| request["tls"] == json!(["TLSv1.2", "localhost"])), "{log:?}");

    let strict = server.setup("ntlm").listen_key("tls", "\"1.3\"").start();
    assert_eq!(curl(&strict, &get, "/ews/x"), "200", "to the server as ever");
    let refused = ask_by_curl(&strict, &no_newer, "/ews/x");
    assert_eq!(refused.status.code(), Some(35), "no TLS comes about: {}", refused.err);

    let strict = server.setup("ntlm").upstream_key("tls", "\"1.3\"").start();
    assert_eq!(curl(&strict, &no_newer, "/ews/x"), "502");
    assert_eq!(server.log().len(), log.len() + 1);
}

/// The output of curl for `path` at the proxy's TLS listener: the body, then the status.
fn curl(proxy: &Proxy, arguments: &[&str], path: &str) -> String {
    let ended = ask_by_curl(proxy, arguments, path);
    assert!(ended.status.success(), "{}", ended.err);
    ended.out
}

fn ask_by_curl(proxy: &Proxy, arguments: &[&str], path: &str) -> Ended {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--max-time", "30", "--write-out", "%{http_code}", "--cacert"]);
    command.arg(proxy.file("own.crt")).args(arguments);
    run(command.arg(format!("https://{}:8443{path}", proxy.address)))
}

#[test]
fn curl_learns_the_proxys_names_from_autodiscover() {
    let server = Server::start("NTLM", false);
    let proxy = server.proxy("ntlm", &["names"]);
    let account = format!("LAB\\{}:{}", ALICE.0, ALICE.1);
    let post = ["--basic", "--user", &account, "--data", "<Autodiscover/>"];
    for path in ["/autodiscover/autodiscover.xml", "/AutoDiscover/AutoDiscover.XML"] {
        let response = curl(&proxy, &post, path);
        assert!(response.ends_with("200"), "{response}");
        assert!(!response.contains("exch.lab.test"), "{response}");
        let url = "<InternalUrl>https://proxy.lab.test:8443/mapi/emsmdb/?MailboxId=1@lab.test</InternalUrl>";
        assert!(response.contains(url) && response.contains("<Server>proxy.lab.test</Server>"), "{response}");
    }
    assert_eq!(curl(&proxy, &["--output", "/dev/null"], "/autodiscover/autodiscover.xml"), "401");
    assert_eq!(curl(&proxy, &["--output", "/dev/null", "--user", &account], "/owa/"), "403");
    assert_eq!(curl(&proxy, &["--output", "/dev/null", "--user", &account], "/nowhere"), "404");
}
