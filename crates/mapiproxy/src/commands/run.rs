//! `mapiproxy run`: the proxy.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use console::Live;

use crate::commands::signals::{Request, Signals};
use crate::failure::Outcome;
use crate::wiring::Running;
use crate::{config, inspect, wiring};

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Prints a line for each completed operation.
    #[arg(long)]
    live: bool,
    /// Seconds that calls in progress may take when the proxy is stopped.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    stop_seconds: u64,
}

/// Runs the proxy until SIGTERM or SIGINT; a second one stops it without waiting for calls in progress.
///
/// SIGHUP reloads the accounts, the certificate and the password of the service account, for new sign-ins, client
/// connections and upstream connections. In a terminal it stops the proxy, since it then means that the terminal was
/// closed.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let path = &arguments.config;
    let config = config::load(path)?;
    for warning in inspect::warnings(path, &config) {
        tracing::warn!("{}: {warning}", path.display());
    }
    let (live, printer) = if arguments.live {
        let (live, printer) = print_lines()?;
        (live, Some(printer))
    } else {
        (Live::counting(), None)
    };
    // Connections have threads of their own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let counters = Arc::clone(live.counters());
        let running = wiring::start(&config, Arc::new(live)).await?;
        let mut signals = Signals::new()?;
        say(&format!("{} listens on {}; {}", config.name, config.listen, running.stack()));
        until_stop(&mut signals, &running).await;
        let seconds = arguments.stop_seconds;
        say(&format!("stopping: no new connections; calls in progress have up to {seconds} s"));
        let patience = async {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
                () = signals.stop() => say("stopping immediately"),
            }
        };
        let open = running.stop(patience).await;
        if let Some(printer) = printer {
            printer.finish().await;
        }
        let counts = counters.snapshot();
        say(&format!(
            "{} operations, {} faults, {} sign-ins, {} refused; {open} security contexts still open",
            counts.operations, counts.faults, counts.sign_ins, counts.refused
        ));
        Ok(())
    })
}

pub(crate) use crate::output::say;

/// Reloads what can change while the proxy runs on each SIGHUP, until the signal to stop.
async fn until_stop(signals: &mut Signals, running: &Running) {
    while signals.next().await == Request::Reload {
        match running.reload_accounts() {
            Ok(Some(count)) => say(&format!("accounts reloaded: {count}")),
            Ok(None) => {}
            Err(error) => {
                let error = crate::failure::causes(&error).join(": ");
                tracing::error!("can't reload the accounts, so the old ones stay in use: {error}");
            }
        }
        match running.reload_password() {
            Ok(true) => say("password of the service account reloaded"),
            Ok(false) => {}
            Err(error) => {
                let error = crate::failure::causes(&error).join(": ");
                tracing::error!(
                    "can't reload the password of the service account, so the old one stays in use: {error}"
                );
            }
        }
        match running.reload_certificate() {
            Ok(true) => say("certificate reloaded"),
            Ok(false) => {}
            Err(error) => {
                let error = crate::failure::causes(&error).join(": ");
                tracing::error!("can't reload the certificate, so the old one stays in use: {error}");
            }
        }
    }
}

/// The thread that prints the lines of a watcher.
pub(crate) struct Printer(JoinHandle<()>);

/// How long lines that are still to be printed may take at the end.
const LAST_LINES: Duration = Duration::from_secs(1);

impl Printer {
    /// Waits until all is printed, once no more operations come; not for ever, since a terminal may be stopped.
    pub(crate) async fn finish(self) {
        let begin = Instant::now();
        while !self.0.is_finished() && begin.elapsed() < LAST_LINES {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// An observer whose lines a thread of their own prints, so that a slow terminal does not delay operations.
#[allow(clippy::disallowed_methods, reason = "the thread prints; it acts for no user")]
pub(crate) fn print_lines() -> std::io::Result<(Live, Printer)> {
    let (live, lines) = Live::reading();
    let thread = std::thread::Builder::new().name("live".to_owned()).spawn(move || {
        for line in lines {
            say(&line.to_string());
        }
    })?;
    Ok((live, Printer(thread)))
}
