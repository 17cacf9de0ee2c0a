//! NTLM against other implementations in both roles, with each kind of authentication failure.

use std::process::Command;

use crate::harness::{Process, example, interop_script, python};

/// The number of checks of the script for each of NTLM and SPNEGO; a smaller number would mean that some did not run.
const CHECKS: usize = 31;

#[test]
fn pyspnego_and_the_crate_authenticate_each_other_with_the_right_password_only() {
    let mut command = Command::new(python());
    command.arg(interop_script("ntlm_pyspnego.py")).arg(example("ntlm_pipe"));
    let mut script = Process::start("pyspnego", &mut command);
    // Waiting line by line gives every check the time that a program may take.
    let mut checks = Vec::new();
    loop {
        let line = script.line(checks.len() + 1);
        if !line.starts_with("ok: ") && !line.starts_with("FAILED: ") {
            break;
        }
        checks.push(line);
    }
    let ended = script.end();
    assert!(ended.status.success(), "{}\n{}", ended.out, ended.err);
    for mechanism in ["ntlm", "spnego"] {
        let of_it = |line: &&String| line.starts_with(&format!("ok: {mechanism}, "));
        assert_eq!(checks.iter().filter(of_it).count(), CHECKS, "{}", ended.out);
    }
}
