//! Comments are wrapped, which rustfmt does not do.

use super::counts::{Violation, Violations};
use super::sources::{Kind, Source};

/// The most columns of a line that is a comment.
const MOST: usize = 120;

/// The number of wider comments left in each file, which may only become smaller.
pub(super) const LIST: &str = "xtask/src/tidy/wide_comments_left.txt";

/// The lines that are comments and too wide. Rows of tables cannot be wrapped and are not checked.
pub(super) fn find(sources: &[Source]) -> Violations {
    let found = sources.iter().map(|source| {
        let lines = (1..).zip(source.text.lines());
        let wide = lines.filter_map(|(number, line)| {
            let columns = line.chars().count();
            (columns > MOST && is_comment(source.kind(), line)).then(|| Violation {
                line: number,
                what: format!("the comment has {columns} columns, more than {MOST}"),
                fix: "wrap it".to_owned(),
            })
        });
        (source.path.clone(), wide.collect())
    });
    found.filter(|(_, found): &(_, Vec<_>)| !found.is_empty()).collect()
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

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let found = find(&[Source { path: path.to_owned(), text: text.to_owned() }]);
        found.values().flatten().map(|violation| violation.line).collect()
    }

    #[test]
    fn a_comment_of_more_than_120_columns_is_found() {
        let wide = |begin: &str, columns: usize| format!("{begin}{}\n", "ä".repeat(columns - begin.len()));
        assert_eq!(lines("a.rs", &wide("    /// ", 120)), [0; 0]);
        assert_eq!(lines("a.rs", &wide("    /// ", 121)), [1]);
        assert_eq!(lines("a.py", &wide("# ", 121)), [1]);
        for (path, begin) in [("a.rs", "let a = "), ("a.rs", "//! | a | "), ("a.md", "# ")] {
            assert_eq!(lines(path, &wide(begin, 200)), [0; 0], "{path}: {begin}");
        }
    }
}
