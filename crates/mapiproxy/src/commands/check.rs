use std::io::Write as _;
use std::path::PathBuf;

use crate::Outcome;
use crate::config::{self, Examined, Found, Problems};
use crate::inspect::{self, Inspected};

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
    let Examined { config, places, problems } = config::examine(path)?;
    let mut found = Found::new(path, &places);
    found.problems = problems;
    let Some(config) = config else { return Ok(Problems::none(found.problems)?) };
    let Inspected { accounts, mut warnings } = inspect::inspect(&config, &mut found);
    warnings.extend(config::notes(&config).into_iter().map(str::to_owned));
    for (key, why) in inspect::unresolved(&config) {
        warnings.push(format!("{key}: {why}; give a name that this machine can resolve, or an address"));
    }
    let stack = crate::wiring::stack(&config).map_err(|error| found.wrong(&error.key, error.why)).ok();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if let Err(own) = runtime.block_on(crate::own_address::check(&config)) {
        found.wrong(own.key(), own.why());
    }
    let mut out = std::io::stdout();
    let has_problems = !found.problems.is_empty();
    for warning in &warnings {
        let line = format!("{}: warning: {warning}", path.display());
        if has_problems { writeln!(std::io::stderr(), "{line}")? } else { writeln!(out, "{line}")? }
    }
    Problems::none(found.problems)?;
    if let Some(stack) = stack {
        writeln!(out, "{}: fine; {accounts} accounts; {stack}", path.display())?;
    }
    Ok(())
}
