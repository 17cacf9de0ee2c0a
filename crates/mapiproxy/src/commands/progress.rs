//! Progress bars of commands that take long.

use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressStyle};

/// The template of a bar whose length is in bytes.
const BYTES: &str = "{bar:40} {bytes} of {total_bytes}, {eta} left";

/// A progress bar of the form `template` for `length` steps, on standard error. Hidden if that is not a terminal.
pub(crate) fn bar(length: u64, template: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(template);
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// A progress bar for `length` bytes. Hidden also if these are fewer than `large`.
pub(crate) fn bar_of_bytes(length: u64, large: u64) -> ProgressBar {
    if length < large { ProgressBar::hidden() } else { bar(length, BYTES) }
}
