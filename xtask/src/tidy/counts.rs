//! Exceptions that are counted by file: a list of numbers and paths that may only shrink.

use std::collections::BTreeMap;
use std::path::Path;

use super::finding::{self, Finding};
use crate::run::Outcome;

/// How many exceptions there are in each file.
pub(super) type Counts = BTreeMap<String, usize>;

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

/// The entries of `list` that are no longer true: of files that have no exception any more.
pub(super) fn stale(list: &str, listed: &BTreeMap<String, (usize, usize)>, found: &Counts) -> Vec<Finding> {
    listed
        .iter()
        .filter(|(path, _)| !found.contains_key(*path))
        .map(|(path, (_, number))| Finding {
            place: format!("{list}:{number}"),
            what: format!("{path} is no exception any more"),
            fix: "remove the line, or run `cargo xtask tidy --update`".to_owned(),
        })
        .collect()
}

/// Writes the list anew, unless its sum would be greater than before.
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
