//! Rules about the sources that neither the compiler nor clippy checks.

mod counts;
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
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cargo_metadata::MetadataCommand;

use self::counts::Counts;
use self::finding::Finding;
use self::import_cycles::ImportCycle;
use self::sources::Source;
use self::words::{Banned, Use};
use crate::run::{self, Outcome};

/// Checks every rule, and names every place that breaks one.
///
/// With `--update`, writes the lists of what is tolerated anew. They never grow by that.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let update = match arguments {
        [] => false,
        [only] if only == "--update" => true,
        _ => return Err("takes `--update` or nothing".into()),
    };
    let root = run::root();
    let seen = Seen::read(&root, &crates(&root)?)?;
    if update {
        seen.update(&root)?;
    }
    let findings = seen.findings(&root)?;
    for finding in &findings {
        eprintln!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy: {} files keep to the rules", seen.sources.len());
        return Ok(());
    }
    Err(format!("{} places break a rule", findings.len()).into())
}

/// What the rules look at, and what those that tolerate exceptions found.
struct Seen {
    sources: Vec<Source>,
    cycles: Vec<ImportCycle>,
    lengths: Counts,
    banned: Vec<Banned>,
    uses: BTreeMap<String, Vec<Use>>,
}

impl Seen {
    /// Reads the repository at `root`, whose crates have their roots in the files `crates`.
    fn read(root: &Path, crates: &[PathBuf]) -> Outcome<Self> {
        let sources = sources::read(root)?;
        let cycles = import_cycles::find(root, crates)?;
        let lengths = length::count(&sources);
        let banned = words::parse(&finding::read(root, words::WORDS)?)?;
        let uses = words::find(&sources, &banned);
        Ok(Self { sources, cycles, lengths, banned, uses })
    }

    /// Writes the lists of what is tolerated anew.
    fn update(&self, root: &Path) -> Outcome {
        import_cycles::update(root, &self.cycles)?;
        counts::update(root, length::LIST, &self.lengths)?;
        counts::update(root, words::LIST, &words::count(&self.uses))
    }

    /// Every place that breaks a rule.
    fn findings(&self, root: &Path) -> Outcome<Vec<Finding>> {
        let mut findings = headers::check(&self.sources);
        findings.extend(import_cycles::compare(&self.cycles, &finding::read(root, import_cycles::LIST)?));
        findings.extend(length::compare(&self.lengths, &finding::read(root, length::LIST)?)?);
        findings.extend(words::compare(&self.uses, &self.banned, &finding::read(root, words::LIST)?)?);
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

    #[test]
    fn every_rule_is_asked() {
        let root = std::env::temp_dir().join(format!("xtask-tidy-all-{}", std::process::id()));
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(words::WORDS, "wombat | animal\n");
        write("crates/a/src/lib.rs", "//! A wombat.\n\nmod b;\n\nuse b::B;\n");
        write("crates/a/src/b.rs", &format!("use super::A;\n{}", "\n".repeat(500)));
        write("ARCHITECTURE.md", "# The path of a call\n\n- `crates/a/src/c.rs`: reads it.\n");
        // No other history is known to be checked than that of a shallow clone.
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

        let seen = Seen::read(&root, &[root.join("crates/a/src/lib.rs")]).unwrap();
        let findings = seen.findings(&root).unwrap();
        std::fs::remove_dir_all(&root).unwrap();
        let what: Vec<&str> = findings.iter().map(|finding| finding.what.as_str()).collect();
        let begins = [
            "the file does not begin with",
            "2 files import one another",
            "the file has 501 lines",
            "`wombat`",
            "there is no crates/a/src/c.rs",
            "the subject begins with `wip`",
        ];
        assert_eq!(what.len(), begins.len(), "{what:?}");
        assert!(what.iter().zip(begins).all(|(what, begin)| what.starts_with(begin)), "{what:?}");
    }
}
