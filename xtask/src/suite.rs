//! Tests, documentation, spelling.

use crate::run::{self, Outcome};
use crate::setup;

/// Every test: documentation examples first, then the rest, so that the summary of the test runner is the last output.
pub(crate) fn test(filter: &[String]) -> Outcome {
    setup::tests()?;
    // The end-to-end tests start the programs and an example, which `cargo test` alone does not build.
    run::show(run::cargo().args(["build", "--workspace", "--bins", "--examples"]))?;
    if filter.is_empty() {
        run::show(run::cargo().args(["test", "--workspace", "--doc", "--quiet"]))?;
    }
    let mut runner = run::cargo();
    if run::find("cargo-nextest").is_some() {
        runner.args(["nextest", "run", "--workspace", "--no-fail-fast", "--no-tests", "warn"]);
        runner.args(["--status-level", "slow", "--final-status-level", "fail"]);
    } else {
        runner.args(["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"]);
    }
    run::show(runner.args(filter))
}

/// The API documentation. A broken link or a missing piece is an error.
pub(crate) fn docs() -> Outcome {
    let mut cargo = run::cargo();
    cargo.env("RUSTDOCFLAGS", "-D warnings");
    run::show(cargo.args(["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"]))
}

/// Checks the spelling of every file that git tracks or does not ignore, by codespell with `.codespellrc`.
pub(crate) fn spelling() -> Outcome {
    let venv = setup::tests()?;
    let mut git = run::command("git");
    let files = run::read(git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]))?;
    let files = files.split('\0').filter(|file| !file.is_empty() && run::root().join(file).is_file());
    let mut codespell = run::command(venv.join("bin/codespell"));
    codespell.args(files);
    println!("$ codespell");
    let output = codespell.output()?;
    print!("{}", String::from_utf8_lossy(&output.stdout));
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        Ok(())
    } else {
        Err("words that codespell takes for mistakes; names go into .codespellrc".into())
    }
}
