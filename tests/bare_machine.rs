//! `./x` on a machine that has only Rust: no linker, and an `apt-get` that prints its arguments.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::harness::{Folder, mode, root};

/// A `PATH` with the programs of a minimal system, and with programs of the test.
struct Machine {
    folder: Folder,
}

/// Programs that are symbolic links to the machine's. The test never writes through them.
const EVERYWHERE: [&str; 3] = ["sh", "dirname", "grep"];

impl Machine {
    /// With a `cargo` that prints its arguments, and without `cc`.
    fn bare() -> Self {
        let machine = Self { folder: Folder::new() };
        std::fs::create_dir(machine.folder.join("bin")).unwrap();
        for name in EVERYWHERE {
            let found = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(name));
            let found = found.into_iter().find(|path| path.exists()).unwrap();
            std::os::unix::fs::symlink(found, machine.bin(name)).unwrap();
        }
        machine.program("cargo", "echo \"cargo $*\"");
        machine.program("id", "echo 0");
        std::fs::create_dir_all(machine.folder.join("etc/ssl/certs")).unwrap();
        machine.folder.write("etc/os-release", "ID=debian\n");
        machine.folder.write("etc/ssl/certs/ca-certificates.crt", "");
        machine
    }

    fn bin(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }

    /// Writes a program of the test, which replaces an earlier one of that name. A link is removed first, since it
    /// leads to the machine's own program.
    fn program(&self, name: &str, text: &str) {
        assert!(!EVERYWHERE.contains(&name), "{name} is the machine's");
        let path = self.bin(name);
        let _ = std::fs::remove_file(&path);
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path).unwrap();
        write!(file, "#!/bin/sh\n{text}\n").unwrap();
        drop(file);
        mode(&path, 0o700);
    }

    /// An `apt-get` that prints its arguments, and installs `cc` at its `time`th call.
    fn apt(&self, time: usize) {
        let (cc, count) = (self.bin("cc"), self.folder.join("count"));
        let text = format!(
            "echo \"apt-get $*\"\n[ \"$1\" = update ] && exit 0\necho . >>{count}\n\
             [ \"$(grep -c . {count})\" -ge {time} ] || exit 100\n: >{cc}; /bin/chmod 700 {cc}",
            count = count.display(),
            cc = cc.display(),
        );
        self.program("apt-get", &text);
    }

    fn x(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(root().join("x"));
        command.env_clear().env("PATH", self.folder.join("bin")).env("HOME", "/nonexistent");
        command.env("X_ROOT", self.folder.join("")).args(arguments).output().unwrap()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap() + &String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn packages_that_cargo_needs_are_installed_before_cargo_runs() {
    for (time, tries) in [(1, 1), (2, 2)] {
        let machine = Machine::bare();
        machine.program("id", "echo 0");
        machine.apt(time);
        let output = machine.x(&["demo", "--stay"]);
        let said = said(&output);
        assert!(output.status.success(), "{said}");
        assert!(
            said.contains("x: a C compiler with its library is missing")
                && said.contains("x: installing gcc libc6-dev"),
            "{said}"
        );
        let install = "apt-get install -y -q --no-install-recommends gcc libc6-dev";
        assert_eq!(said.matches(install).count(), tries, "{said}");
        assert_eq!(said.matches("apt-get update").count(), tries - 1, "{said}");
        assert!(said.ends_with("cargo xtask demo --stay\n"), "{said}");
        // Now nothing is missing.
        assert_eq!(self::said(&machine.x(&["test"])), "cargo xtask test\n");
    }
}

#[test]
fn a_compiler_without_its_library_and_absent_authorities_are_noticed() {
    let machine = Machine::bare();
    machine.program("id", "echo 0");
    machine.program("cc", "exit 1");
    machine.apt(1);
    std::fs::remove_file(machine.folder.join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    let said = said(&machine.x(&["demo"]));
    assert!(
        said.contains("apt-get install -y -q --no-install-recommends gcc libc6-dev ca-certificates"),
        "{said}"
    );
    assert!(said.ends_with("cargo xtask demo\n"), "{said}");
    machine.program("id", "echo 1000");
    assert_eq!(self::said(&machine.x(&["demo"])), "cargo xtask demo\n", "they may not be needed");
}

#[test]
fn a_user_who_cannot_install_gets_instructions() {
    let machine = Machine::bare();
    machine.program("id", "echo 1000");
    let refused = |says: &str| {
        let output = machine.x(&["demo"]);
        let said = said(&output);
        assert!(!output.status.success() && said.contains(says) && !said.contains("cargo xtask"), "{said}");
    };
    refused("install a C compiler and the C library's headers (on Debian: gcc libc6-dev)");
    machine.apt(1);
    refused("only root can install it: run `sudo apt-get install gcc libc6-dev`");
    machine.program("id", "echo 0");
    machine.folder.write("etc/os-release", "ID=fedora\n");
    refused("install a C compiler");
    machine.folder.write("etc/os-release", "ID=debian\n");
    machine.apt(9);
    refused("could not install gcc libc6-dev");
    std::fs::remove_file(machine.bin("cargo")).unwrap();
    refused("cargo is missing: install Rust");
}

#[test]
fn the_commands_of_the_readme_are_those_of_x() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains("```\n./x demo\n./x test\n```"), "the two commands");
}
