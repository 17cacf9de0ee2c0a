//! The reverse proxies that are compared, all of the same server.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use identity::Password;

use crate::configuration::{Configuration, NAME, RAISED};
use crate::memory;
use crate::setup::{self, Stage};

/// A running reverse proxy.
pub(crate) struct Peer {
    pub(crate) name: String,
    /// Its address for plain HTTP.
    pub(crate) plain: SocketAddr,
    /// Its address for HTTP over TLS.
    pub(crate) tls: SocketAddr,
    process: u32,
}

/// Another build of the proxy, such as an earlier one, to be measured beside this one.
#[derive(Debug, Clone)]
pub(crate) struct Build {
    name: String,
    program: PathBuf,
}

impl std::str::FromStr for Build {
    type Err = Box<dyn Error + Send + Sync>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, program) = text.split_once('=').ok_or("write NAME=PROGRAM")?;
        let program = PathBuf::from(program);
        if program.is_file() {
            Ok(Self { name: name.to_owned(), program })
        } else {
            Err(format!("there is no file {}", program.display()).into())
        }
    }
}

/// All proxies, with their key and certificate.
pub(crate) struct Peers {
    pub(crate) all: Vec<Peer>,
    /// The certificate's authority, in DER.
    pub(crate) authority: Vec<u8>,
    pub(crate) password: Password,
    stage: Stage,
}

impl Peers {
    /// Starts MAPIProxy with `command`, which begins with its program, as a proxy of the server at
    /// `upstream`.
    pub(crate) fn of(upstream: SocketAddr, command: Command) -> Result<Self, Box<dyn Error>> {
        let mut stage = Stage::new("http")?;
        let password = Password::new("bench password");
        let authority = certificate(&stage)?;
        stage.write("accounts.toml", &setup::accounts(&password)?)?;
        stage.write("svcproxy.password", password.expose())?;
        let all = vec![start_mapiproxy(&mut stage, upstream, "mapiproxy", command, RAISED)?];
        Ok(Self { all, authority, password, stage })
    }

    /// Starts MAPIProxy and the `wanted` proxies, all of the server at `upstream`.
    pub(crate) fn start(upstream: SocketAddr, wanted: impl Fn(&str) -> bool) -> Result<Self, Box<dyn Error>> {
        let mut this = Self::of(upstream, Command::new(setup::program()?))?;
        let Self { all, stage, .. } = &mut this;
        if wanted("nginx") {
            all.push(nginx(stage, upstream)?);
        }
        if wanted("haproxy") {
            all.push(haproxy(stage, upstream)?);
        }
        if wanted("mitmproxy") {
            all.push(mitmproxy(stage, upstream)?);
        }
        Ok(this)
    }

    /// Starts another build of MAPIProxy.
    pub(crate) fn add(&mut self, upstream: SocketAddr, build: &Build) -> Result<(), Box<dyn Error>> {
        self.all.push(start_mapiproxy(
            &mut self.stage,
            upstream,
            &build.name,
            Command::new(&build.program),
            RAISED,
        )?);
        Ok(())
    }

    /// Starts MAPIProxy once more, with the default limits.
    pub(crate) fn add_with_default_limits(&mut self, upstream: SocketAddr) -> Result<(), Box<dyn Error>> {
        self.all.push(start_mapiproxy(
            &mut self.stage,
            upstream,
            "defaults",
            Command::new(setup::program()?),
            "",
        )?);
        Ok(())
    }
}

impl Peer {
    /// The processor time of the process and its children, in seconds.
    pub(crate) fn processor_time(&self) -> f64 {
        self.processes().filter_map(processor_time).sum()
    }

    /// The resident memory of the process and its children, in KiB.
    pub(crate) fn resident(&self) -> Result<u64, Box<dyn Error>> {
        self.processes().map(memory::resident).sum()
    }

    fn processes(&self) -> impl Iterator<Item = u32> {
        std::iter::once(self.process).chain(children(self.process))
    }
}

fn certificate(stage: &Stage) -> Result<Vec<u8>, Box<dyn Error>> {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    stage.write("cert.pem", &certificate)?;
    stage.write("key.pem", &key)?;
    stage.write("both.pem", &format!("{certificate}{key}"))?;
    Ok(made.cert.der().to_vec())
}

/// Two free addresses of a loopback host: for plain connections and for TLS.
fn free_addresses(host: u8) -> Result<(SocketAddr, SocketAddr), std::io::Error> {
    let host = Ipv4Addr::new(127, 0, 0, host);
    Ok((setup::free(host)?, setup::free(host)?))
}

/// Starts MAPIProxy with `command` as a proxy of the server at `upstream`, with these `limits`.
fn start_mapiproxy(
    stage: &mut Stage,
    upstream: SocketAddr,
    name: &str,
    mut command: Command,
    limits: &str,
) -> Result<Peer, Box<dyn Error>> {
    let (plain, tls) = free_addresses(23)?;
    let config = format!("{name}.toml");
    let configuration = Configuration {
        listen: &format!(
            "http = \"{plain}\"\nhttps = \"{tls}\"\ncertificate = \"cert.pem\"\nkey = \"key.pem\""
        ),
        clients: &format!("http_auth = [\"basic\"]\nbasic_without_tls = true\n{limits}"),
        upstream: &format!("http = \"http://{upstream}\"\nhttp_authentication = \"basic\""),
        stack: "\"names\", \"downgrade\"",
    };
    stage.write(&config, &configuration.text())?;
    let config = stage.path(&config);
    command.arg("run").arg("--config").arg(config);
    if limits.is_empty() {
        // Its log lines about limits would be printed between the rows.
        command.stderr(Stdio::null());
    }
    let process = stage.run(&mut command, plain)?;
    Ok(Peer { name: name.to_owned(), plain, tls, process })
}

fn nginx(stage: &mut Stage, upstream: SocketAddr) -> Result<Peer, Box<dyn Error>> {
    let (plain, tls) = free_addresses(26)?;
    let folder = stage.path("");
    let folder = folder.display();
    stage.write(
        "nginx.conf",
        &format!(
            "daemon off;\nworker_processes 2;\npid {folder}nginx.pid;\n\
             error_log {folder}nginx.log;\nevents {{ worker_connections 12000; }}\n\
             http {{\n  access_log off;\n  client_body_temp_path {folder}body;\n  proxy_temp_path {folder}temp;\n\
             fastcgi_temp_path {folder}fastcgi;\n  uwsgi_temp_path {folder}uwsgi;\n  scgi_temp_path {folder}scgi;\n\
             client_max_body_size 64m;\n  client_body_buffer_size 512k;\n  keepalive_requests 1000000000;\n\
             upstream server {{ server {upstream}; keepalive 600; keepalive_requests 1000000000; }}\n\
             server {{\n    listen {plain} backlog=4096;\n    listen {tls} ssl backlog=4096;\n\
             ssl_certificate {folder}cert.pem;\n    ssl_certificate_key {folder}key.pem;\n\
             location / {{\n      proxy_pass http://server;\n      proxy_http_version 1.1;\n\
             proxy_read_timeout 1h;\n      proxy_set_header Connection \"\";\n      proxy_buffering off;\n    }}\n  }}\n}}\n"
        ),
    )?;
    let config = stage.path("nginx.conf");
    let log = stage.path("nginx.log");
    let process = stage.run(Command::new("nginx").arg("-e").arg(log).arg("-c").arg(config), plain)?;
    Ok(Peer { name: "nginx".to_owned(), plain, tls, process })
}

fn haproxy(stage: &mut Stage, upstream: SocketAddr) -> Result<Peer, Box<dyn Error>> {
    let (plain, tls) = free_addresses(25)?;
    let pem = stage.path("both.pem");
    stage.write(
        "haproxy.cfg",
        &format!(
            "global\n  maxconn 4000\ndefaults\n  mode http\n  timeout connect 10s\n  timeout client 1h\n\
             timeout server 1h\nfrontend http\n  bind {plain}\n  bind {tls} ssl crt {}\n\
             default_backend server\nbackend server\n  server server {upstream}\n",
            pem.display()
        ),
    )?;
    let config = stage.path("haproxy.cfg");
    let process = stage.run(Command::new("haproxy").arg("-db").arg("-f").arg(config), plain)?;
    Ok(Peer { name: "haproxy".to_owned(), plain, tls, process })
}

/// mitmproxy in reverse mode speaks TLS and plain HTTP on one port.
fn mitmproxy(stage: &mut Stage, upstream: SocketAddr) -> Result<Peer, Box<dyn Error>> {
    let (plain, _) = free_addresses(27)?;
    stage.write("addon.py", "class Empty:\n    pass\n\n\naddons = [Empty()]\n")?;
    let mut command = Command::new("mitmdump");
    command.args(["--quiet", "--mode"]).arg(format!("reverse:http://{upstream}"));
    command.args(["--listen-host", &plain.ip().to_string(), "--listen-port", &plain.port().to_string()]);
    command.arg("--scripts").arg(stage.path("addon.py"));
    command.arg("--certs").arg(stage.path("both.pem"));
    command.arg("--set").arg(format!("confdir={}", stage.path("mitmproxy").display()));
    let process = stage.run(&mut command, plain)?;
    Ok(Peer { name: "mitmproxy".to_owned(), plain, tls: plain, process })
}

fn children(process: u32) -> Vec<u32> {
    let path = format!("/proc/{process}/task/{process}/children");
    let text = std::fs::read_to_string(Path::new(&path)).unwrap_or_default();
    text.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// User and system time of a process, in seconds.
fn processor_time(process: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field, the program's name, is in brackets and may hold spaces.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}
