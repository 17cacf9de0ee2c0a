//! `mapiproxy lab`: runs the test server.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lab::{HttpLimits, HttpServer, Lab, LabConfig, LabServer, Quota, ServerCertificate, ServerName};
use mapi::autodiscover::UrlParts;
use net::Limits;
use rpc::AuthLevel;
use serde::Deserialize;
use tokio::sync::watch;

use crate::commands::signals::Signals;
use crate::config::ProtectionLevel;
use crate::failure::Outcome;
use crate::files;

/// Arguments of `lab`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["keys", "check"])]
    config: Option<PathBuf>,
    /// Prints a commented template of all keys and exits.
    #[arg(long)]
    keys: bool,
    /// Verifies a mailbox store that no running test server uses, prints what is wrong in it, and exits.
    #[arg(long, value_name = "STORE", conflicts_with_all = ["config", "keys"])]
    check: Option<PathBuf>,
}

/// The test server's configuration, as `mapiproxy lab --keys` prints it.
const KEYS: &str = r#"# All keys of the test server's configuration. Relative paths are relative to the directory of this file.
# The address for RFR, NSPI and EMSMDB. Required.
rpc = "127.0.0.24:6001"
# The address of the endpoint mapper. Clients expect port 135. If not set, there is no endpoint mapper.
# example: endpoint_mapper = "127.0.0.24:135"
# The address for MAPI over HTTP and Autodiscover. If not set, there is RPC only.
# example: http = "127.0.0.24:8444"
# The certificate of the address `http`, which the certificates of its issuers may follow, and its key, both in PEM. If
# not set, connections to `http` are not within TLS.
# example: certificate = "lab.crt"
# example: key = "lab.key"
# Scheme and host of the URLs in responses. If not set, the address `http`.
# example: public_url = "https://exch.lab.test"
# Accepts Basic on connections to `http` without TLS.
# default: basic_without_tls = false
# The accounts of clients: a file that `mapiproxy account add --accounts accounts.toml --domain LAB USER` writes.
# Only the owner may have read permission. An account has the mailbox of the user with its name; the account
# svcproxy may open all mailboxes, as a proxy's service account does. Required.
accounts = "accounts.toml"
# The file of the mailboxes, which is created if it does not exist. If not set, the mailboxes are temporary.
# example: store = "lab.db"
# The minimum protection level of calls: none, connect, packet, integrity or privacy.
# default: minimum_level = "privacy"
# The seed from which users and their data are generated.
# default: seed = 1
# The number of users.
# default: people = 300
# The maximum number of sessions of a user, by each protocol; a further one ends the one that was not used for the
# longest time. For the account svcproxy it is the number for each user.
# default: sessions_per_user = 64
# The names of public folders that are created together with the store of public folders.
# default: public_folders = []
# The users who have all rights on the public folders. Others may create folders and messages, and have all rights on the
# folders that they create.
# default: public_folder_owners = ["alice"]
# The mailbox quotas of users, in kilobytes; that of "*" is for all other users. When the mailbox reaches the size `warning`, its
# owner is warned; from `send` on, the owner cannot send; it receives and saves nothing by which it would reach `receive`.
# example: quotas = { alice = { warning = 900, send = 950, receive = 1000 }, "*" = { receive = 100000 } }
# The users whose mailboxes are on other servers, to which clients are referred. Messages to these users are not delivered.
# example: elsewhere = { bob = { name = "EXCH9", host = "exch9.lab.test" } }
# Distributes the mailboxes to two servers, EXCH1 and EXCH2.
# default: two_servers = false
"#;

/// The test server's configuration: [`KEYS`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LabFile {
    rpc: SocketAddr,
    endpoint_mapper: Option<SocketAddr>,
    http: Option<SocketAddr>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    public_url: Option<String>,
    #[serde(default)]
    basic_without_tls: bool,
    accounts: PathBuf,
    store: Option<PathBuf>,
    #[serde(default)]
    minimum_level: ProtectionLevel,
    #[serde(default = "one")]
    seed: u64,
    #[serde(default = "three_hundred")]
    people: usize,
    #[serde(default = "sixty_four")]
    sessions_per_user: usize,
    #[serde(default)]
    public_folders: Vec<String>,
    #[serde(default = "alice")]
    public_folder_owners: Vec<String>,
    #[serde(default)]
    quotas: BTreeMap<String, QuotaKeys>,
    #[serde(default)]
    elsewhere: BTreeMap<String, ServerKeys>,
    #[serde(default)]
    two_servers: bool,
}

/// The names of a server: [`ServerName`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerKeys {
    name: String,
    host: String,
}

/// A mailbox quota: [`Quota`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct QuotaKeys {
    warning: Option<u32>,
    send: Option<u32>,
    receive: Option<u32>,
}

fn alice() -> Vec<String> {
    LabConfig::default().public_folder_owners
}

const fn one() -> u64 {
    1
}

const fn sixty_four() -> usize {
    64
}

const fn three_hundred() -> usize {
    300
}

impl LabFile {
    /// The HTTP side; `None` without an address for it. Relative paths are relative to `folder`.
    fn http(&self, folder: &Path) -> Result<Option<HttpServer>, Box<dyn Error>> {
        let Some(address) = self.http else {
            let keys = [
                ("certificate", self.certificate.is_some()),
                ("key", self.key.is_some()),
                ("public_url", self.public_url.is_some()),
                ("basic_without_tls", self.basic_without_tls),
            ];
            return match keys.iter().find(|(_, is_set)| *is_set) {
                Some((key, _)) => {
                    Err(format!("{key} is set without http, the address that it is for").into())
                }
                None => Ok(None),
            };
        };
        let certificate = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                Some(ServerCertificate::load(&folder.join(certificate), &folder.join(key))?)
            }
            (None, None) => None,
            (Some(_), None) => return Err("certificate is set without key: set both or neither".into()),
            (None, Some(_)) => return Err("key is set without certificate: set both or neither".into()),
        };
        if let Some(url) = &self.public_url {
            let parts = UrlParts::split(url).filter(|parts| parts.rest.is_empty());
            parts
                .ok_or_else(|| format!("public_url {url:?}: expected a scheme and a host, without a path"))?;
        }
        Ok(Some(HttpServer {
            address,
            certificate,
            origin: self.public_url.clone(),
            basic_without_tls: self.basic_without_tls,
            limits: HttpLimits { sessions_per_user: self.sessions_per_user, ..HttpLimits::default() },
        }))
    }
}

/// Runs the test server until SIGTERM or SIGINT.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    if arguments.keys {
        return Ok(std::io::stdout().write_all(KEYS.as_bytes())?);
    }
    if let Some(store) = &arguments.check {
        return check(store);
    }
    let Some(path) = &arguments.config else { return Ok(()) };
    let text = files::read_text(path)?;
    let file: LabFile = toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let accounts = Arc::new(files::read_accounts(&folder.join(&file.accounts))?);
    let http = file.http(folder).map_err(|error| format!("{}: {error}", path.display()))?;
    let store = file.store.as_ref().map(|store| folder.join(store));
    let config = if file.two_servers { LabConfig::two_servers() } else { LabConfig::default() };
    let LabFile { seed, people, sessions_per_user, .. } = file;
    let lab = Arc::new(Lab::new(LabConfig {
        seed,
        people,
        store,
        sessions_per_user,
        quotas: file
            .quotas
            .into_iter()
            .map(|(user, QuotaKeys { warning, send, receive })| (user, Quota { warning, send, receive }))
            .collect(),
        elsewhere: file
            .elsewhere
            .into_iter()
            .map(|(user, ServerKeys { name, host })| (user, ServerName { name, host }))
            .collect(),
        public_folders: file.public_folders,
        public_folder_owners: file.public_folder_owners,
        ..config
    })?);
    let server = LabServer {
        endpoint_mapper: file.endpoint_mapper,
        rpc: file.rpc,
        http,
        minimum_level: AuthLevel::from(file.minimum_level),
        limits: Limits { connections_per_address: Limits::default().connections, ..Limits::default() },
        ..LabServer::local(accounts)
    };
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let listening = lab::start(Arc::clone(&lab), server).await?;
        let mut signals = Signals::new()?;
        let http = listening.http().map(|http| format!(", and for HTTP on {http}")).unwrap_or_default();
        super::run::print(&format!(
            "test server with {} users listens on {}{http}",
            file.people,
            listening.rpc()
        ));
        let (stop, stopped) = watch::channel(false);
        let serving = listening.run(stopped);
        tokio::pin!(serving);
        tokio::select! {
            () = &mut serving => {}
            () = signals.stop() => {
                stop.send(true)?;
                serving.await;
            }
        }
        Ok(())
    })
}

/// Verifies a mailbox store. Anything that is wrong in it is an error.
fn check(store: &Path) -> Outcome {
    let findings = lab::check_store(store)?;
    let mut out = std::io::stdout();
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    if findings.is_empty() {
        return Ok(writeln!(out, "{}: no errors", store.display())?);
    }
    Err(format!("{}: {} errors", store.display(), findings.len()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_defaults_apply_to_keys_that_are_not_set() {
        let read = |text: &str| format!("{:?}", toml::from_str::<LabFile>(text).unwrap());
        assert_eq!(read(KEYS), read(&KEYS.replace("# default: ", "")));
        assert_ne!(read(KEYS), read(&KEYS.replace("# example: ", "")));
    }

    #[test]
    fn keys_of_http_that_do_not_belong_together_are_refused() {
        let http = |keys: &str| {
            let file: LabFile =
                toml::from_str(&format!("rpc = \"127.0.0.24:6001\"\naccounts = \"a\"\n{keys}")).unwrap();
            file.http(Path::new("")).map(|http| http.is_some()).map_err(|error| error.to_string())
        };
        let address = "http = \"127.0.0.24:8444\"\n";
        assert_eq!((http(""), http(address)), (Ok(false), Ok(true)));
        for (keys, part) in [
            ("certificate = \"a\"".to_owned(), "certificate is set without http"),
            ("basic_without_tls = true".to_owned(), "basic_without_tls is set without http"),
            (format!("{address}key = \"a\""), "key is set without certificate"),
            (format!("{address}certificate = \"a\""), "certificate is set without key"),
            (format!("{address}certificate = \"none\"\nkey = \"none\""), "none: "),
            (format!("{address}public_url = \"exch.lab.test\""), "expected a scheme and a host"),
            (format!("{address}public_url = \"https://a/b\""), "expected a scheme and a host"),
        ] {
            let error = http(&keys).unwrap_err();
            assert!(error.contains(part), "{keys}: {error}");
        }
    }
}
