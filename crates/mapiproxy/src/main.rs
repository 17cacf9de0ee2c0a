//! MAPIProxy: a proxy between MAPI clients and Exchange-compatible servers, which decodes every operation and keeps the
//! sessions of different users separate.

mod commands;
mod config;
mod descriptors;
mod failure;
mod files;
mod inspect;
mod log_filter;
mod output;
mod wiring;

use std::error::Error;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use net::ErrorChain;
use rustix::io::Errno;

use crate::commands::run::Prepared;
use crate::failure::{WithStatus, report};

/// jemalloc returns freed memory to the system; glibc's allocator keeps most of it after a burst of large
/// requests.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A proxy between MAPI clients and Exchange-compatible servers, which decodes every operation and keeps the sessions
/// of different users separate.
#[derive(Debug, Parser)]
#[command(name = "mapiproxy", version, max_term_width = 100)]
struct Arguments {
    /// The log level: error, warn, info, debug or trace. `info` adds protocol errors, refused operations and the
    /// end of outages. A part of the program, which each line names after its level (for example `net::event_log`),
    /// can have a level of its own: `info,net=debug`. The TLS library logs only if it is named: `warn,rustls=debug`.
    /// [default: warn; error for `client` and `demo`, which report failures themselves]
    #[arg(long, global = true, value_parser = log_filter::parse)]
    log: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs a test server, the proxy and two users on this machine, and prints what they do and what the proxy decoded.
    Demo(commands::demo::Arguments),
    /// Runs the proxy.
    Run(commands::run::Arguments),
    /// Checks a configuration and reports errors with their lines.
    Check(commands::check::Arguments),
    /// Runs the test server, a small Exchange-compatible server.
    Lab(commands::lab::Arguments),
    /// Manages the accounts file. A running proxy applies changes when it receives SIGHUP.
    #[command(subcommand)]
    Account(commands::account::Command),
    /// Lists the modules with their options.
    Modules,
    /// Decodes a recording: pcap, pcapng, HAR, SAZ or raw HTTP.
    Decode(commands::decode::Arguments),
    /// Sends the calls of a recording to a server and compares the responses.
    Replay(commands::replay::Arguments),
    /// A MAPI client for the command line.
    Client(commands::client::Arguments),
    /// Lets many users work at a server, and prints how long their operations take.
    Load(commands::load::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Before anything else: until then SIGHUP ends the process.
    let prepared = matches!(arguments.command, Command::Run(_)).then(Prepared::new);
    let level =
        if matches!(arguments.command, Command::Client(_) | Command::Demo(_)) { "error" } else { "warn" };
    let filter = match log_filter::filter(arguments.log.as_deref().unwrap_or(level)) {
        Ok(filter) => filter,
        Err(error) => return fail(&error),
    };
    let is_server = matches!(arguments.command, Command::Demo(_) | Command::Run(_) | Command::Lab(_));
    if is_server && let Err(error) = output::start() {
        return fail(&error);
    }
    let colours = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(output::log).with_ansi(colours);
    // A line that cannot be written, for example because the disk is full, is lost: reporting it would panic.
    log.log_internal_errors(false).init();
    descriptors::raise_limit();
    let done = match arguments.command {
        Command::Demo(arguments) => commands::demo::run(&arguments),
        Command::Run(arguments) => prepared
            .unwrap_or_else(Prepared::new)
            .map_err(Into::into)
            .and_then(|prepared| commands::run::run(&arguments, prepared)),
        Command::Check(arguments) => commands::check::run(&arguments),
        Command::Lab(arguments) => commands::lab::run(&arguments),
        Command::Account(command) => commands::account::run(command),
        Command::Modules => commands::modules::run(),
        Command::Decode(arguments) => commands::decode::run(&arguments),
        Command::Replay(arguments) => commands::replay::run(&arguments),
        Command::Client(arguments) => commands::client::run(&arguments),
        Command::Load(arguments) => commands::load::run(&arguments),
    };
    let status = match done {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the output closed it.
        Err(error) if is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => fail(error.as_ref()),
    };
    output::finish();
    status
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Prints an error with its causes; errors of a configuration with the lines that they are about.
fn fail(error: &(dyn Error + 'static)) -> ExitCode {
    report(&match error.downcast_ref::<config::Problems>() {
        Some(problems) => format!("{problems:#}"),
        None if is_out_of_descriptors(error) => format!(
            "{}: raise the limit on open files, ulimit -Hn (LimitNOFILE= of a systemd unit)",
            ErrorChain(error)
        ),
        None => ErrorChain(error).to_string(),
    });
    error.downcast_ref::<WithStatus>().map_or(ExitCode::FAILURE, |error| ExitCode::from(error.status))
}

/// Whether the process or the system has no more descriptors: `EMFILE` or `ENFILE`.
fn is_out_of_descriptors(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let code = error.downcast_ref().and_then(std::io::Error::raw_os_error);
        if code.is_some_and(|code| [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error).contains(&code)) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_descriptors_is_distinguished_from_other_errors() {
        let error = |code: Errno| std::io::Error::from_raw_os_error(code.raw_os_error());
        assert!(is_out_of_descriptors(&error(Errno::MFILE)) && is_out_of_descriptors(&error(Errno::NFILE)));
        assert!(!is_out_of_descriptors(&error(Errno::NOENT)));
    }
}
