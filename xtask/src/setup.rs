//! Finds or installs the programs that this repository needs beyond Rust.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{self, Outcome};

/// The version of cargo-deny that is built if it is not installed.
const CARGO_DENY: &str = "0.20.2";

/// A purpose that needs programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To build the program and run the demo.
    Demo,
    /// To run the tests.
    Tests,
    /// To run the benchmark.
    Bench,
    /// To run the fuzz targets.
    Fuzz,
}

use Purpose::{Bench, Demo, Fuzz, Tests};

/// All purposes.
const ALL: &[Purpose] = &[Demo, Tests, Bench, Fuzz];

/// A program that is looked for.
#[derive(Debug, PartialEq, Eq)]
struct Tool {
    program: &'static str,
    /// The Debian package that holds it.
    package: &'static str,
    purposes: &'static [Purpose],
    why: &'static str,
}

const fn tool(
    program: &'static str,
    package: &'static str,
    purposes: &'static [Purpose],
    why: &'static str,
) -> Tool {
    Tool { program, package, purposes, why }
}

/// Samba's tests of DCE/RPC are modules of the machine's own Python.
const SAMBA: &str = "python3 -m samba.tests.dcerpc.raw_protocol";

/// Python's module for virtual environments, which is a separate package on Debian.
const VENV: &str = "python3 -m venv";

const TOOLS: &[Tool] = &[
    tool("cc", "gcc", ALL, "links every Rust program"),
    tool("make", "make", &[Demo, Tests, Bench], "builds the memory allocator of the program"),
    tool("c++", "g++", &[Fuzz], "builds libFuzzer for the fuzz targets"),
    tool("python3", "python3", &[Tests], "runs the clients and servers of the tests"),
    tool(VENV, "python3-venv", &[Tests], "keeps the tests' Python packages apart from the machine's"),
    tool(SAMBA, "python3-samba", &[Tests], "tests DCE/RPC as Windows speaks it"),
    tool("tshark", "tshark", &[Tests], "decodes and unseals what the tests recorded"),
    tool("dumpcap", "wireshark-common", &[Tests], "records what the tests send"),
    tool("git", "git", &[Tests], "knows which files there are to check"),
    tool("curl", "curl", &[Tests], "is a client of HTTP and TLS"),
    tool("haproxy", "haproxy", &[Bench], "is what the benchmark compares with"),
    tool("nginx", "nginx-light", &[Bench], "is what the benchmark compares with, too"),
    tool("valgrind", "valgrind", &[Bench], "counts instructions and allocations for the benchmark"),
    tool("mitmdump", "mitmproxy", &[Bench], "is what the benchmark compares with, for what it decodes"),
];

/// Finds or installs everything that any command needs. Quick if nothing is missing.
pub(crate) fn everything() -> Outcome<PathBuf> {
    packages(ALL)?;
    venv()
}

/// Finds or installs what the tests need. Returns the virtual environment with their Python packages.
pub(crate) fn tests() -> Outcome<PathBuf> {
    packages(&[Tests])?;
    venv()
}

/// Finds or installs what continuous integration needs: all but what only the benchmark compares with.
pub(crate) fn checks() -> Outcome<PathBuf> {
    packages(&[Tests, Fuzz])?;
    venv()
}

/// Finds or installs what is needed for `purpose`, apart from Python packages.
pub(crate) fn programs(purpose: Purpose) -> Outcome {
    packages(&[purpose])
}

/// Debian packages.
fn packages(purposes: &[Purpose]) -> Outcome {
    let missing = missing(purposes, |tool| match tool.program {
        VENV => has_venv(),
        SAMBA => has_samba(),
        program => run::find(program).is_some(),
    });
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|tool| tool.package).collect();
    if !is_debian() || !is_root() {
        return Err(what_to_install(&missing, is_debian()).into());
    }
    for tool in &missing {
        println!("installing {}: {} {}", tool.package, tool.program, tool.why);
    }
    if apt(&names).is_err() {
        println!("apt-get failed; fetching the package lists and trying again");
        run::show(run::command("apt-get").args(["update", "-q"]))?;
        apt(&names).map_err(|fault| format!("{fault}\n{}", what_to_install(&missing, true)))?;
    }
    Ok(())
}

/// The missing tools for `purposes`.
fn missing(purposes: &[Purpose], is_there: impl Fn(&Tool) -> bool) -> Vec<&'static Tool> {
    let wanted = |tool: &&Tool| tool.purposes.iter().any(|purpose| purposes.contains(purpose));
    TOOLS.iter().filter(wanted).filter(|tool| !is_there(tool)).collect()
}

/// Instructions for a machine on which nothing can be installed.
fn what_to_install(missing: &[&Tool], on_debian: bool) -> String {
    let line = |tool: &&Tool| format!("\n  {} (Debian: {}): {}", tool.program, tool.package, tool.why);
    let wanted = missing.iter().map(line).collect::<Vec<_>>().concat();
    let names: Vec<&str> = missing.iter().map(|tool| tool.package).collect();
    let hint = if on_debian {
        format!("\ninstall with: sudo apt-get install {}", names.join(" "))
    } else {
        String::new()
    };
    format!("these programs are missing:{wanted}{hint}")
}

fn apt(packages: &[&str]) -> Outcome {
    let mut command = run::command("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    run::show(command.args(["install", "-y", "-q", "--no-install-recommends"]).args(packages))
}

fn has_venv() -> bool {
    run::succeeds(run::command("python3").args(["-c", "import venv, ensurepip"]))
}

fn has_samba() -> bool {
    run::succeeds(run::command("/usr/bin/python3").args(["-c", "import samba.tests.dcerpc.raw_protocol"]))
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

/// A virtual environment with the Python packages of `tests/interop/requirements.txt`; its folder.
///
/// A file in it has the requirements from which it was made. If they change, it is made again.
fn venv() -> Outcome<PathBuf> {
    let folder = run::root().join("target/venv");
    let requirements = run::root().join("tests/interop/requirements.txt");
    let python = run::read(run::command("python3").arg("--version"))?;
    let recipe = format!("{python}{}", fs::read_to_string(&requirements)?);
    let stamp = folder.join("made-from");
    if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == recipe) {
        return Ok(folder);
    }
    if folder.is_symlink() {
        let leads = fs::read_link(&folder)?;
        return Err(format!(
            "target/venv leads to {}, which is made elsewhere, and from something else",
            leads.display()
        )
        .into());
    }
    println!("making target/venv with the Python packages of tests/interop/requirements.txt");
    run::show(run::command("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut pip = run::command(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    run::show(pip.arg(&requirements)).map_err(|fault| {
        format!("{fault}\nthe packages come from pypi.org, or from the mirror that PIP_INDEX_URL names")
    })?;
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
        // A separate target folder, so that the build does not wait for the lock of the workspace's.
        cargo.arg(&tools).env("CARGO_TARGET_DIR", tools.join("build"));
        let built_it = run::show(&mut cargo);
        remove_if_there(&tools.join("build"));
        built_it?;
    }
    Ok(built)
}

/// Removes the intermediate files of a build. A failure costs disk space only.
fn remove_if_there(folder: &Path) {
    if let Err(fault) = fs::remove_dir_all(folder) {
        println!("{} stays: {fault}", folder.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_installs_only_what_it_needs() {
        let wanted = |purposes: &[Purpose], there: &[&str]| -> Vec<&str> {
            missing(purposes, |tool| there.contains(&tool.program)).iter().map(|tool| tool.package).collect()
        };
        assert_eq!(wanted(&[Demo], &["cc", "make"]), [""; 0]);
        let of_tests =
            ["make", "python3", "python3-venv", "python3-samba", "tshark", "wireshark-common", "git", "curl"];
        assert_eq!(wanted(&[Tests], &["cc"]), of_tests);
        assert_eq!(
            wanted(&[Tests], &["cc", "make", "python3", "git", "curl", "dumpcap"]),
            ["python3-venv", "python3-samba", "tshark"]
        );
        assert_eq!(wanted(&[Bench], &["cc", "make"]), ["haproxy", "nginx-light", "valgrind", "mitmproxy"]);
        assert_eq!(wanted(&[Fuzz], &[]), ["gcc", "g++"]);
        assert_eq!(wanted(ALL, &[]).len(), TOOLS.len());
    }

    #[test]
    fn a_user_without_a_package_manager_gets_instructions() {
        let missing = missing(&[Bench], |tool| tool.program != "haproxy");
        let advice = what_to_install(&missing, true);
        assert!(
            advice.contains("haproxy (Debian: haproxy): is what the benchmark compares with"),
            "{advice}"
        );
        assert!(advice.ends_with("install with: sudo apt-get install haproxy"), "{advice}");
        assert!(!what_to_install(&missing, false).contains("apt-get"));
    }
}
