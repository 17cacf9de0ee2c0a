//! Comments are wrapped, which rustfmt does not do.

use super::finding::Finding;
use super::sources::{Kind, Source};

/// The most columns of a line that is a comment.
const MOST: usize = 120;

/// The lines that are comments and too wide. Rows of tables cannot be wrapped and are not checked.
pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for (number, line) in (1..).zip(source.text.lines()) {
            let columns = line.chars().count();
            if columns > MOST && is_comment(source.kind(), line) {
                findings.push(Finding {
                    place: format!("{}:{number}", source.path),
                    what: format!("the comment has {columns} columns, more than {MOST}"),
                    fix: "wrap it".to_owned(),
                });
            }
        }
    }
    findings
}

/// Whether `line` is a comment, and not the row of a table.
fn is_comment(kind: Kind, line: &str) -> bool {
    let mark = match kind {
        Kind::Rust => "//",
        Kind::Script => "#",
        Kind::Document => return false,
    };
    let comment = line.trim_start().strip_prefix(mark);
    comment.is_some_and(|comment| !comment.trim_start_matches(['/', '!', ' ']).starts_with('|'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(path: &str, text: &str) -> Vec<String> {
        let findings = check(&[Source { path: path.to_owned(), text: text.to_owned() }]);
        findings.into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn a_comment_of_more_than_120_columns_is_found() {
        let wide = |begin: &str, columns: usize| format!("{begin}{}\n", "ä".repeat(columns - begin.len()));
        assert_eq!(places("a.rs", &wide("    /// ", 120)), [""; 0]);
        assert_eq!(places("a.rs", &wide("    /// ", 121)), ["a.rs:1"]);
        assert_eq!(places("a.py", &wide("# ", 121)), ["a.py:1"]);
        for (path, begin) in [("a.rs", "let a = "), ("a.rs", "//! | a | "), ("a.md", "# ")] {
            assert_eq!(places(path, &wide(begin, 200)), [""; 0], "{path}: {begin}");
        }
    }
}
