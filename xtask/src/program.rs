//! The demo and the benchmark of the program.

use std::process::Stdio;

use crate::run::{self, Outcome};
use crate::setup::{self, Purpose};

/// Builds the program and runs its demo; `arguments` go to it.
pub(crate) fn demo(arguments: &[String]) -> Outcome {
    setup::programs(Purpose::Demo)?;
    run::show(run::cargo().args(["build", "--profile", "demo", "--package", "mapiproxy"]))?;
    let mut program = run::cargo();
    program.args(["run", "--profile", "demo", "--quiet", "--package", "mapiproxy", "--", "demo"]);
    run::show(program.args(arguments).stdin(Stdio::inherit()))
}

/// Builds the program and runs the benchmark; `arguments` go to it.
pub(crate) fn bench(arguments: &[String]) -> Outcome {
    setup::programs(Purpose::Bench)?;
    run::show(run::cargo().args(["build", "--release", "--package", "mapiproxy", "--package", "testkit"]))?;
    let mut bench = run::cargo();
    bench.args(["run", "--release", "--quiet", "--package", "bench", "--"]);
    // The folder of HAProxy.
    bench.env("PATH", std::env::join_paths(run::search_path())?);
    run::show(bench.args(arguments))
}
