//! Dependencies' licences, sources, duplicates and advisories, by cargo-deny and `deny.toml`.

use crate::run::{self, Outcome};
use crate::setup;

/// Runs the checks. Returns which were run.
///
/// The advisories are in a database that is downloaded. Without it and without an earlier copy, the other checks run,
/// and the result says that the advisories were not checked.
pub(crate) fn check() -> Outcome<&'static str> {
    let program = setup::cargo_deny()?;
    run::show(run::command(&program).args([
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]))?;
    let mut advisories = run::command(&program);
    let output = advisories.args(["check", "advisories"]).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok("licences, sources, bans, advisories");
    }
    if said.contains("failed to fetch advisory database") {
        return Ok("licences, sources, bans; NOT advisories: their database cannot be reached from here");
    }
    Err(format!("cargo-deny check advisories:\n{said}").into())
}
