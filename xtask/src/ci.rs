//! The steps of CI, the cheapest first.

use std::time::{Duration, Instant};

use crate::run::{self, Outcome};
use crate::{deny, dependencies, fuzz, hot_functions, setup, suite, tidy};

/// How long each fuzz target runs.
const FUZZ_SECONDS: u32 = 10;

/// A step's name, its duration, and its result.
struct StepResult {
    name: &'static str,
    took: Duration,
    result: Result<&'static str, String>,
}

type Step = (&'static str, fn() -> Outcome<&'static str>);

const STEPS: &[Step] = &[
    ("setup", || setup::checks().map(|_| "")),
    ("format", || run::show(run::cargo().args(["fmt", "--all", "--check"])).map(|()| "")),
    ("tidy", || tidy::run().map(|()| "")),
    ("dependencies", || dependencies::check().map(|()| "")),
    ("hot list", || hot_functions::check().map(|()| "")),
    ("spelling", || suite::spelling().map(|()| "")),
    ("clippy", || clippy().map(|()| "")),
    ("docs", || suite::docs().map(|()| "")),
    ("deny", deny::check),
    ("fuzz", || fuzz::run(&fuzz::Options::each_for(FUZZ_SECONDS)).map(|()| "")),
    ("tests", || suite::test(&[]).map(|()| "")),
];

/// Runs every step even when one fails, so that one run shows every failure.
pub(crate) fn run() -> Outcome {
    let begin = Instant::now();
    let mut results: Vec<StepResult> = Vec::new();
    for (index, (name, step)) in STEPS.iter().enumerate() {
        println!("\n=== {}/{} {name}", index + 1, STEPS.len());
        let start = Instant::now();
        let result = step().map_err(|fault| fault.to_string());
        if let Err(fault) = &result {
            eprintln!("{name}: {fault}");
        }
        let result = StepResult { name, took: start.elapsed(), result };
        println!("{}", describe(&result));
        results.push(result);
        if *name == "setup" && results.iter().any(|step| step.result.is_err()) {
            break;
        }
    }
    println!("\n=== all steps, {:.0} s", begin.elapsed().as_secs_f64());
    for result in &results {
        println!("{}", describe(result));
    }
    let failed: Vec<&str> =
        results.iter().filter(|step| step.result.is_err()).map(|step| step.name).collect();
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", ")).into()) }
}

fn describe(step: &StepResult) -> String {
    let (verdict, note) = match &step.result {
        Ok(note) => ("ok", *note),
        Err(_) => ("FAILED", ""),
    };
    format!("{:<12} {:>7.1} s  {verdict} {note}", step.name, step.took.as_secs_f64()).trim_end().to_owned()
}

fn clippy() -> Outcome {
    let mut cargo = run::cargo();
    run::show(cargo.args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))
}
