//! Has the linker place the functions that requests execute next to each other, in release builds for Linux.
//!
//! A request executes some 160 KB of code in small pieces. The pieces are spread over 250 pages of the
//! program if the linker orders them by crate, and over about half as many if they are next to each other.
//! With few connections, a processor has to load most of these pages anew for each request.
//! `docs/performance.md` has the figures, and the command that writes the list.

#![allow(clippy::disallowed_methods, reason = "cargo passes what is built in the environment")]

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    const LIST: &str = "hot_functions.txt";
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={LIST}");
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    if applies() {
        let script = Path::new(&env::var("OUT_DIR")?).join("hot_functions.ld");
        fs::write(&script, linker_script(&fs::read_to_string(LIST)?))?;
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{}", script.display());
    }
    Ok(())
}

/// Whether this is a release build for Linux with the linker that Rust uses by default. Others, such as mold,
/// know no linker scripts.
fn applies() -> bool {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let own_linker = env::var_os("RUSTC_LINKER").is_some() || flags.contains("link");
    is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") && !own_linker
}

/// A script with which `.text` begins with the functions of `list`, whatever hash ends their names.
fn linker_script(list: &str) -> String {
    let names = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let hot = names.fold(String::new(), |mut text, name| {
        let hashes: &[&str] = if name.starts_with("_ZN") { &["17h*"] } else { &["", ".llvm.*"] };
        for hash in hashes {
            let _ = writeln!(text, "    *(.text.{name}{hash} .text.unlikely.{name}{hash})");
        }
        text
    });
    format!("SECTIONS {{\n  .text : {{\n{hot}    *(.text .text.*)\n  }}\n}}\nINSERT AFTER .init;\n")
}
