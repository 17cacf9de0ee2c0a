//! Automation: one command for each task of developers and CI.
//!
//! It runs for one developer on one machine, so it may read the environment, which the libraries may not.
#![expect(clippy::disallowed_methods, reason = "looks for programs on the PATH of its user")]

mod ci;
mod deny;
mod dependencies;
mod fuzz;
mod hot_functions;
mod interop;
mod program;
mod run;
mod setup;
mod suite;
mod tidy;

use std::process::ExitCode;

use crate::run::Outcome;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  demo [ARGS]          sets up what is missing, builds, and runs `mapiproxy demo`
  test [FILTER]        sets up what is missing, builds, and runs every test
  ci                   all that CI checks; a table of the steps at the end
  bench [ARGS]         the comparison with its peers
  fuzz [TARGET...]     runs fuzz targets; --seconds N each (60), --jobs N at once, --list, --no-asan
  interop              Microsoft's protocol tests on the test server; --suite DIRECTORY, --only TEXT in the tests' names
  setup                installs what the other commands need, and only that
  check-dependencies   compares the dependencies between crates with a table
  check-hot-functions  looks for the functions of crates/mapiproxy/hot_functions.txt in the sources
  tidy                 the rules about sources and commits that STYLE.md lists
  spelling             codespell over the repository
  docs                 the API documentation, warnings denied
  deny                 licences, sources, duplicates and advisories of dependencies
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    match dispatch(command, rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("xtask {command}: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: &str, rest: &[String]) -> Outcome {
    match command {
        "setup" => setup::everything().map(drop),
        "test" => suite::test(rest),
        "ci" => ci::run(),
        "demo" => program::demo(rest),
        "bench" => program::bench(rest),
        "fuzz" => fuzz::run(&fuzz::Options::parse(rest)?),
        "interop" => interop::run(rest),
        "check-dependencies" => dependencies::check(),
        "check-hot-functions" => hot_functions::check(),
        "tidy" => tidy::run(),
        "spelling" => suite::spelling(),
        "docs" => suite::docs(),
        "deny" => deny::check().map(|note| println!("{note}")),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        other => Err(format!("there is no command `{other}`\n\n{USAGE}").into()),
    }
}
