use std::path::PathBuf;

use crate::config;
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
        print!("{}", config::reference());
        return Ok(());
    }
    let Some(path) = &arguments.config else { return Ok(()) };
    let config = config::load(path)?;
    let accounts = files::read_accounts(&config.clients.accounts)?;
    let config::Credentials::Specified { password_file, .. } = &config.upstream.credentials;
    files::read_password(password_file)?;
    crate::http::tls(&config.listen)?;
    if let Some(server) = &config.upstream.http {
        crate::http::upstream(&config, server, &identity::Registry::new())?;
    }
    let stack = crate::wiring::stack(&config)?;
    println!("{}: fine; {} accounts; {stack}", path.display(), accounts.iter().count());
    Ok(())
}
