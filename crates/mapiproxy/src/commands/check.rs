use std::io::Write as _;
use std::path::PathBuf;

use crate::config;
use crate::service::Service;
use crate::{Outcome, files};

/// What to check.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", required_unless_present = "keys")]
    config: Option<PathBuf>,
    /// Prints every key with its meaning instead, as a configuration to start from.
    #[arg(long)]
    keys: bool,
}

/// Checks a configuration and all that it names, or prints the reference.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    if arguments.keys {
        return Ok(std::io::stdout().write_all(config::reference().as_bytes())?);
    }
    let Some(path) = &arguments.config else { return Ok(()) };
    let config = config::load(path)?;
    let own = crate::wiring::own_domain(&config);
    let accounts = config.clients.accounts.as_deref();
    let accounts = accounts.map(|path| files::read_accounts_of(path, own)).transpose()?;
    let service = Service::read(&config, &identity::Registry::new())?;
    crate::http::tls(&config.listen)?;
    if let Some(server) = &config.upstream.http {
        crate::http::upstream(&config, server, &service)?;
    }
    let stack = crate::wiring::stack(&config)?;
    let mut out = std::io::stdout();
    for note in config::notes(&config) {
        writeln!(out, "{}: warning: {note}", path.display())?;
    }
    let shared = accounts.as_ref().map(|accounts| accounts.shared_names().join(", "));
    if let Some(shared) = shared.filter(|shared| !shared.is_empty()) {
        let what = "several domains have an account of this name, none of which signs in without its domain";
        writeln!(out, "{}: note: clients.accounts: {what}: {shared}", path.display())?;
    }
    let accounts = accounts.map_or(0, |accounts| accounts.iter().count());
    writeln!(out, "{}: fine; {accounts} accounts; {stack}", path.display())?;
    Ok(())
}
