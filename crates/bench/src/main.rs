//! Benchmarks: the proxy beside other programs in the same run. Only the ratios are comparable.

#![allow(clippy::cast_precision_loss, reason = "figures are printed with a few digits")]

mod captures;
mod configuration;
mod decode;
mod execute;
mod http;
mod instructions;
mod load;
mod memory;
mod path;
mod setup;

use std::error::Error;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// Measures the proxy beside other programs.
#[derive(Debug, Parser)]
struct Arguments {
    /// What to measure; everything but `hot` and `path` if left out.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// The duration of each round.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// The number of rounds of each side, in turn with the other.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    #[command(flatten)]
    http: http::Choice,
    /// The program that `instructions` measures: it passes one operation and ends.
    #[arg(long, hide = true)]
    count: Option<instructions::Counted>,
    /// The number of times to pass the operation.
    #[arg(long, hide = true, default_value_t = 1)]
    times: u32,
}

/// A part of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// NSPI operations through the proxy beside HAProxy in TCP mode.
    Relay,
    /// MAPI over HTTP through the proxy beside nginx, HAProxy and mitmproxy.
    Http,
    /// Instructions and allocations of operations that pass engine and modules, counted by valgrind.
    Instructions,
    /// Decoders and compression in MB/s a core.
    Decode,
    /// Idle sessions: memory for each, and their cost for other clients.
    Idle,
    /// Waits for notifications by MAPI over HTTP: memory for each, and their cost for other clients, beside
    /// nginx.
    Parked,
    /// Unauthenticated connections held open: their cost for authenticated users, beside nginx.
    Held,
    /// Another user with many connections and expensive requests: its cost for a user with one connection, beside
    /// nginx.
    Crowd,
    /// Writes `crates/mapiproxy/hot_functions.txt`, the list of functions that requests execute, for the
    /// linker.
    Hot,
    /// Compares the files that operations pass with the lists in ARCHITECTURE.md. Needs an unoptimized build.
    Path,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if let Some(counted) = arguments.count {
        return instructions::pass(counted, arguments.times);
    }
    let wanted = |part| arguments.parts.is_empty() || arguments.parts.contains(&part);
    let round = Duration::from_secs(arguments.seconds);
    setup::raise_descriptor_limit();
    if wanted(Part::Decode) {
        decode::run()?;
        captures::run()?;
        execute::run()?;
    }
    let runtime = tokio::runtime::Runtime::new()?;
    if wanted(Part::Instructions) {
        instructions::run()?;
        runtime.block_on(http::count_passed())?;
    }
    if arguments.parts.contains(&Part::Hot) {
        runtime.block_on(http::find_hot_functions())?;
    }
    if arguments.parts.contains(&Part::Path) {
        runtime.block_on(path::run())?;
    }
    if wanted(Part::Relay) {
        runtime.block_on(load::compare(round, arguments.rounds))?;
    }
    if wanted(Part::Http) {
        runtime.block_on(http::compare(round, arguments.rounds, &arguments.http))?;
    }
    if wanted(Part::Idle) {
        runtime.block_on(memory::run(round, arguments.rounds))?;
    }
    if wanted(Part::Parked) {
        runtime.block_on(http::park(round, arguments.rounds))?;
    }
    if wanted(Part::Held) {
        runtime.block_on(http::hold(round, arguments.rounds, &arguments.http))?;
    }
    if wanted(Part::Crowd) {
        runtime.block_on(http::crowd(round, arguments.rounds, &arguments.http))?;
    }
    Ok(())
}
