//! `mapiproxy run`: the proxy.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use console::Live;
use net::ErrorChain;
use tokio::runtime::Runtime;
use tokio::signal::unix::Signal;

use crate::commands::reload::{Reloads, reload};
use crate::commands::signals::{self, Request, Signals};
use crate::config::{Config, Found, Problems};
use crate::failure::Outcome;
use crate::inspect::Inspected;
use crate::wiring::{Running, Stopped};
use crate::{config, inspect, output, wiring};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Prints a line for each completed operation: user, operation, size of request and response, time,
    /// result, ROPs, what could not be decoded, and notes of modules.
    #[arg(long)]
    live: bool,
    /// The time in seconds for which calls in progress may continue after SIGTERM. Then their connections are closed.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    stop_seconds: u64,
}

/// What is prepared before anything else.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// Connections have threads of their own.
    runtime: Runtime,
    hang_up: Signal,
}

impl Prepared {
    /// Listens for SIGHUP.
    ///
    /// # Errors
    /// If the process has no descriptors for that.
    pub(crate) fn new() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let entered = runtime.enter();
        let hang_up = signals::hang_up()?;
        drop(entered);
        Ok(Self { runtime, hang_up })
    }
}

/// How long after the time limit for calls in progress the process ends, even if a thread does not. Longer than all
/// time limits of an orderly stop together: connections are closed, deferred work is stopped, a recording is written.
const STOP_MARGIN: Duration = Duration::from_secs(20);

/// Runs the proxy until SIGTERM or SIGINT; a second one stops it without waiting for calls in progress. The process
/// ends with an error if threads of the proxy do not end.
///
/// SIGHUP reloads the accounts, the certificate and the password of the service account, for new sign-ins,
/// client connections and upstream connections. In a terminal it stops the proxy, since it then means that
/// the terminal was closed. One that is received during the start takes effect after it.
pub(crate) fn run(arguments: &Arguments, prepared: Prepared) -> Outcome {
    let Prepared { runtime, hang_up } = prepared;
    let path = &arguments.config;
    let (config, places) = config::load(path)?;
    let mut found = Found::new(path, &places);
    let stack = wiring::stack(&config, &mut found);
    Problems::none(found.problems)?;
    let Inspected { warnings, problems, .. } = inspect::before_start(path, &config, &places);
    for warning in warnings {
        tracing::warn!("configuration {}: {warning}", path.display());
    }
    let (live, printer) = if arguments.live {
        let (live, printer) = print_lines()?;
        (live, Some(printer))
    } else {
        (Live::counting(), None)
    };
    runtime.block_on(async {
        let counters = Arc::clone(live.counters());
        let running = match wiring::start(&config, stack, Arc::new(live)).await {
            Ok(running) => running,
            // The errors in files that the configuration names have positions, the error of the start has none.
            Err(error) => return Problems::none(problems).map_err(Into::into).and(Err(error)),
        };
        for problem in problems {
            tracing::warn!("configuration {}", ErrorChain(&problem));
        }
        let mut signals = Signals::with(hang_up)?;
        print(&started(&config));
        until_stop(&mut signals, &running).await;
        let seconds = arguments.stop_seconds;
        print(&format!("stopping: no new connections; calls in progress have up to {seconds} s"));
        end_after(Duration::from_secs(seconds).saturating_add(STOP_MARGIN));
        let end_of_calls = async {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(seconds)) => {
                    tracing::warn!(
                        "proxy: calls in progress exceeded --stop-seconds ({seconds} s): closing their connections"
                    );
                }
                () = signals.stop() => {
                    print("stopping immediately");
                    end_after(STOP_MARGIN);
                }
            }
        };
        let Stopped { open, all_ended } = running.stop(end_of_calls).await;
        if let Some(printer) = printer {
            printer.finish().await;
        }
        let counts = counters.snapshot();
        print(&format!(
            "stopped: {} operations, {} faults, {} authentications, {} refused clients; {open} open security contexts",
            counts.operations, counts.faults, counts.sign_ins, counts.refused
        ));
        if !all_ended {
            // To return would drop what the busy thread uses, and so wait for its lock.
            end_process();
        }
        Ok(())
    })
}

/// Ends the process with an error once `limit` has passed, whatever its other threads do.
fn end_after(limit: Duration) {
    let thread = std::thread::Builder::new().name("stop".to_owned());
    let started = thread.spawn(move || {
        std::thread::sleep(limit);
        tracing::error!(
            "proxy: not stopped {} s after the time limit for calls in progress, because a thread does not end, for \
             example in a hook of a module: ending the process without it",
            STOP_MARGIN.as_secs()
        );
        end_process()
    });
    if let Err(error) = started {
        tracing::error!("proxy: cannot start the thread that limits the time of the stop: {error}");
    }
}

/// Ends the process with an error, without waiting for its threads.
fn end_process() -> ! {
    output::finish();
    std::process::exit(1)
}

pub(crate) use crate::output::print;

/// The line that reports what the proxy serves.
fn started(config: &Config) -> String {
    let (upstream, modules) = (config.upstream_host(), config.modules.names());
    format!("{} listens on {}; upstream: {upstream}; modules: {modules}", config.name, config.listen)
}

/// Reloads what can change while the proxy runs on each SIGHUP, until the signal to stop.
async fn until_stop(signals: &mut Signals, running: &Running) {
    let reloadable = running.reloadable();
    let mut reloads = Reloads::new(move || reload(&reloadable));
    loop {
        tokio::select! {
            request = signals.next() => match request {
                Request::Reload => reloads.request(),
                Request::Stop => return,
            },
            () = reloads.continue_after_end() => {}
        }
    }
}

/// The thread that prints operations.
pub(crate) struct Printer(JoinHandle<()>);

/// The time limit for printing queued lines at the end.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

impl Printer {
    /// Waits until all operations are printed, at most for [`FLUSH_TIMEOUT`], since a terminal may be
    /// stopped.
    pub(crate) async fn finish(self) {
        let begin = Instant::now();
        while !self.0.is_finished() && begin.elapsed() < FLUSH_TIMEOUT {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// An observer whose lines a separate thread prints, so that a slow terminal does not delay operations.
#[allow(clippy::disallowed_methods, reason = "the thread prints; it acts for no user")]
pub(crate) fn print_lines() -> std::io::Result<(Live, Printer)> {
    let (live, lines) = Live::reading();
    let thread = std::thread::Builder::new().name("live".to_owned()).spawn(move || {
        for line in lines {
            print(&line.to_string());
        }
    })?;
    Ok((live, Printer(thread)))
}
