//! All that CI checks, in the order in which mistakes are cheapest to find.

use std::time::{Duration, Instant};

use crate::run::{self, Outcome};
use crate::{deny, edges, fuzz, setup, suite, tidy};

/// How long each fuzz target runs.
const FUZZ_SECONDS: u32 = 10;

/// One step's name, its time, and what came of it.
struct Line {
    name: &'static str,
    took: Duration,
    result: Result<&'static str, String>,
}

type Step = (&'static str, fn() -> Outcome<&'static str>);

const STEPS: &[Step] = &[
    ("setup", || setup::checks().map(|_| "")),
    ("format", || run::show(run::cargo().args(["fmt", "--all", "--check"])).map(|()| "")),
    ("tidy", || tidy::run(&[]).map(|()| "")),
    ("edges", || edges::check().map(|()| "")),
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
    let mut lines: Vec<Line> = Vec::new();
    for (index, (name, step)) in STEPS.iter().enumerate() {
        println!("\n=== {}/{} {name}", index + 1, STEPS.len());
        let start = Instant::now();
        let result = step().map_err(|fault| fault.to_string());
        if let Err(fault) = &result {
            eprintln!("{name}: {fault}");
        }
        let line = Line { name, took: start.elapsed(), result };
        println!("{}", describe(&line));
        lines.push(line);
        if *name == "setup" && lines.iter().any(|line| line.result.is_err()) {
            break;
        }
    }
    println!("\n=== all steps, {:.0} s", begin.elapsed().as_secs_f64());
    for line in &lines {
        println!("{}", describe(line));
    }
    let failed: Vec<&str> = lines.iter().filter(|line| line.result.is_err()).map(|line| line.name).collect();
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", ")).into()) }
}

fn describe(line: &Line) -> String {
    let (verdict, note) = match &line.result {
        Ok(note) => ("ok", *note),
        Err(_) => ("FAILED", ""),
    };
    format!("{:<9} {:>7.1} s  {verdict} {note}", line.name, line.took.as_secs_f64()).trim_end().to_owned()
}

fn clippy() -> Outcome {
    let mut cargo = run::cargo();
    run::show(cargo.args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))
}
