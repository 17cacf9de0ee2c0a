//! Subjects of commits: short, and of finished work.

use super::finding::Finding;
use crate::run::{self, Outcome};

/// The most characters of a subject.
const MOST: usize = 72;

/// The last commit before the rule. It and those before it are exempt.
const BEFORE: &str = "6b08a11b1f4b1333787072234f4314b27146f26d";

/// Beginnings that git gives to commits which are to be folded into others, and the usual name of unfinished work.
const UNFINISHED: [&str; 4] = ["fixup!", "squash!", "amend!", "wip"];

/// The commits of the present branch since [`BEFORE`] that break the rule. Merges are not looked at.
///
/// A shallow clone in which that commit is missing has only later ones, and all that it has are checked. Nothing is
/// checked without a repository, or where a whole history does not have that commit: it was written anew.
pub(super) fn check() -> Outcome<Vec<Finding>> {
    let git = |arguments: &[&str]| run::read(run::command("git").args(arguments));
    let known = run::succeeds(run::command("git").args(["merge-base", "--is-ancestor", BEFORE, "HEAD"]));
    let range = format!("{BEFORE}..HEAD");
    let range = if known {
        &range
    } else if git(&["rev-parse", "--is-shallow-repository"]).is_ok_and(|answer| answer.trim() == "true") {
        "HEAD"
    } else {
        return Ok(Vec::new());
    };
    let log = git(&["log", "--no-merges", "--format=%h %s", range])?;
    Ok(log.lines().filter_map(|line| line.split_once(' ')).filter_map(judge).collect())
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
    use super::*;

    fn refused(subject: &str) -> bool {
        judge(("0123abc", subject)).is_some()
    }

    #[test]
    fn subjects_are_short() {
        assert!(!refused(&"ä".repeat(72)));
        assert!(refused(&"a".repeat(73)));
    }

    #[test]
    fn subjects_are_of_finished_work() {
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
