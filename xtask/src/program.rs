//! The program itself: shown, and measured.

use std::process::Stdio;

use crate::run::{self, Outcome};
use crate::setup;

/// Builds the program and runs its demo; `arguments` go to it.
pub(crate) fn demo(arguments: &[String]) -> Outcome {
    setup::everything()?;
    run::show(run::cargo().args(["build", "--release", "--package", "mapiproxy"]))?;
    let mut program = run::cargo();
    program.args(["run", "--release", "--quiet", "--package", "mapiproxy", "--", "demo"]);
    run::show(program.args(arguments).stdin(Stdio::inherit()))
}

/// Builds the program and runs the benchmark; `arguments` go to it.
pub(crate) fn bench(arguments: &[String]) -> Outcome {
    setup::everything()?;
    run::show(run::cargo().args(["build", "--release", "--package", "mapiproxy", "--package", "testkit"]))?;
    let mut bench = run::cargo();
    bench.args(["run", "--release", "--quiet", "--package", "bench", "--"]);
    run::show(bench.args(arguments))
}
