//! Source files have a maximum length.

use super::finding::Finding;
use super::sources::Source;

/// The most lines of a file.
const MOST: usize = 500;

/// The Rust files that are too long.
pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let rust = sources.iter().filter(|source| source.is_rust());
    let lengths = rust.map(|source| (&source.path, source.text.lines().count()));
    let long = lengths.filter(|(_, lines)| *lines > MOST);
    long.map(|(path, lines)| Finding {
        place: format!("{path}:{lines}"),
        what: format!("the file has {lines} lines, more than {MOST}"),
        fix: "split it by meaning".to_owned(),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(lines: usize) -> Vec<String> {
        let text = "//\n".repeat(lines);
        let findings = check(&[Source { path: "a.rs".to_owned(), text }]);
        findings.into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn a_file_that_is_too_long_is_named() {
        assert_eq!(places(500), [""; 0]);
        assert_eq!(places(501), ["a.rs:501"]);
    }
}
