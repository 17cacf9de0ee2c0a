//! The findings of the rules.

use std::fmt;
use std::path::Path;

/// A violation of a rule.
pub(super) struct Finding {
    /// A path from the repository's root with a line, or a commit.
    pub(super) place: String,
    /// Its description.
    pub(super) what: String,
    /// What to do about it.
    pub(super) fix: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.what, self.fix)
    }
}

/// The path from the repository's root, with `/` between its parts.
pub(super) fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}
