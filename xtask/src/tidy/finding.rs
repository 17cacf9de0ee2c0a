//! The findings of the rules, and the lists of exceptions.

use std::fmt;
use std::path::Path;

use crate::run::Outcome;

/// A violation: its place, its description, and its correction.
pub(super) struct Finding {
    pub(super) place: String,
    pub(super) what: String,
    pub(super) fix: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.what, self.fix)
    }
}

/// A list of exceptions; empty if the file does not exist.
pub(super) fn read(root: &Path, list: &str) -> Outcome<String> {
    match std::fs::read_to_string(root.join(list)) {
        Ok(text) => Ok(text),
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(fault) => Err(format!("{list}: {fault}").into()),
    }
}

/// The lines of a list with their numbers, without comments.
pub(super) fn entries(list: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = list.lines().enumerate().map(|(index, line)| (index + 1, line));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// Writes `entries` after the comment at the head of the list.
pub(super) fn replace(root: &Path, list: &str, entries: impl Iterator<Item = String>) -> Outcome {
    let before = read(root, list)?;
    let head = before.lines().take_while(|line| line.starts_with('#')).map(str::to_owned);
    let text: String = head.chain(entries).map(|line| line + "\n").collect();
    std::fs::write(root.join(list), text).map_err(|e| format!("{list}: {e}").into())
}

/// The path from the repository's root, with `/` between its parts.
pub(super) fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}
