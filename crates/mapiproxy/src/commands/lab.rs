//! `mapiproxy lab`: runs the test server.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lab::{Lab, LabConfig, LabServer};
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
    #[arg(long, value_name = "FILE", required_unless_present = "keys")]
    config: Option<PathBuf>,
    /// Prints a commented template of all keys and exits.
    #[arg(long)]
    keys: bool,
}

/// The test server's configuration, as `mapiproxy lab --keys` prints it.
const KEYS: &str = r#"# All keys of the test server's configuration. Relative paths are relative to the directory of this file.
# The address for RFR, NSPI and EMSMDB. Required.
rpc = "127.0.0.24:6001"
# The address of the endpoint mapper. Clients expect port 135. If not set, there is no endpoint mapper.
# example: endpoint_mapper = "127.0.0.24:135"
# The accounts of clients: a file that `mapiproxy account add --accounts accounts.toml --domain LAB USER` writes.
# Only the owner may have read permission. An account has the mailbox of the user with its name; the account
# svcproxy may open all mailboxes, as a proxy's service account does. Required.
accounts = "accounts.toml"
# The minimum protection level of calls: none, connect, packet, integrity or privacy.
# default: minimum_level = "privacy"
# The seed from which users and their data are generated.
# default: seed = 1
# The number of users.
# default: people = 300
# Distributes the mailboxes to two servers, EXCH1 and EXCH2.
# default: two_servers = false
"#;

/// The test server's configuration: [`KEYS`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LabFile {
    rpc: SocketAddr,
    endpoint_mapper: Option<SocketAddr>,
    accounts: PathBuf,
    #[serde(default)]
    minimum_level: ProtectionLevel,
    #[serde(default = "one")]
    seed: u64,
    #[serde(default = "three_hundred")]
    people: usize,
    #[serde(default)]
    two_servers: bool,
}

const fn one() -> u64 {
    1
}

const fn three_hundred() -> usize {
    300
}

/// Runs the test server until SIGTERM or SIGINT.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    if arguments.keys {
        return Ok(std::io::stdout().write_all(KEYS.as_bytes())?);
    }
    let Some(path) = &arguments.config else { return Ok(()) };
    let text = files::read_text(path)?;
    let file: LabFile = toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let accounts = path.parent().unwrap_or(Path::new("")).join(&file.accounts);
    let accounts = Arc::new(files::read_accounts(&accounts)?);
    let config = if file.two_servers { LabConfig::two_servers() } else { LabConfig::default() };
    let lab = Arc::new(Lab::new(LabConfig { seed: file.seed, people: file.people, ..config }));
    let server = LabServer {
        endpoint_mapper: file.endpoint_mapper,
        rpc: file.rpc,
        minimum_level: AuthLevel::from(file.minimum_level),
        limits: Limits { connections_per_address: Limits::default().connections, ..Limits::default() },
        ..LabServer::local(accounts)
    };
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let listening = lab::start(Arc::clone(&lab), server).await?;
        let mut signals = Signals::new()?;
        super::run::print(&format!("test server with {} users listens on {}", file.people, listening.rpc()));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_defaults_apply_to_keys_that_are_not_set() {
        let read = |text: &str| format!("{:?}", toml::from_str::<LabFile>(text).unwrap());
        assert_eq!(read(KEYS), read(&KEYS.replace("# default: ", "")));
        assert_ne!(read(KEYS), read(&KEYS.replace("# example: ", "")));
    }
}
