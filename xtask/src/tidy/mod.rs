//! Rules about the sources that neither the compiler nor clippy checks.

mod doc_paths;
mod finding;
mod headers;
mod import_cycles;
mod length;
mod names;
mod paths;
mod prose;
mod results;
mod sources;
mod subjects;
mod width;
mod words;

use std::path::{Path, PathBuf};

use cargo_metadata::MetadataCommand;

use self::finding::Finding;
use self::sources::Source;
use crate::run::{self, Outcome};

/// Checks every rule, and prints every place that violates one.
pub(crate) fn run() -> Outcome {
    let root = run::root();
    let sources = sources::read(&root)?;
    let findings = findings(&root, &sources, &crates(&root)?)?;
    for finding in &findings {
        eprintln!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy: no violation in {} files", sources.len());
        return Ok(());
    }
    Err(format!("{} violations", findings.len()).into())
}

/// Every place that violates a rule, in `sources`, the repository at `root`, whose crates have their roots in the files
/// `crates`.
fn findings(root: &Path, sources: &[Source], crates: &[PathBuf]) -> Outcome<Vec<Finding>> {
    let mut findings = headers::check(sources);
    findings.extend(import_cycles::check(root, crates)?);
    findings.extend(length::check(sources));
    findings.extend(words::check(sources, &words::read(root)?));
    findings.extend(names::check(sources));
    findings.extend(width::check(sources));
    findings.extend(results::check(sources));
    findings.extend(doc_paths::check(root, sources));
    findings.extend(paths::check(root)?);
    findings.extend(subjects::check(root)?);
    Ok(findings)
}

/// The root files of everything that cargo builds from the workspace.
fn crates(root: &Path) -> Outcome<Vec<PathBuf>> {
    let metadata = MetadataCommand::new().current_dir(root).no_deps().exec()?;
    let targets = metadata.packages.iter().flat_map(|package| &package.targets);
    Ok(targets.map(|target| target.src_path.clone().into_std_path_buf()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository that violates each rule.
    fn repository() -> PathBuf {
        let root = std::env::temp_dir().join(format!("xtask-tidy-all-{}", std::process::id()));
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(words::WORDS, "wombat | animal\n");
        write("crates/a/src/lib.rs", "//! A wombat.\n\nmod b;\n\nuse b::B;\n");
        write("crates/a/src/b.rs", &format!("use super::A;\n{}", "\n".repeat(500)));
        write(
            "crates/a/src/c.rs",
            "//! C.\n\n#[test]\nfn what_it_is() {}\nfn c() -> Result<(), String> {}\n",
        );
        write("fuzz/Cargo.toml", "# A wombat.\n");
        write("tests/interop/a.py", &format!("# A wombat.\n# {}\n", "a".repeat(119)));
        write("x", "# A wombat.\n");
        write(".ci/run", "# A wombat.\n");
        write("README.md", "[a](docs/a.md)\n");
        write("ARCHITECTURE.md", "# The path of a call\n\n- `crates/a/src/gone.rs`: reads it.\n");
        // All commits of a shallow clone are checked.
        for arguments in [
            &["init", "--quiet"][..],
            &["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "--allow-empty"],
        ] {
            let mut git = run::command("git");
            let message: &[&str] = if arguments[0] == "init" { &[] } else { &["--no-gpg-sign", "-m", "wip"] };
            run::read(git.current_dir(&root).args(arguments).args(message)).unwrap();
        }
        let head = run::read(run::command("git").current_dir(&root).args(["rev-parse", "HEAD"])).unwrap();
        write(".git/shallow", &head);
        root
    }

    #[test]
    fn every_rule_is_checked() {
        let root = repository();
        let sources = sources::read(&root).unwrap();
        let findings = findings(&root, &sources, &[root.join("crates/a/src/lib.rs")]).unwrap();
        std::fs::remove_dir_all(&root).unwrap();
        let found: Vec<String> = findings.iter().map(ToString::to_string).collect();
        let expected = [
            "crates/a/src/b.rs:1: the file does not begin with",
            "crates/a/src/b.rs: 2 files import one another",
            "crates/a/src/b.rs:501: the file has 501 lines",
            ".ci/run:1: `wombat`",
            "crates/a/src/lib.rs:1: `wombat`",
            "fuzz/Cargo.toml:1: `wombat`",
            "tests/interop/a.py:1: `wombat`",
            "x:1: `wombat`",
            "crates/a/src/c.rs:4: the test's name begins with `what`",
            "tests/interop/a.py:2: the comment has 121 columns",
            "crates/a/src/c.rs:5: `Result` with a text as its error",
            "ARCHITECTURE.md:3: there is no crates/a/src/gone.rs",
            "README.md:1: there is no docs/a.md",
            "ARCHITECTURE.md:3: there is no crates/a/src/gone.rs",
            "commit ",
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found} does not begin with {expected}");
        }
        assert!(found[found.len() - 1].contains("the subject begins with `wip`"), "{found:#?}");
    }
}
