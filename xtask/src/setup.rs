//! What this repository needs beyond Rust: found, or installed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{self, Outcome};

/// The version of cargo-deny that is built where none is installed.
const CARGO_DENY: &str = "0.20.2";

/// A program that is looked for on the PATH.
struct Tool {
    program: &'static str,
    /// The Debian package that holds it.
    package: &'static str,
    why: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool { program: "cc", package: "gcc", why: "links every Rust program" },
    Tool { program: "c++", package: "g++", why: "builds libFuzzer for the fuzz targets" },
    Tool { program: "python3", package: "python3", why: "runs the clients and servers that we test against" },
    Tool { program: "tshark", package: "tshark", why: "decodes and unseals what the tests recorded" },
    Tool { program: "haproxy", package: "haproxy", why: "is what the benchmark compares with" },
];

/// Finds or installs everything that the tests need. Quick where nothing is missing.
pub(crate) fn everything() -> Outcome<PathBuf> {
    packages()?;
    venv()
}

/// Debian packages.
fn packages() -> Outcome {
    let mut missing: Vec<&Tool> = TOOLS.iter().filter(|tool| run::find(tool.program).is_none()).collect();
    if !has_venv() {
        missing.push(&Tool {
            program: "python3 -m venv",
            package: "python3-venv",
            why: "keeps the tests' Python packages apart from the machine's",
        });
    }
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|tool| tool.package).collect();
    if !is_debian() || !is_root() {
        let line = |tool: &&Tool| format!("\n  {} (Debian: {}): {}", tool.program, tool.package, tool.why);
        let wanted = missing.iter().map(line).collect::<Vec<_>>().concat();
        let hint = if is_debian() {
            format!("\ninstall with: sudo apt-get install {}", names.join(" "))
        } else {
            String::new()
        };
        return Err(format!("these programs are missing:{wanted}{hint}").into());
    }
    for tool in &missing {
        println!("installing {}: it {}", tool.package, tool.why);
    }
    if apt(&names).is_err() {
        println!("that did not work; fetching the package lists, then once more");
        run::show(run::command("apt-get").args(["update", "-q"]))?;
        apt(&names)?;
    }
    Ok(())
}

fn apt(packages: &[&str]) -> Outcome {
    let mut command = run::command("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    run::show(command.args(["install", "-y", "-q", "--no-install-recommends"]).args(packages))
}

fn has_venv() -> bool {
    run::succeeds(run::command("python3").args(["-c", "import venv, ensurepip"]))
}

fn is_debian() -> bool {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    text.lines()
        .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
        .any(|ids| ids.trim_matches('"').split(' ').any(|id| id == "debian"))
}

fn is_root() -> bool {
    run::read(run::command("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// A virtual environment with the Python packages of `tests/opponents/requirements.txt`; its folder.
///
/// A stamp beside it holds what it was made from, so that it is made again when that changes.
fn venv() -> Outcome<PathBuf> {
    let folder = run::root().join("target/venv");
    let requirements = run::root().join("tests/opponents/requirements.txt");
    let python = run::read(run::command("python3").arg("--version"))?;
    let recipe = format!("{python}{}", fs::read_to_string(&requirements)?);
    let stamp = folder.join("made-from");
    if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == recipe) {
        return Ok(folder);
    }
    println!("making target/venv with the Python packages of tests/opponents/requirements.txt");
    run::show(run::command("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut pip = run::command(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    run::show(pip.arg(&requirements))?;
    fs::write(&stamp, recipe)?;
    Ok(folder)
}

/// A cargo-deny: the one on the PATH, or one that is built under `target/tools`.
pub(crate) fn cargo_deny() -> Outcome<PathBuf> {
    if let Some(found) = run::find("cargo-deny") {
        return Ok(found);
    }
    let tools = run::root().join("target/tools");
    let built = tools.join("bin/cargo-deny");
    if !built.is_file() {
        println!("building cargo-deny {CARGO_DENY} into target/tools: once, and it takes some minutes");
        let mut cargo = run::cargo();
        cargo.args(["install", "cargo-deny", "--locked", "--quiet", "--version", CARGO_DENY, "--root"]);
        // A folder of its own, so that it neither waits for the workspace's lock nor lands among its crates.
        cargo.arg(&tools).env("CARGO_TARGET_DIR", tools.join("build"));
        let built_it = run::show(&mut cargo);
        remove_if_there(&tools.join("build"));
        built_it?;
    }
    Ok(built)
}

/// What a build leaves behind is only taking space; not being able to remove it spoils nothing.
fn remove_if_there(folder: &Path) {
    if let Err(fault) = fs::remove_dir_all(folder) {
        println!("{} stays: {fault}", folder.display());
    }
}
