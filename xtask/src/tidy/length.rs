//! Source files have a maximum length.

use super::counts::{self, Counts};
use super::finding::Finding;
use super::sources::Source;
use crate::run::Outcome;

/// The most lines of a file.
const MOST: usize = 500;

/// The longer files that are left, each with its number of lines, which may only become smaller.
pub(super) const LIST: &str = "xtask/src/tidy/long_files.txt";

/// The Rust files that are too long.
pub(super) fn count(sources: &[Source]) -> Counts {
    let rust = sources.iter().filter(|source| source.is_rust());
    let lengths = rust.map(|source| (source.path.clone(), source.text.lines().count()));
    lengths.filter(|(_, lines)| *lines > MOST).collect()
}

/// Files that are too long, and entries of the list that no longer apply.
pub(super) fn compare(found: &Counts, list: &str) -> Outcome<Vec<Finding>> {
    let listed = counts::parse(LIST, list)?;
    let mut findings = counts::stale(LIST, &listed, found);
    for (path, lines) in found {
        let most = listed.get(path).map_or(MOST, |(lines, _)| *lines);
        if *lines > most {
            findings.push(Finding {
                place: format!("{path}:{lines}"),
                what: format!("the file has {lines} lines, more than the {most} that it may have"),
                fix: "split it by meaning".to_owned(),
            });
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(lines: usize, list: &str) -> Vec<String> {
        let text = "//\n".repeat(lines);
        let sources = [Source { path: "a.rs".to_owned(), text }];
        let findings = compare(&count(&sources), list).unwrap();
        findings.into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn a_file_that_is_too_long_is_named() {
        assert_eq!(places(500, ""), [""; 0]);
        assert_eq!(places(501, ""), ["a.rs:501"]);
    }

    #[test]
    fn a_listed_file_may_become_shorter_only() {
        assert_eq!(places(520, "520 a.rs"), [""; 0]);
        assert_eq!(places(510, "520 a.rs"), [""; 0]);
        assert_eq!(places(521, "520 a.rs"), ["a.rs:521"]);
        assert_eq!(places(500, "520 a.rs"), [format!("{LIST}:1")]);
    }
}
