//! The processes that are measured: lab, proxy and HAProxy, each on its own loopback address.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use identity::accounts::AccountFile;
use identity::{Account, NtHash, Password};
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, setrlimit};

use crate::configuration::{Configuration, DOMAIN, RAISED};

pub(crate) const USER: &str = "alice";

/// How many users share the sessions that wait: one user may have only so many.
pub(crate) const WAITERS: usize = 12;

/// The name of one of them.
pub(crate) fn waiter(number: usize) -> String {
    format!("waiter{}", number % WAITERS)
}

type Failure = Box<dyn Error>;

/// Lets this process, and those that it starts, open as many files as it may.
pub(crate) fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Without it, the larger measurements fail with an error.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// How many files this process, and each that it starts, may have open.
pub(crate) fn descriptors() -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

/// Processes that are measured, and the folder that holds their files; both are gone with it.
pub(crate) struct Stage {
    folder: PathBuf,
    processes: Vec<Child>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        for process in &mut self.processes {
            end(process);
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Ends a process: first by SIGTERM, so that it ends its own child processes.
fn end(process: &mut Child) {
    let id = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
    let asked = id.is_some_and(|id| kill_process(id, Signal::TERM).is_ok());
    let since = Instant::now();
    while asked && since.elapsed() < Duration::from_secs(5) {
        if matches!(process.try_wait(), Ok(Some(_))) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = process.kill();
    let _ = process.wait();
}

impl Stage {
    /// An empty one, whose folder has `name` in its name.
    pub(crate) fn new(name: &str) -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("mapiproxy-bench-{}-{name}", std::process::id()));
        std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Self { folder, processes: Vec::new() })
    }

    /// Where the file `name` is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(self.path(name))?;
        std::io::Write::write_all(&mut file, text.as_bytes())?;
        Ok(())
    }

    /// Starts a process, waits until it listens on `address`, and returns its id.
    pub(crate) fn run(&mut self, command: &mut Command, address: SocketAddr) -> Result<u32, Failure> {
        let what = command.get_program().to_string_lossy().into_owned();
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let process =
            started.map_err(|error| format!("can't start {what}: {error}; cargo xtask bench installs it"))?;
        let id = process.id();
        self.processes.push(process);
        let since = Instant::now();
        while TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
            if since.elapsed() > Duration::from_secs(20) {
                return Err(format!("{what} does not listen on {address}").into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(id)
    }
}

/// The lab and its proxies.
pub(crate) struct Field {
    /// Holds the processes.
    _stage: Stage,
    pub(crate) proxy: SocketAddr,
    pub(crate) haproxy: SocketAddr,
    pub(crate) proxy_process: u32,
    pub(crate) password: Password,
}

impl Field {
    /// Starts everything, with calls protected at `level` on both sides.
    pub(crate) fn start(level: &str, stack: &str) -> Result<Self, Failure> {
        Self::of(Command::new(program()?), level, stack)
    }

    /// The same, with the proxy started by `proxy_command`, which is its program or begins with it.
    pub(crate) fn of(mut proxy_command: Command, level: &str, stack: &str) -> Result<Self, Failure> {
        let mut stage = Stage::new(level)?;
        let [lab, proxy, haproxy] = [24, 23, 25].map(|host| free(Ipv4Addr::new(127, 0, 0, host)));
        let (lab, proxy, haproxy) = (lab?, proxy?, haproxy?);
        let password = Password::new("bench password");
        stage.write("accounts.toml", &accounts(&password)?)?;
        stage.write("svcproxy.password", password.expose())?;
        stage.write(
            "lab.toml",
            &format!(
                "rpc = \"{lab}\"\naccounts = \"accounts.toml\"\nminimum_level = \"{level}\"\n\
                 sessions_per_user = 20000\n"
            ),
        )?;
        stage.write("proxy.toml", &proxy_config(proxy, lab, level, stack))?;
        stage.write("haproxy.cfg", &haproxy_config(haproxy, lab))?;
        let program = program()?;
        let config = stage.path("lab.toml");
        stage.run(Command::new(&program).arg("lab").arg("--config").arg(config), lab)?;
        let config = stage.path("proxy.toml");
        let proxy_process = stage.run(proxy_command.arg("run").arg("--config").arg(config), proxy)?;
        let config = stage.path("haproxy.cfg");
        stage.run(Command::new("haproxy").arg("-db").arg("-f").arg(config), haproxy)?;
        Ok(Self { _stage: stage, proxy, haproxy, proxy_process, password })
    }
}

/// The program, built beside this one.
pub(crate) fn program() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    let program = own.parent().unwrap_or(Path::new(".")).join("mapiproxy");
    if program.exists() {
        return Ok(program);
    }
    Err(format!("{} is missing: cargo xtask bench builds it", program.display()).into())
}

/// The program as callgrind runs it, which writes to `file` at its end what it counted.
pub(crate) fn under_callgrind(file: &Path) -> Result<Command, Failure> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--dump-instr=yes", "--demangle=no", "--quiet"]);
    command.arg(format!("--callgrind-out-file={}", file.display())).arg(program()?);
    Ok(command)
}

pub(crate) fn free(host: Ipv4Addr) -> Result<SocketAddr, std::io::Error> {
    TcpListener::bind((host, 0))?.local_addr()
}

pub(crate) fn accounts(password: &Password) -> Result<String, Failure> {
    let mut accounts = AccountFile::default();
    let waiters: Vec<String> = (0..WAITERS).map(waiter).collect();
    for user in [USER, "svcproxy"].into_iter().chain(waiters.iter().map(String::as_str)) {
        let nt_hash = NtHash::from_password(password.expose());
        accounts.set(Account::new(user, DOMAIN, nt_hash))?;
    }
    Ok(accounts.to_toml()?.to_string())
}

fn proxy_config(proxy: SocketAddr, lab: SocketAddr, level: &str, stack: &str) -> String {
    let configuration = Configuration {
        listen: &format!("rpc = \"{proxy}\""),
        clients: &format!("minimum_level = \"{level}\"\n{RAISED}"),
        upstream: &format!("rpc = \"ncacn_ip_tcp:{}[{}]\"\nlevel = \"{level}\"", lab.ip(), lab.port()),
        stack,
    };
    configuration.text()
}

fn haproxy_config(haproxy: SocketAddr, lab: SocketAddr) -> String {
    format!(
        "global\n  maxconn 8000\ndefaults\n  mode tcp\n  timeout connect 10s\n  timeout client 1h\n  timeout server 1h\n\
         frontend rpc\n  bind {haproxy}\n  default_backend lab\nbackend lab\n  server lab {lab}\n"
    )
}
