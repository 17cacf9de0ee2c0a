//! Subjects of commits: short, and without marks of unfinished work.

use std::path::Path;
use std::process::Command;

use super::finding::Finding;
use crate::run::{self, Outcome};

/// The most characters of a subject.
const MOST: usize = 72;

/// The last commit before the rule. It and those before it are exempt.
const BEFORE: &str = "6b08a11b1f4b1333787072234f4314b27146f26d";

/// Beginnings that git gives to commits which are to be folded into others, and the usual name of unfinished work.
const UNFINISHED: [&str; 4] = ["fixup!", "squash!", "amend!", "wip"];

/// The commits of the present branch since [`BEFORE`] that break the rule. Merges are not looked at.
pub(super) fn check(root: &Path) -> Outcome<Vec<Finding>> {
    let Some(range) = range(root, BEFORE) else { return Ok(Vec::new()) };
    let log = run::read(git(root).args(["log", "--no-merges", "--format=%h %s", &range]))?;
    Ok(log.lines().filter_map(|line| line.split_once(' ')).filter_map(judge).collect())
}

/// The commits to check, in the syntax of git; `None` if no commit is checked.
///
/// A shallow clone in which the commit `before` is missing has only later ones, and all that it has are checked.
/// Nothing is checked without a repository, or where a whole history does not have that commit: it was rewritten.
fn range(root: &Path, before: &str) -> Option<String> {
    if run::succeeds(git(root).args(["merge-base", "--is-ancestor", before, "HEAD"])) {
        return Some(format!("{before}..HEAD"));
    }
    let shallow = run::read(git(root).args(["rev-parse", "--is-shallow-repository"]));
    shallow.is_ok_and(|answer| answer.trim() == "true").then(|| "HEAD".to_owned())
}

fn git(root: &Path) -> Command {
    let mut git = run::command("git");
    git.current_dir(root);
    git
}

fn judge((hash, subject): (&str, &str)) -> Option<Finding> {
    let length = subject.chars().count();
    let unfinished = |mark: &&&str| {
        let begin = subject.get(..mark.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(mark));
        begin && !subject[mark.len()..].starts_with(char::is_alphanumeric)
    };
    let (what, fix) = if length > MOST {
        (format!("the subject has {length} characters, more than {MOST}"), "shorten it, and use the body")
    } else if subject.ends_with('.') {
        ("the subject ends with a full stop".to_owned(), "remove it")
    } else if let Some(mark) = UNFINISHED.iter().find(unfinished) {
        (format!("the subject begins with `{mark}`"), "fold the commit into the one that it belongs to")
    } else {
        return None;
    };
    Some(Finding { place: format!("commit {hash}"), what: format!("{what}: {subject}"), fix: fix.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A repository of two commits in a temporary folder, which is removed when this is dropped.
    struct Repository(PathBuf);

    impl Repository {
        fn new() -> Self {
            let new = Self(std::env::temp_dir().join(format!("xtask-tidy-subjects-{}", std::process::id())));
            std::fs::create_dir_all(&new.0).unwrap();
            new.git(&["init", "--quiet"]);
            for subject in ["First.", "Second"] {
                let commit = ["commit", "--quiet", "--allow-empty", "--no-gpg-sign", "-m", subject];
                new.git(&[&["-c", "user.name=a", "-c", "user.email=a@example.org"], &commit[..]].concat());
            }
            new
        }

        fn git(&self, arguments: &[&str]) -> String {
            run::read(git(&self.0).args(arguments)).unwrap().trim().to_owned()
        }
    }

    impl Drop for Repository {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn commits_are_checked_as_far_as_the_history_goes() {
        const MISSING: &str = "0123456789012345678901234567890123456789";
        let repository = Repository::new();
        let root = &repository.0;
        assert_eq!(
            range(root, &repository.git(&["rev-parse", "HEAD~1"])).unwrap().len(),
            40 + "..HEAD".len()
        );
        assert_eq!(range(root, MISSING), None);
        let clone = root.join("clone");
        let url = format!("file://{}", root.display());
        repository.git(&["clone", "--quiet", "--depth", "1", &url, &clone.display().to_string()]);
        assert_eq!(range(&clone, MISSING).as_deref(), Some("HEAD"));
        std::fs::remove_dir_all(root.join(".git")).unwrap();
        assert_eq!(range(root, MISSING), None);
    }

    fn refused(subject: &str) -> bool {
        judge(("0123abc", subject)).is_some()
    }

    #[test]
    fn subjects_are_short() {
        assert!(!refused(&"ä".repeat(72)));
        assert!(refused(&"a".repeat(73)));
    }

    #[test]
    fn subjects_of_unfinished_work_are_found() {
        for subject in
            ["wip", "WIP: decode", "Wip decode", "fixup! Decode", "squash! Decode", "amend! Decode"]
        {
            assert!(refused(subject), "{subject}");
        }
        assert!(!refused("Wipe secrets"));
        assert!(!refused("Decode wip"));
    }

    #[test]
    fn subjects_have_no_full_stop() {
        assert!(refused("Decode."));
        assert!(!refused("Decode"));
    }
}
