//! Rules about the sources that neither the compiler nor clippy checks.

mod counts;
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

use self::counts::{Counts, Violations};
use self::finding::Finding;
use self::import_cycles::ImportCycle;
use self::sources::Source;
use crate::run::{self, Outcome};

/// Checks every rule, and names every place that breaks one.
///
/// With `--update`, rewrites the lists of exceptions, which never grow by that.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let update = match arguments {
        [] => false,
        [only] if only == "--update" => true,
        _ => return Err("takes `--update` or nothing".into()),
    };
    let root = run::root();
    let report = Report::read(&root, &crates(&root)?)?;
    if update {
        report.update(&root)?;
    }
    let findings = report.findings(&root)?;
    for finding in &findings {
        eprintln!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy: {} files keep to the rules", report.sources.len());
        return Ok(());
    }
    Err(format!("{} places break a rule", findings.len()).into())
}

/// The sources, and the violations of the rules that allow exceptions.
struct Report {
    sources: Vec<Source>,
    cycles: Vec<ImportCycle>,
    lengths: Counts,
    /// Each rule's list of exceptions, and its violations.
    counted: [(&'static str, Violations); 3],
}

impl Report {
    /// Reads the repository at `root`, whose crates have their roots in the files `crates`.
    fn read(root: &Path, crates: &[PathBuf]) -> Outcome<Self> {
        let sources = sources::read(root)?;
        let cycles = import_cycles::find(root, crates)?;
        let lengths = length::count(&sources);
        let banned = words::parse(&finding::read(root, words::WORDS)?)?;
        let counted = [
            (words::LIST, words::find(&sources, &banned)),
            (names::LIST, names::find(&sources)),
            (width::LIST, width::find(&sources)),
        ];
        Ok(Self { sources, cycles, lengths, counted })
    }

    /// Rewrites the lists of exceptions.
    fn update(&self, root: &Path) -> Outcome {
        import_cycles::update(root, &self.cycles)?;
        counts::update(root, length::LIST, &self.lengths)?;
        for (list, violations) in &self.counted {
            counts::update(root, list, &counts::count(violations))?;
        }
        Ok(())
    }

    /// Every place that breaks a rule.
    fn findings(&self, root: &Path) -> Outcome<Vec<Finding>> {
        let mut findings = headers::check(&self.sources);
        findings.extend(import_cycles::compare(&self.cycles, &finding::read(root, import_cycles::LIST)?));
        findings.extend(length::compare(&self.lengths, &finding::read(root, length::LIST)?)?);
        for (list, violations) in &self.counted {
            findings.extend(counts::compare(list, &finding::read(root, list)?, violations)?);
        }
        findings.extend(results::check(&self.sources));
        findings.extend(doc_paths::check(root, &self.sources));
        findings.extend(paths::check(root)?);
        findings.extend(subjects::check(root)?);
        Ok(findings)
    }
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

    /// A repository that breaks each rule.
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
        let report = Report::read(&root, &[root.join("crates/a/src/lib.rs")]).unwrap();
        let findings = report.findings(&root).unwrap();
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
