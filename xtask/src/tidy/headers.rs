//! Every source file begins with a line that describes its purpose.

use super::finding::Finding;
use super::sources::Source;

/// The files whose first line is not `//!` with words behind it.
pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let missing = |source: &&Source| {
        let first = source.text.lines().next().unwrap_or("");
        source.is_rust() && first.strip_prefix("//!").is_none_or(|words| words.trim().is_empty())
    };
    sources
        .iter()
        .filter(missing)
        .map(|source| Finding {
            place: format!("{}:1", source.path),
            what: "the file does not begin with what it is for".to_owned(),
            fix: "make a line `//! ...` its first, before all attributes".to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(path: &str, text: &str) -> Vec<String> {
        let source = Source { path: path.to_owned(), text: text.to_owned() };
        check(&[source]).into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn a_file_without_its_line_is_named() {
        assert_eq!(places("a.rs", "//! Reads a.\n\nfn a() {}\n"), [""; 0]);
        assert_eq!(places("a.rs", "fn a() {}\n"), ["a.rs:1"]);
        assert_eq!(places("a.rs", "#![no_main]\n//! Reads a.\n"), ["a.rs:1"]);
        assert_eq!(places("a.rs", "//!\n//! Reads a.\n"), ["a.rs:1"]);
        assert_eq!(places("a.rs", ""), ["a.rs:1"]);
        assert_eq!(places("a.md", "# A\n"), [""; 0]);
    }
}
