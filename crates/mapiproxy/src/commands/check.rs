//! `mapiproxy check`: validates a configuration.

use std::io::Write as _;
use std::path::PathBuf;

use crate::config::{self, Examined, Found, Problems};
use crate::failure::Outcome;
use crate::inspect::{self, Inspected};

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["keys", "schema"])]
    config: Option<PathBuf>,
    /// Prints a commented template of all keys and exits.
    #[arg(long)]
    keys: bool,
    /// Prints a JSON schema of the configuration (draft 2020-12) for editors and exits.
    #[arg(long, conflicts_with = "keys")]
    schema: bool,
    /// Also checks the server: its name, ports, certificate, clock and authentication schemes, and whether
    /// the service account can sign in. No step takes longer than `connect_seconds` of `[upstream]`.
    ///
    /// The service account signs in once by HTTP and, by RPC, once at each of the three interfaces. After a
    /// failure it is not tried again over that protocol, so that a check causes at most one failure for each
    /// protocol and does not lock the account out.
    #[arg(long, conflicts_with_all = ["keys", "schema"])]
    online: bool,
}

/// Checks a configuration and the files that it names, or prints the reference or the schema.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    if arguments.keys {
        return Ok(std::io::stdout().write_all(config::reference().as_bytes())?);
    }
    if arguments.schema {
        return Ok(std::io::stdout().write_all(config::schema().as_bytes())?);
    }
    let Some(path) = &arguments.config else { return Ok(()) };
    let Examined { config, places, problems } = config::examine(path)?;
    let mut found = Found::new(path, &places);
    found.problems = problems;
    let Some(config) = config else { return Ok(Problems::none(found.problems)?) };
    // Combinations of keys are only checked if each key is valid.
    let of_settings = if found.problems.is_empty() { config::warnings(&config, &places) } else { Vec::new() };
    crate::wiring::stack(&config, &mut found);
    let Inspected { accounts, mut warnings, .. } = inspect::inspect(&config, &mut found);
    warnings.extend(of_settings);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for own in runtime.block_on(crate::wiring::upstream_loop::find(&config)) {
        found.wrong(own.key(), own.why());
    }
    let mut confirmed = Vec::new();
    if arguments.online {
        let report = runtime.block_on(inspect::online::check(&config, &mut found));
        warnings.extend(report.warnings);
        confirmed = report.confirmed;
    } else {
        for (key, why) in runtime.block_on(inspect::unresolved(&config)) {
            warnings.push(format!("{key}: {why}; use a name that this machine can resolve, or an address"));
        }
    }
    // Name look-ups that exceeded their time limit may still run.
    runtime.shutdown_background();
    let mut out = std::io::stdout();
    let has_problems = !found.problems.is_empty();
    let warnings = warnings.iter().map(|warning| format!("warning: {warning}"));
    for line in confirmed.into_iter().chain(warnings) {
        let line = format!("{}: {line}", path.display());
        if has_problems { writeln!(std::io::stderr(), "{line}")? } else { writeln!(out, "{line}")? }
    }
    Problems::none(found.problems)?;
    let accounts = accounts.map_or_else(String::new, |accounts| format!("; accounts: {accounts}"));
    writeln!(out, "{}: valid{accounts}; modules: {}", path.display(), config.modules.names())?;
    Ok(())
}
