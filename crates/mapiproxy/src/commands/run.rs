use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use console::Live;
use tokio::signal::unix::{SignalKind, signal};

use crate::{ConfigFile, Outcome, config, wiring};

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Prints each operation when it is done, one line each.
    #[arg(long)]
    live: bool,
    /// How many seconds calls under way may take when the proxy is stopped.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    stop_seconds: u64,
}

/// Runs the proxy until it is told to stop.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let config = config::load(&arguments.file.config)?;
    let live = if arguments.live { print_lines()? } else { Live::counting() };
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let counters = Arc::clone(live.counters());
        let running = wiring::start(&config, Arc::new(live)).await?;
        println!("{} listens on {}; {}", config.name, config.listen.rpc, running.stack());
        stop_signal().await?;
        println!("stopping: no more clients; calls under way may take {} s", arguments.stop_seconds);
        let open = running.stop(Duration::from_secs(arguments.stop_seconds)).await;
        let counts = counters.snapshot();
        println!(
            "{} operations, {} faults, {} sign-ins, {} refused; {open} security contexts still open",
            counts.operations, counts.faults, counts.sign_ins, counts.refused
        );
        Ok(())
    })
}

/// Waits until somebody asks the process to end, or closes its terminal.
pub(crate) async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = hang_up.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}

/// A watcher whose lines a thread of their own prints, so that a slow terminal keeps nobody waiting.
#[allow(clippy::disallowed_methods, reason = "the thread prints; it acts for nobody")]
pub(crate) fn print_lines() -> std::io::Result<Live> {
    let (live, lines) = Live::reading();
    std::thread::Builder::new().name("live".to_owned()).spawn(move || {
        let mut out = std::io::stdout();
        for line in lines {
            if writeln!(out, "{line}").is_err() {
                return;
            }
        }
    })?;
    Ok(live)
}
