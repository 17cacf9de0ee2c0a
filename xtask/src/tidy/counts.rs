//! Rules with counted exceptions: a list holds the number that is left in each file, and may only shrink.

use std::collections::BTreeMap;
use std::path::Path;

use super::finding::{self, Finding};
use crate::run::Outcome;

/// How many exceptions there are in each file.
pub(super) type Counts = BTreeMap<String, usize>;

/// A line that breaks a rule.
#[derive(Debug)]
pub(super) struct Violation {
    pub(super) line: usize,
    pub(super) what: String,
    pub(super) fix: String,
}

/// The violations of a rule in each file that has one.
pub(super) type Violations = BTreeMap<String, Vec<Violation>>;

/// The number of violations in each file.
pub(super) fn count(violations: &Violations) -> Counts {
    violations.iter().map(|(path, found)| (path.clone(), found.len())).collect()
}

/// Every violation of a file that has more than `list` allows; and entries of the list that are too large.
pub(super) fn compare(list: &str, text: &str, violations: &Violations) -> Outcome<Vec<Finding>> {
    let listed = parse(list, text)?;
    let mut findings = stale(list, &listed, &count(violations));
    for (path, found) in violations {
        let (most, number) = listed.get(path).copied().unwrap_or_default();
        if found.len() < most {
            findings.push(Finding {
                place: format!("{list}:{number}"),
                what: format!("{path} has {} of these exceptions, no longer {most}", found.len()),
                fix: "lower the number, or run `cargo xtask tidy --update`".to_owned(),
            });
        }
        if found.len() > most {
            findings.extend(found.iter().map(|Violation { line, what, fix }| Finding {
                place: format!("{path}:{line}"),
                what: format!("{what} ({} in the file, {most} tolerated)", found.len()),
                fix: fix.clone(),
            }));
        }
    }
    Ok(findings)
}

/// Reads a list whose lines are a number and a path.
pub(super) fn parse(list: &str, text: &str) -> Outcome<BTreeMap<String, (usize, usize)>> {
    let mut counts = BTreeMap::new();
    for (number, line) in finding::entries(text) {
        let fault = || format!("{list}:{number}: neither a comment nor a number and a path");
        let (count, path) = line.split_once(' ').ok_or_else(fault)?;
        counts.insert(path.to_owned(), (count.parse().map_err(|_| fault())?, number));
    }
    Ok(counts)
}

/// The entries of `list` for files that have no exception any more.
pub(super) fn stale(list: &str, listed: &BTreeMap<String, (usize, usize)>, found: &Counts) -> Vec<Finding> {
    listed
        .iter()
        .filter(|(path, _)| !found.contains_key(*path))
        .map(|(path, (_, number))| Finding {
            place: format!("{list}:{number}"),
            what: format!("{path} has no exception any more"),
            fix: "remove the line, or run `cargo xtask tidy --update`".to_owned(),
        })
        .collect()
}

/// Rewrites the list, unless its sum would be greater than before.
pub(super) fn update(root: &Path, list: &str, found: &Counts) -> Outcome {
    let before: usize = parse(list, &finding::read(root, list)?)?.values().map(|(count, _)| count).sum();
    let now: usize = found.values().sum();
    if now > before {
        return Err(format!("{list} would grow from {before} to {now}: correct what is new").into());
    }
    finding::replace(root, list, found.iter().map(|(path, count)| format!("{count} {path}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(lines: &[usize], list: &str) -> Vec<String> {
        let violation = |line: &usize| Violation { line: *line, what: "wide".into(), fix: "wrap it".into() };
        let found: Vec<Violation> = lines.iter().map(violation).collect();
        let violations = [("a.md".to_owned(), found)].into_iter().filter(|(_, found)| !found.is_empty());
        let findings = compare("list", list, &violations.collect()).unwrap();
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_number_of_a_file_may_become_smaller_only() {
        assert_eq!(compared(&[1, 1], "2 a.md"), [""; 0]);
        assert_eq!(
            compared(&[1, 3], "1 a.md"),
            [
                "a.md:1: wide (2 in the file, 1 tolerated); wrap it",
                "a.md:3: wide (2 in the file, 1 tolerated); wrap it",
            ]
        );
        assert!(
            compared(&[1], "2 a.md")[0].starts_with("list:1: a.md has 1 of these exceptions, no longer 2")
        );
        assert!(compared(&[], "2 a.md")[0].starts_with("list:1: a.md has no exception any more"));
    }

    #[test]
    fn entries_of_files_without_exceptions_are_stale() {
        let listed = parse("list", "# head\n3 a.rs\n4 b.rs\n").unwrap();
        let found = Counts::from([("a.rs".to_owned(), 2)]);
        let places: Vec<_> =
            stale("list", &listed, &found).into_iter().map(|finding| finding.place).collect();
        assert_eq!(places, ["list:3"]);
        assert!(parse("list", "many a.rs\n").is_err());
        assert!(parse("list", "a.rs\n").is_err());
    }

    #[test]
    fn an_update_shortens_the_list_and_never_lengthens_it() {
        let root = std::env::temp_dir().join(format!("xtask-tidy-counts-{}", std::process::id()));
        std::fs::create_dir_all(&root).unwrap();
        std::fs::write(root.join("list"), "# head\n3 a.rs\n").unwrap();
        update(&root, "list", &Counts::from([("b.rs".to_owned(), 2)])).unwrap();
        assert_eq!(std::fs::read_to_string(root.join("list")).unwrap(), "# head\n2 b.rs\n");
        assert!(update(&root, "list", &Counts::from([("b.rs".to_owned(), 3)])).is_err());
        std::fs::remove_dir_all(&root).unwrap();
    }
}
