//! The result of a command, and the form in which errors are printed.

use std::error::Error;

use crate::output;

/// Why a command failed.
pub(crate) type Failure = Box<dyn Error>;

/// The result of a command.
pub(crate) type Outcome = Result<(), Failure>;

/// Prints a line to standard error, with the program's name before it. A line that cannot be written is lost.
pub(crate) fn report(line: &str) {
    output::print_error(&format!("mapiproxy: {line}"));
}
