//! The names of tests: sentences that name their subject and the outcome.

use super::finding::Finding;
use super::sources::{Kind, Source};

/// Words with which a name begins that has no subject.
const UNCLEAR: [&str; 3] = ["what", "where", "who"];

/// The names of tests that begin with one of the words in [`UNCLEAR`].
pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for (line, name) in of_tests(source) {
            if let Some(first) = name.split('_').next().filter(|first| UNCLEAR.contains(first)) {
                findings.push(Finding {
                    place: format!("{}:{line}", source.path),
                    what: format!("the test's name begins with `{first}`"),
                    fix: "name the subject and the outcome".to_owned(),
                });
            }
        }
    }
    findings
}

/// The name of each test with its line.
pub(super) fn of_tests(source: &Source) -> Vec<(usize, &str)> {
    let mut names = Vec::new();
    if source.kind() != Kind::Rust {
        return names;
    }
    let mut is_test = false;
    for (number, line) in (1..).zip(source.text.lines()) {
        let line = line.trim_start();
        if line.starts_with("#[test]") || (line.starts_with("#[") && line.contains("::test")) {
            is_test = true;
        } else if let Some(name) = name(line).filter(|_| is_test) {
            names.push((number, name));
            is_test = false;
        }
    }
    names
}

/// The name of the function that begins in `line`.
fn name(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once("fn ")?;
    let is_start = before.split_whitespace().all(|word| matches!(word, "pub" | "async" | "const" | "unsafe"));
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().filter(|name| is_start && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn the_names_of_tests_are_found_and_no_others() {
        let text = "fn a() {}\n#[test]\n#[ignore]\nfn b_is_c() {\n    fn d() {}\n}\n#[tokio::test]\nasync fn e() {}\n";
        assert_eq!(of_tests(&source("a.rs", text)), [(4, "b_is_c"), (8, "e")]);
        assert_eq!(of_tests(&source("a.md", text)), []);
    }

    #[test]
    fn a_name_without_a_subject_is_found() {
        let text = "#[test]\nfn what_is_a_b() {}\n#[test]\nfn whatever() {}\nfn where_it_is() {}\n";
        let found = check(&[source("a.rs", text), source("b.rs", "#[test]\nfn a_b_is_c() {}\n")]);
        assert_eq!(found.iter().map(|finding| finding.place.as_str()).collect::<Vec<_>>(), ["a.rs:2"]);
    }
}
