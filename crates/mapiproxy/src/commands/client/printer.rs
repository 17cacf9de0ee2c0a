//! The output of `mapiproxy client`: lines for people, or JSON.

use std::fmt::Display;
use std::io::{self, Write as _, stdout};

use indicatif::ProgressBar;
use serde_json::Value;

use crate::commands::progress;

/// The size in bytes from which a progress bar is shown.
const LARGE: u64 = 1 << 20;

/// Prints results.
#[derive(Debug, Clone, Copy)]
pub(super) struct Printer {
    /// Whether each result is a JSON object, one a line.
    pub(super) is_json: bool,
}

impl Printer {
    /// Prints a result: `line` for people, or else `json`.
    pub(super) fn print(self, line: impl Display, json: &Value) -> io::Result<()> {
        if self.is_json { writeln!(stdout(), "{json}") } else { writeln!(stdout(), "{line}") }
    }
}

/// `text` from a server, for a terminal: without control characters, which could change what the terminal shows.
pub(super) fn shown(text: &str) -> String {
    text.chars().map(|each| if each.is_control() { char::REPLACEMENT_CHARACTER } else { each }).collect()
}

/// As [`shown`], with line ends and tabs.
pub(super) fn shown_lines(text: &str) -> String {
    let kept = |each: char| matches!(each, '\n' | '\t') || !each.is_control();
    let text = text.replace("\r\n", "\n");
    text.chars().map(|each| if kept(each) { each } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// A progress bar for `length` bytes. Hidden if these are few, and if standard error is not a terminal.
pub(super) fn progress(length: u64) -> ProgressBar {
    progress::bar_of_bytes(length, LARGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_a_server_are_replaced() {
        assert_eq!(shown("a\x1b[31mb\u{9b}2Jc\r\n"), "a\u{fffd}[31mb\u{fffd}2Jc\u{fffd}\u{fffd}");
        assert_eq!(shown_lines("a\r\nb\tc\rd\x07"), "a\nb\tc\u{fffd}d\u{fffd}");
    }
}
