//! A running proxy, with its configuration and accounts.

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use super::accounts::{add_account, add_account_of, certificate, change_password};
use super::place::{Folder, PATIENCE, address};
use super::process::Ended;
use super::process::Process;
use super::programs::program;
use super::upstream::SERVICE;

/// A client's account: its name and its password.
pub(crate) type Account = (&'static str, &'static str);

/// A user with an account.
pub(crate) const ALICE: Account = ("alice", "White Rabbit 1");
/// Another user with an account.
pub(crate) const BOB: Account = ("bob", "Tea for two 2");

/// The configuration of a proxy: the test's settings, and defaults for the others.
#[derive(Debug)]
pub(crate) struct Setup {
    upstream: String,
    stack: Vec<&'static str>,
    rpc_http: bool,
    http: bool,
    listen: String,
    clients: String,
    upstream_keys: String,
    modules: String,
    service: Account,
    relayed: bool,
    top: String,
    log: &'static str,
    arguments: Vec<&'static str>,
    output_script: Option<&'static str>,
}

impl Setup {
    /// Before the server `upstream`, named as in the configuration; with an empty stack.
    pub(crate) fn before(upstream: &str) -> Self {
        Self {
            upstream: upstream.to_owned(),
            stack: Vec::new(),
            rpc_http: false,
            http: false,
            listen: String::new(),
            clients: String::new(),
            upstream_keys: String::new(),
            modules: String::new(),
            service: SERVICE,
            relayed: false,
            top: String::new(),
            log: "info",
            arguments: Vec::new(),
            output_script: None,
        }
    }

    /// Unauthenticated on both sides.
    pub(crate) fn unprotected(self) -> Self {
        self.minimum_level("none").upstream_key("level", "\"none\"")
    }

    pub(crate) fn stack(mut self, modules: &[&'static str]) -> Self {
        self.stack = modules.to_vec();
        self
    }

    pub(crate) fn minimum_level(self, level: &str) -> Self {
        self.clients_key("minimum_level", &format!("\"{level}\""))
    }

    pub(crate) fn clients_key(mut self, key: &str, value: &str) -> Self {
        writeln!(self.clients, "{key} = {value}").unwrap();
        self
    }

    /// A key outside of all tables.
    pub(crate) fn top_key(mut self, key: &str, value: &str) -> Self {
        writeln!(self.top, "{key} = {value}").unwrap();
        self
    }

    /// With `ADDRESS` in the value for the proxy's own address.
    pub(crate) fn listen_key(mut self, key: &str, value: &str) -> Self {
        writeln!(self.listen, "{key} = {value}").unwrap();
        self
    }

    pub(crate) fn upstream_key(mut self, key: &str, value: &str) -> Self {
        // The last one counts.
        let others = self.upstream_keys.lines().filter(|line| !line.starts_with(&format!("{key} = ")));
        self.upstream_keys = others.flat_map(|line| [line, "\n"]).collect();
        writeln!(self.upstream_keys, "{key} = {value}").unwrap();
        self
    }

    /// Options of a module, as a table of TOML.
    pub(crate) fn options(mut self, module: &str, table: &str) -> Self {
        writeln!(self.modules, "[modules.{module}]\n{table}").unwrap();
        self
    }

    /// With a further table of the configuration.
    pub(crate) fn table(mut self, text: &str) -> Self {
        writeln!(self.modules, "{text}").unwrap();
        self
    }

    /// With `account` as the service account.
    pub(crate) fn service_account(mut self, account: Account) -> Self {
        self.service = account;
        self
    }

    /// With pass-through authentication, over HTTP only.
    pub(crate) fn relayed(mut self) -> Self {
        self.relayed = true;
        self
    }

    /// With an endpoint for proxies of RPC over HTTP.
    pub(crate) fn rpc_http(mut self) -> Self {
        self.rpc_http = true;
        self
    }

    /// With HTTP at port 8081 and HTTP within TLS at port 8443; its certificate is the file `own.crt`.
    pub(crate) fn http(mut self) -> Self {
        self.http = true;
        self
    }

    pub(crate) fn log(mut self, filter: &'static str) -> Self {
        self.log = filter;
        self
    }

    fn text(&self, address: Ipv4Addr) -> String {
        let Self { upstream, stack, top, listen, clients, upstream_keys, modules, .. } = self;
        let [top, listen] = [top, listen].map(|keys| keys.replace("ADDRESS", &address.to_string()));
        let mut http = if self.rpc_http { format!("rpc_http = \"{address}:6004\"\n") } else { String::new() };
        if self.http {
            let tls = "certificate = \"own.crt\"\nkey = \"own.key\"";
            writeln!(http, "http = \"{address}:8081\"\nhttps = \"{address}:8443\"\n{tls}").unwrap();
        }
        if self.relayed {
            return format!(
                "name = \"proxy.lab.test\"\n{top}[listen]\n{http}{listen}[clients]\n{clients}\
                 [upstream]\n{upstream_keys}[upstream.credentials]\nmode = \"relayed\"\n\
                 [modules]\nstack = {stack:?}\n{modules}",
            );
        }
        format!(
            "name = \"proxy.lab.test\"\n{top}\
             [listen]\nendpoint_mapper = \"{address}:1135\"\nrpc = \"{address}:6001\"\n{http}{listen}\
             [clients]\naccounts = \"accounts.toml\"\n{clients}\
             [upstream]\nrpc = \"{upstream}\"\n{upstream_keys}\
             [upstream.credentials]\nmode = \"specified\"\nuser = \"{}\"\ndomain = \"LAB\"\n\
             password_file = \"service.password\"\n\
             [modules]\nstack = {stack:?}\n{modules}",
            self.service.0,
        )
    }

    /// With a further argument of `mapiproxy run`.
    pub(crate) fn argument(mut self, argument: &'static str) -> Self {
        self.arguments.push(argument);
        self
    }

    /// With an output and a log that cannot be written, as on a full disk.
    pub(crate) fn output_full(mut self) -> Self {
        self.output_script = Some("exec \"$0\" \"$@\" >/dev/full 2>/dev/full");
        self
    }

    /// With an output and a log that go to one pipe, from which no process reads.
    pub(crate) fn output_unread(mut self) -> Self {
        self.output_script = Some(
            "pipe=$(mktemp -u) && mkfifo \"$pipe\" && exec 3<>\"$pipe\" && rm \"$pipe\" && exec \"$0\" \"$@\" >&3 2>&3",
        );
        self
    }

    /// Starts it with the accounts of [`ALICE`] and [`BOB`], and waits until it listens.
    pub(crate) fn start(self) -> Proxy {
        let folder = Folder::new();
        let address = address();
        let config = folder.write("proxy.toml", &self.text(address));
        folder.write("service.password", self.service.1);
        add_account(&folder, ALICE);
        add_account(&folder, BOB);
        if self.http {
            certificate(&folder, &[&address.to_string()]);
        }
        let mut command = if let Some(script) = self.output_script {
            let mut shell = Command::new("sh");
            shell.args(["-c", script]).arg(program());
            shell
        } else {
            Command::new(program())
        };
        command.args(["run", "--live", "--log", self.log, "--config"]).arg(config).args(&self.arguments);
        let process = Process::start("mapiproxy run", &mut command);
        if self.output_script.is_some() {
            wait_open(SocketAddr::from((address, 8080)));
        } else {
            process.wait_out("that it listens", |line| line.contains("listens on"));
        }
        Proxy { process, address, folder }
    }
}

/// Waits until `address` accepts connections.
fn wait_open(address: SocketAddr) {
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < until, "no listener on {address}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A running proxy.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) process: Process,
    pub(crate) address: Ipv4Addr,
    folder: Folder,
}

impl Proxy {
    /// The address of its endpoint mapper.
    pub(crate) fn mapper(&self) -> SocketAddr {
        SocketAddr::from((self.address, 1135))
    }

    /// A file beside its configuration.
    pub(crate) fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.join(name)
    }

    /// The address of its RPC listener.
    pub(crate) fn rpc(&self) -> SocketAddr {
        SocketAddr::from((self.address, 6001))
    }

    /// Gives `account` an account, in the file that it read when it started.
    pub(crate) fn add_account(&self, account: Account) {
        add_account(&self.folder, account);
    }

    /// Changes the password of an account, which the proxy reads again upon SIGHUP only.
    pub(crate) fn change_password(&self, account: Account) {
        change_password(&self.folder, account);
    }

    /// Gives `account` an account of `domain` in that file.
    pub(crate) fn add_account_of(&self, domain: &str, account: Account) {
        add_account_of(&self.folder, domain, account);
    }

    /// Removes the account of `account` from that file.
    pub(crate) fn remove_account(&self, account: Account) {
        let mut command = Command::new(program());
        command.args(["account", "remove", "--domain", "LAB", account.0, "--accounts"]);
        let ended = Process::start("account remove", command.arg(self.file("accounts.toml"))).end();
        assert!(ended.status.success(), "{}", ended.err);
    }

    /// Reloads with SIGHUP, and waits until there are `accounts` accounts.
    pub(crate) fn reload_accounts(&self, accounts: usize) {
        self.process.hang_up();
        let said = format!("accounts reloaded: {accounts}");
        self.process.wait_out(&said, |line| line == said);
    }

    /// Writes another password of the service account.
    pub(crate) fn write_password(&self, password: &str) {
        self.folder.write("service.password", password);
    }

    /// Writes an invalid accounts file.
    pub(crate) fn corrupt_accounts(&self) {
        self.folder.write("accounts.toml", "nonsense");
    }

    /// The address of its listener for RPC over HTTP proxies.
    pub(crate) fn rpc_http(&self) -> SocketAddr {
        SocketAddr::from((self.address, 6004))
    }

    /// The lines of the live view that hold `part`.
    pub(crate) fn lines_with(&self, part: &str) -> Vec<String> {
        self.process.out().into_iter().filter(|line| line.contains(part)).collect()
    }

    /// Waits until `count` lines of the live view contain `part`, and asserts that no further line does.
    #[track_caller]
    pub(crate) fn expect_lines(&self, part: &str, count: usize) {
        self.process.wait_lines(&format!("{count} lines with {part:?}"), count, |line| line.contains(part));
        assert_eq!(self.lines_with(part).len(), count, "{part}");
    }

    /// Its peak memory in KiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.memory("VmHWM:")
    }

    /// Its resident memory in KiB.
    pub(crate) fn resident_memory(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The highest resident memory that it had, in KiB.
    pub(crate) fn highest_memory(&self) -> u64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, of: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(of)).unwrap();
        line.trim().trim_end_matches("kB").trim().parse().unwrap()
    }

    /// The number of its open files and sockets.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.process.id())).unwrap().count()
    }

    /// Waits until `port` refuses connections.
    pub(crate) fn wait_closed(&self, port: u16) {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect((self.address, port)).is_ok() {
            assert!(Instant::now() < until, "port {port} stays open");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends SIGTERM, and waits until the proxy has ended.
    pub(crate) fn stop(&mut self) -> Ended {
        self.process.terminate();
        self.process.end()
    }
}
