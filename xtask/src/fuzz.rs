//! Fuzz targets, built and run without cargo-fuzz and on the stable toolchain.
//!
//! `fuzz/` is laid out as cargo-fuzz wants it, so `cargo +nightly fuzz run TARGET` works just as well.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::run::{self, Outcome};
use crate::setup::{self, Purpose};

/// The compiler's flags for coverage feedback: those that libFuzzer reads, as cargo-fuzz gives them.
const COVERAGE: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-sanitizer-coverage-stack-depth",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Cdebug-assertions",
    "-Ccodegen-units=1",
    "--cfg=fuzzing",
];

/// A flag that makes rustc instrument memory accesses. Unstable, hence `RUSTC_BOOTSTRAP` below.
const ADDRESS_SANITIZER: &str = "-Zsanitizer=address";

/// The memory limit of a target in MiB, including the sanitizer's; a target above it has a finding.
const MEMORY_MIB: u32 = 1024;

/// The limit of one allocation in MiB, far more than the longest input needs.
const ALLOCATION_MIB: u32 = 64;

/// The longest input, in bytes.
const LONGEST_INPUT: u32 = 65_536;

/// The targets to run, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// Names of targets; empty for all.
    targets: Vec<String>,
    seconds: u32,
    /// How many run at once; 0 means one for each processor.
    jobs: usize,
    list: bool,
    asan: bool,
}

impl Options {
    /// Every target for `seconds`.
    pub(crate) fn each_for(seconds: u32) -> Self {
        Self { targets: Vec::new(), seconds, jobs: 0, list: false, asan: true }
    }

    /// Reads the command line.
    pub(crate) fn parse(arguments: &[String]) -> Outcome<Self> {
        let mut options = Self::each_for(60);
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut number = || -> Outcome<u32> {
                let text = words.next().ok_or_else(|| format!("{word} wants a number"))?;
                text.parse().map_err(|_| format!("{word} wants a number, not `{text}`").into())
            };
            match word.as_str() {
                "--seconds" => options.seconds = number()?,
                "--jobs" => options.jobs = usize::try_from(number()?)?,
                "--list" => options.list = true,
                "--no-asan" => options.asan = false,
                flag if flag.starts_with('-') => return Err(format!("no such option: {flag}").into()),
                target => options.targets.push(target.to_owned()),
            }
        }
        Ok(options)
    }
}

/// Builds every target, then runs the selected ones.
pub(crate) fn run(options: &Options) -> Outcome {
    let all = targets()?;
    if options.list {
        for name in &all {
            println!("{name}");
        }
        return Ok(());
    }
    if let Some(unknown) = options.targets.iter().find(|name| !all.contains(name)) {
        return Err(format!("no fuzz target `{unknown}`; there are: {}", all.join(", ")).into());
    }
    let chosen = if options.targets.is_empty() { all.clone() } else { options.targets.clone() };
    setup::programs(Purpose::Fuzz)?;
    keep_manifest(&all)?;
    let programs = build(options.asan, &options.targets)?;
    println!("{} targets, {} s each", chosen.len(), options.seconds);
    let findings = run_all(&programs, &chosen, options);
    if findings.is_empty() { Ok(()) } else { Err(findings.join("\n").into()) }
}

fn folder() -> PathBuf {
    run::root().join("fuzz")
}

/// The targets' names: the files of `fuzz/fuzz_targets`.
fn targets() -> Outcome<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder().join("fuzz_targets"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// Adds missing targets to `fuzz/Cargo.toml`, from which cargo-fuzz reads them. Cargo reports an entry without a file.
fn keep_manifest(all: &[String]) -> Outcome {
    let path = folder().join("Cargo.toml");
    let text = fs::read_to_string(&path)?;
    let missing: Vec<&String> =
        all.iter().filter(|name| !text.contains(&format!("name = \"{name}\""))).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let entry = |name: &&String| {
        println!("fuzz/Cargo.toml: added `{name}`");
        let switches = "test = false\ndoc = false\nbench = false";
        format!("\n[[bin]]\nname = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"\n{switches}\n")
    };
    let entries: Vec<String> = missing.iter().map(entry).collect();
    Ok(fs::write(&path, text + &entries.concat())?)
}

/// Builds the targets. Sanitizers need the target triple to be named. Returns the folder of the programs.
fn build(asan: bool, only: &[String]) -> Outcome<PathBuf> {
    let version = run::read(run::command("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?;
    let mut flags = COVERAGE.to_vec();
    if asan {
        flags.push(ADDRESS_SANITIZER);
    }
    let mut cargo = run::cargo();
    cargo.args(["build", "--release", "--quiet", "--manifest-path", "fuzz/Cargo.toml", "--target", host]);
    cargo.args(["--target-dir", "fuzz/target"]).args(only.iter().flat_map(|name| ["--bin", name]));
    cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", flags.join(" ")).env_remove("CARGO_ENCODED_RUSTFLAGS");
    run::show(&mut cargo)?;
    Ok(folder().join("target").join(host).join("release"))
}

/// Runs `chosen`, several at once. Returns the findings.
fn run_all(programs: &Path, chosen: &[String], options: &Options) -> Vec<String> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let jobs = if options.jobs == 0 { processors } else { options.jobs };
    let queue = Mutex::new(chosen.iter());
    let findings = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(chosen.len()) {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().map(|mut names| names.next());
                    let Ok(Some(name)) = next else { break };
                    let result = run_one(&programs.join(name), name, options.seconds);
                    if let (Err(finding), Ok(mut list)) = (result, findings.lock()) {
                        list.push(finding.to_string());
                    }
                }
            });
        }
    });
    findings.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Runs one target on its corpus. An error has the end of its output, and the command that repeats it.
fn run_one(program: &Path, name: &str, seconds: u32) -> Outcome {
    let corpus = folder().join("corpus").join(name);
    let artifacts = folder().join("artifacts").join(name);
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&artifacts)?;
    let output = libfuzzer(program)
        .arg(&corpus)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-rss_limit_mb={MEMORY_MIB}"))
        .arg(format!("-malloc_limit_mb={ALLOCATION_MIB}"))
        .arg(format!("-max_len={LONGEST_INPUT}"))
        .args(["-timeout=5", "-print_final_stats=1"])
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        println!("{name}: {}", figures(&said));
        return Ok(());
    }
    Err(describe_finding(program, name, &output, &said).into())
}

fn libfuzzer(program: &Path) -> Command {
    let mut command = run::command(program);
    // Leak detection needs ptrace, which containers often forbid. A growing leak exceeds the memory limit.
    command
        .env("ASAN_OPTIONS", "detect_odr_violation=0:detect_leaks=0")
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::null());
    command
}

/// Executions and memory, out of libFuzzer's closing lines.
fn figures(said: &str) -> String {
    let value = |key: &str| {
        said.lines()
            .find_map(|line| line.strip_prefix(key))
            .map_or("?", |rest| rest.trim_start_matches(':').trim())
    };
    format!(
        "nothing found in {} runs, {} a second, {} MiB at most",
        value("stat::number_of_executed_units"),
        value("stat::average_exec_per_sec"),
        value("stat::peak_rss_mb")
    )
}

fn describe_finding(program: &Path, name: &str, output: &Output, said: &str) -> String {
    // libFuzzer's progress and stack frames of dependencies are left out.
    let matters = |line: &&str| !line.trim_start().starts_with('#') || line.contains("/crates/");
    let lines: Vec<&str> = said.lines().filter(matters).collect();
    let tail = lines.get(lines.len().saturating_sub(40)..).unwrap_or_default().join("\n  ");
    let input =
        said.lines().find_map(|line| line.split_once("Test unit written to ")).map(|(_, path)| path.trim());
    let again = input.map_or_else(
        || "no input was kept".to_owned(),
        |path| format!("to see it again: {} {path}", program.display()),
    );
    format!("fuzz target `{name}` ended with {}\n  {tail}\n{again}", output.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Outcome<Options> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_command_line_is_understood() {
        let options = parse("guid --seconds 300 --jobs 1").unwrap();
        assert_eq!((options.targets, options.seconds, options.jobs), (vec!["guid".to_owned()], 300, 1));
        assert!(parse("--seconds").is_err());
        assert!(parse("--seconds many").is_err());
        assert!(parse("--sekonds 3").is_err());
    }

    #[test]
    fn every_target_is_a_line_that_calls_an_oracle() {
        for name in targets().unwrap() {
            let text = fs::read_to_string(folder().join("fuzz_targets").join(format!("{name}.rs"))).unwrap();
            assert!(text.contains("testkit::oracles::"), "{name} calls no oracle of testkit");
        }
    }

    #[test]
    fn the_closing_lines_are_read() {
        let said = "stat::number_of_executed_units: 1048\nstat::average_exec_per_sec:     524\nstat::peak_rss_mb: 40\n";
        assert_eq!(figures(said), "nothing found in 1048 runs, 524 a second, 40 MiB at most");
    }
}
