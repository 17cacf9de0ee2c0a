//! `mapiproxy lab`: serves a small Exchange.

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

/// What to serve.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", required_unless_present = "keys")]
    config: Option<PathBuf>,
    /// Prints all keys with their documentation instead, as a template.
    #[arg(long)]
    keys: bool,
}

/// A lab's configuration, as `mapiproxy lab --keys` prints it.
const KEYS: &str = r#"# Relative paths start at the folder of this file.
# Where RFR, NSPI and EMSMDB are served. Needed.
rpc = "127.0.0.24:6001"
# Where clients ask for that port. Left out, there is no endpoint mapper. Clients expect port 135.
# example: endpoint_mapper = "127.0.0.24:135"
# Who may sign in: a file made by `mapiproxy account add --accounts accounts.toml --domain LAB USER`.
# Readable by its owner alone. Needed.
accounts = "accounts.toml"
# The weakest protection that a call may have: none, connect, packet, integrity or privacy.
# default: minimum_level = "privacy"
# The same seed makes the same people.
# default: seed = 1
# How many people there are.
# default: people = 300
# Spreads the mailboxes over EXCH1 and EXCH2.
# default: two_servers = false
"#;

/// A lab's configuration: [`KEYS`].
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

/// Runs the lab until SIGTERM or SIGINT.
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
        super::run::say(&format!("lab of {} people listens on {}", file.people, listening.rpc()));
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
    fn what_is_documented_as_a_default_holds_where_the_key_is_left_out() {
        let read = |text: &str| format!("{:?}", toml::from_str::<LabFile>(text).unwrap());
        assert_eq!(read(KEYS), read(&KEYS.replace("# default: ", "")));
        assert_ne!(read(KEYS), read(&KEYS.replace("# example: ", "")));
    }
}
