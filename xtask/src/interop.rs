//! Microsoft's protocol tests on the test server; `tests/interop/microsoft/README.md` describes them.

use crate::run::{self, Outcome};

const USAGE: &str = "expected: --suite DIRECTORY [--only TEXT]";

/// Builds the program and runs the tests whose names contain the text after `--only`.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let (mut suite, mut only) = (None, None);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match (argument.as_str(), rest.next()) {
            ("--suite", Some(directory)) => suite = Some(std::env::current_dir()?.join(directory)),
            ("--only", Some(text)) => only = Some(text),
            _ => return Err(USAGE.into()),
        }
    }
    let suite = suite.ok_or(USAGE)?;
    run::show(run::cargo().args(["build", "-p", "mapiproxy"]))?;
    let mut script = run::command(run::root().join("tests/interop/microsoft/run.sh"));
    script.arg(run::root().join("target/debug/mapiproxy")).arg(suite).arg(run::root().join("target/interop"));
    run::show(script.args(only))
}
