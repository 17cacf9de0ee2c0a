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
use crate::{ConfigFile, Outcome, files};

/// What to serve.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
}

/// A lab's configuration.
///
/// ```toml
/// rpc = "127.0.0.24:6001"               # where RFR, NSPI and EMSMDB are served; required
/// endpoint_mapper = "127.0.0.24:135"    # where clients ask for that port; none if left out
/// accounts = "accounts.toml"            # who may sign in; required
/// minimum_level = "privacy"             # none, connect, packet, integrity or privacy
/// seed = 1                              # the same seed makes the same people
/// people = 300                          # how many there are
/// two_servers = false                   # spreads the mailboxes over EXCH1 and EXCH2
/// ```
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

/// Serves the lab until it is told to stop.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let path = &arguments.file.config;
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
