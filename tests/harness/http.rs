//! MAPI over HTTP: third-party servers and clients, and their certificates.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::dialogue::Dialogue;
use super::place::{Folder, address, count};
use super::process::Process;
use super::programs::{interop_script, python};
use super::proxy::{ALICE, BOB, Proxy, Setup};
use super::upstream::SERVICE;

/// The name of the recorded server, which no client may receive.
pub(crate) const RECORDED_SERVER: &str = "mail.lab.test";
/// No further arguments.
const NOTHING: &[&str] = &[];
/// The port of the server.
const PORT: u16 = 8444;

/// An authority of the test's own, with certificates for the proxy and for the server.
#[derive(Debug)]
pub(crate) struct Certificates {
    folder: Folder,
    server: Ipv4Addr,
}

impl Certificates {
    /// Makes them, for the server that will be at a new address.
    pub(crate) fn new() -> Self {
        let (folder, server) = (Folder::new(), address());
        let mut command = Command::new(python());
        command.arg(interop_script("certificates.py")).arg(folder.join(""));
        command.args(["proxy.lab.test", &server.to_string()]);
        let ended = Process::start("certificates", &mut command).end();
        assert!(ended.status.success(), "{}", ended.err);
        Self { folder, server }
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }
}

/// How a server that plays a recording back differs from the recorded one. The first bytes of each pair were recorded.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// An identifier has another value, which requests must have, too.
    Regenerated(Vec<u8>, Vec<u8>),
    /// Its responses have other bytes.
    Altered(Vec<u8>, Vec<u8>),
}

impl Change {
    fn arguments(&self) -> [String; 3] {
        let (name, old, new) = match self {
            Self::Regenerated(old, new) => ("--renew", old, new),
            Self::Altered(old, new) => ("--spoil", old, new),
        };
        [name.to_owned(), hex(old), hex(new)]
    }
}

/// A server of MAPI over HTTP with recorded responses.
#[derive(Debug)]
pub(crate) struct HttpUpstream {
    pub(crate) process: Process,
    auth: &'static str,
    address: Ipv4Addr,
    tls: Option<String>,
    more: Vec<String>,
    _folder: Folder,
}

impl HttpUpstream {
    /// Starts one that authenticates clients by `auth`: basic, ntlm, negotiate, or any of them and Bearer.
    pub(crate) fn start(auth: &'static str) -> Self {
        Self::at(address(), auth, None, NOTHING)
    }

    /// Starts one that plays the recording `pack` back with these changes, one after the other.
    pub(crate) fn playback(pack: &str, changes: &[Change], certificates: &Certificates) -> Self {
        let address = certificates.server;
        let mut more = vec!["--playback".to_owned(), pack.to_owned()];
        more.extend(changes.iter().flat_map(Change::arguments));
        Self::at(address, "ntlm", Some(certificates.path(&address.to_string())), &more)
    }

    /// Starts one within TLS. Unless it accepts any scheme, handshakes must be bound to its certificate.
    pub(crate) fn within_tls(auth: &'static str, certificates: &Certificates) -> Self {
        let address = certificates.server;
        Self::at(address, auth, Some(certificates.path(&address.to_string())), NOTHING)
    }

    fn at(address: Ipv4Addr, auth: &'static str, tls: Option<String>, more: &[impl AsRef<str>]) -> Self {
        let more: Vec<String> = more.iter().map(|argument| argument.as_ref().to_owned()).collect();
        let folder = Folder::new();
        let (user, password) = SERVICE;
        let accounts = [SERVICE, ALICE, BOB].map(|(user, password)| format!("LAB:{user}:{password}\n"));
        let known = if auth == "any" { accounts.concat() } else { accounts[0].clone() };
        let users = folder.write("users", &known);
        let mut command = Command::new(python());
        command.arg(interop_script("http_upstream.py")).args(["--server", RECORDED_SERVER, "--auth", auth]);
        command
            .args(["--http", &format!("{address}:{PORT}"), "--domain", "LAB"])
            .env("NTLM_USER_FILE", users);
        command.args(["--user", user, "--password", password]);
        if let Some(certificate) = &tls {
            command.args(["--certificate", certificate]);
            if auth != "any" {
                command.arg("--bindings");
            }
        }
        command.args(&more);
        let process = Process::start("http_upstream", &mut command);
        process.wait_out("READY", |line| line == "READY");
        Self { process, auth, address, tls, more, _folder: folder }
    }

    /// Kills it and starts another in its place, without the sessions of this one.
    pub(crate) fn restarted(mut self) -> Self {
        self.process.kill();
        Self::at(self.address, self.auth, self.tls, &self.more)
    }

    /// Its URL, as in the configuration.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}:{PORT}", self.address)
    }

    /// Lets the server send the rest of a response that it holds.
    pub(crate) fn release(&self) {
        self.process.write_line("go");
    }

    /// Makes it revoke the authentication of all connections.
    pub(crate) fn revoke(&self) {
        self.process.write_line("revoke");
        self.log();
    }

    /// Makes it respond to HEAD with a body, as some servers do.
    pub(crate) fn respond_to_head_with_body(&self) {
        self.process.write_line("heads");
        self.log();
    }

    /// Makes it close the connection after its next challenge.
    pub(crate) fn drop_after_challenge(&self) {
        self.process.write_line("drop");
        self.log();
    }

    /// Waits until it holds a response.
    pub(crate) fn wait_held(&self) {
        self.process.wait_out("that it holds a response", |line| line.contains("\"waits\""));
    }

    /// What it received so far: one object for each event.
    pub(crate) fn log(&self) -> Vec<Value> {
        // Earlier lines of the log come before the mark.
        let mark = count();
        self.process.write_line(&format!("mark {mark}"));
        self.process.wait_out("a mark", |line| line == format!("marked {mark}"));
        let lines = self.process.out();
        lines.iter().filter(|line| line.starts_with('{')).map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    /// The requests that it served.
    pub(crate) fn requests(&self) -> Vec<Value> {
        self.log().into_iter().filter(|line| line.get("request").is_some()).collect()
    }

    /// The types of the operations that it served.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.requests().iter().filter_map(|request| header(request, "X-RequestType")).collect()
    }

    /// The requests that it refused.
    pub(crate) fn refusals(&self) -> Vec<Value> {
        self.log().into_iter().filter(|line| line.get("refused").is_some()).collect()
    }

    /// Asserts that every request has the service account, and the server's name as its host.
    #[track_caller]
    pub(crate) fn expect_service_account_only(&self) {
        let requests = self.requests();
        assert!(!requests.is_empty());
        for request in requests {
            let user = request["user"].as_str().unwrap();
            assert_eq!(user.to_lowercase(), format!("lab\\{}", SERVICE.0), "{request}");
            assert_eq!(header(&request, "Host"), Some(format!("{}:{PORT}", self.address)));
        }
    }
}

/// The value of the only header `name` of a message that a server or a client logged.
#[track_caller]
pub(crate) fn header(message: &Value, name: &str) -> Option<String> {
    let headers = message["headers"].as_array().unwrap();
    let mut found = headers.iter().filter(|header| header[0].as_str().unwrap().eq_ignore_ascii_case(name));
    let value = found.next().map(|header| header[1].as_str().unwrap().to_owned());
    assert!(found.next().is_none(), "several {name} in {message}");
    value
}

/// Bytes in hexadecimal, as in the logs of the server and the clients.
pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

impl Setup {
    /// With a listener for HTTP and one for it within TLS, before the server at `url`.
    fn http_at(self, url: &str, certificates: &Certificates) -> Self {
        let quoted = |name: &str| format!("{:?}", certificates.path(name));
        self.listen_key("http", "\"ADDRESS:8080\"")
            .listen_key("https", "\"ADDRESS:8443\"")
            .listen_key("certificate", &quoted("proxy.lab.test.crt"))
            .listen_key("key", &quoted("proxy.lab.test.key"))
            .upstream_key("http", &format!("{url:?}"))
            .upstream_key("ca_file", &quoted("ca.crt"))
    }

    /// Before a server of HTTP alone.
    pub(crate) fn before_http(upstream: &HttpUpstream, certificates: &Certificates) -> Self {
        if upstream.auth == "any" {
            let setup = Self::before("").http_at(&upstream.url(), certificates);
            return setup.relayed().stack(&["names"]);
        }
        let setup = Self::before("ncacn_ip_tcp:127.0.0.1[1]").http_at(&upstream.url(), certificates);
        setup.upstream_key("http_authentication", &format!("{:?}", upstream.auth)).stack(&["names"])
    }
}

/// A server, and a proxy before it.
#[derive(Debug)]
pub(crate) struct HttpPlace {
    pub(crate) upstream: HttpUpstream,
    pub(crate) proxy: Proxy,
    pub(crate) certificates: Certificates,
}

impl HttpPlace {
    /// A server at which the proxy authenticates by `auth`.
    pub(crate) fn new(auth: &'static str) -> Self {
        Self::with(auth, |setup| setup)
    }

    /// With another configuration of the proxy.
    pub(crate) fn with(auth: &'static str, edit: impl Fn(Setup) -> Setup) -> Self {
        let certificates = Certificates::new();
        let upstream = HttpUpstream::start(auth);
        let proxy = edit(Setup::before_http(&upstream, &certificates)).start();
        Self { upstream, proxy, certificates }
    }

    /// curl, which will ask for `path` within TLS.
    pub(crate) fn curl(&self, path: &str) -> Curl {
        Curl::get(&self.proxy, &self.certificates, path)
    }

    /// A client that has connected.
    pub(crate) fn connected(&self, by: &'static str, account: (&'static str, &'static str)) -> HttpClient {
        let mut client = HttpClient::new(&self.proxy, &self.certificates, Credentials(by, account));
        client.succeed("connect");
        client
    }
}

/// The scheme and the account of an HTTP client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Credentials(pub(crate) &'static str, pub(crate) (&'static str, &'static str));

/// A client of MAPI over HTTP that executes one command after another.
#[derive(Debug)]
pub(crate) struct HttpClient {
    dialogue: Dialogue,
}

impl HttpClient {
    /// Authenticates at `proxy`, within TLS.
    pub(crate) fn new(proxy: &Proxy, certificates: &Certificates, credentials: Credentials) -> Self {
        Self::for_host("proxy.lab.test", proxy, certificates, credentials)
    }

    /// Authenticates at `proxy`, within TLS, with the target name `host` if the scheme is spnego.
    pub(crate) fn for_host(
        host: &str,
        proxy: &Proxy,
        certificates: &Certificates,
        credentials: Credentials,
    ) -> Self {
        Self::at("https://proxy.lab.test:8443", proxy.address, certificates, credentials, host)
    }

    /// Authenticates at the server itself, with the service account.
    pub(crate) fn direct(upstream: &HttpUpstream, certificates: &Certificates) -> Self {
        Self::at(&upstream.url(), upstream.address, certificates, Credentials(upstream.auth, SERVICE), "")
    }

    fn at(
        url: &str,
        address: Ipv4Addr,
        certificates: &Certificates,
        credentials: Credentials,
        meant: &str,
    ) -> Self {
        let mut command = Command::new(python());
        command.arg(interop_script("http_scripted_client.py")).args(["--meant", meant]).args([
            "--url",
            url,
            "--address",
            &address.to_string(),
        ]);
        command.arg("--ca").arg(certificates.authority());
        command.args(["--auth", credentials.0, "--user", credentials.1.0, "--password", credentials.1.1]);
        Self { dialogue: Dialogue::new(Process::start("http_client", &mut command)) }
    }

    /// Sends `command` without waiting for its response.
    pub(crate) fn send(&mut self, command: &str) {
        self.dialogue.send(command);
    }

    /// The next response.
    pub(crate) fn response(&mut self) -> Value {
        self.dialogue.response()
    }

    /// Executes `command`, and returns its response.
    pub(crate) fn command(&mut self, command: &str) -> Value {
        self.dialogue.command(command)
    }

    /// Executes an operation, which succeeds.
    #[track_caller]
    pub(crate) fn succeed(&mut self, command: &str) -> Value {
        let response = self.command(command);
        assert_eq!(
            (&response["status"], code(&response)),
            (&Value::from(200), Some("0".into())),
            "{response}"
        );
        response
    }
}

/// The `X-ResponseCode` of a response.
#[track_caller]
pub(crate) fn code(response: &Value) -> Option<String> {
    header(response, "X-ResponseCode")
}

/// curl.
#[derive(Debug)]
pub(crate) struct Curl {
    command: Command,
    folder: Folder,
}

impl Curl {
    /// Requests `path` of `proxy`, within TLS.
    pub(crate) fn get(proxy: &Proxy, certificates: &Certificates, path: &str) -> Self {
        let mut curl = Self::at("https", 8443, proxy.address, path);
        curl.command.arg("--cacert").arg(certificates.authority());
        curl
    }

    /// Requests `path` of `proxy`, without TLS.
    pub(crate) fn without_tls(proxy: &Proxy, path: &str) -> Self {
        Self::at("http", 8080, proxy.address, path)
    }

    fn at(scheme: &str, port: u16, address: Ipv4Addr, path: &str) -> Self {
        let (mut command, folder) = (Command::new("curl"), Folder::new());
        command.args(["--disable", "--silent", "--show-error", "--noproxy", "*", "--max-time", "60"]);
        command.arg("--dump-header").arg(folder.join("heads"));
        command.args(["--resolve", &format!("proxy.lab.test:{port}:{address}")]);
        command.arg(format!("{scheme}://proxy.lab.test:{port}{path}"));
        Self { command, folder }
    }

    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    /// With a file named by a variable of its environment.
    pub(crate) fn env(mut self, name: &str, file: &std::path::Path) -> Self {
        self.command.env(name, file);
        self
    }

    /// As `account`.
    pub(crate) fn user(self, account: (&str, &str)) -> Self {
        self.with(&["--user", &format!("LAB\\{}:{}", account.0, account.1)])
    }

    /// Runs curl. Returns the responses.
    pub(crate) fn run(mut self) -> Page {
        let ended = Process::start("curl", &mut self.command).end();
        assert!(ended.status.success(), "{}\n{}", ended.out, ended.err);
        let heads = std::fs::read_to_string(self.folder.join("heads")).unwrap();
        let heads = heads.trim_end().split("\r\n\r\n").map(str::to_owned).collect();
        Page { heads, body: ended.out }
    }
}

/// The responses that curl received.
#[derive(Debug)]
pub(crate) struct Page {
    /// The heads of all responses; the body is that of the last one.
    pub(crate) heads: Vec<String>,
    pub(crate) body: String,
}

impl Page {
    /// The statuses of all responses.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        let status = |head: &String| head.split(' ').nth(1).unwrap().parse().unwrap();
        self.heads.iter().map(status).collect()
    }

    /// The last status.
    pub(crate) fn status(&self) -> u16 {
        *self.statuses().last().unwrap()
    }

    /// The values of the headers `name` of the last response.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.heads.last().unwrap().lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }
}
