//! `mapiproxy check`: validates a configuration.

use std::io::Write as _;
use std::path::PathBuf;

use crate::config::{self, Examined, Found, Problems};
use crate::failure::Outcome;
use crate::inspect::{self, Inspected};

/// What to check.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["keys", "schema"])]
    config: Option<PathBuf>,
    /// Prints all keys with their documentation instead, as a template.
    #[arg(long)]
    keys: bool,
    /// Prints a JSON schema of the configuration instead (draft 2020-12), for completion and validation in editors.
    #[arg(long, conflicts_with = "keys")]
    schema: bool,
    /// Also checks the server: its name, ports, certificate, clock and authentication schemes, and whether the service
    /// account can sign in. No step takes longer than `connect_seconds` of `[upstream]`.
    ///
    /// The service account signs in once by HTTP and once by RPC, as configured. A refused sign-in is not retried, so
    /// that a check causes at most one failed sign-in for each protocol and locks no account out.
    #[arg(long, conflicts_with_all = ["keys", "schema"])]
    online: bool,
}

/// Checks a configuration and all that it names, or prints the reference or the schema.
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
    // What keys do together is only known where each is right.
    let notes = if found.problems.is_empty() { config::notes(&config) } else { Vec::new() };
    let stack = if found.is_wrong("modules.stack") {
        None
    } else {
        crate::wiring::stack(&config).map_err(|error| found.wrong(&error.key, error.why)).ok()
    };
    let Inspected { accounts, mut warnings } = inspect::inspect(&config, &mut found);
    warnings.extend(notes);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for own in runtime.block_on(crate::wiring::own_address::find(&config)) {
        found.wrong(own.key(), own.why());
    }
    let mut fine = Vec::new();
    if arguments.online {
        let shown = runtime.block_on(inspect::online::ask(&config, &mut found));
        warnings.extend(shown.warnings);
        fine = shown.fine;
    } else {
        for (key, why) in runtime.block_on(inspect::unresolved(&config)) {
            warnings.push(format!("{key}: {why}; give a name that this machine can resolve, or an address"));
        }
    }
    // A look-up that was given up goes on, and is not waited for.
    runtime.shutdown_background();
    let mut out = std::io::stdout();
    let has_problems = !found.problems.is_empty();
    let warnings = warnings.iter().map(|warning| format!("warning: {warning}"));
    for line in fine.into_iter().chain(warnings) {
        let line = format!("{}: {line}", path.display());
        if has_problems { writeln!(std::io::stderr(), "{line}")? } else { writeln!(out, "{line}")? }
    }
    Problems::none(found.problems)?;
    if let Some(stack) = stack {
        writeln!(out, "{}: fine; {accounts} accounts; {stack}", path.display())?;
    }
    Ok(())
}
