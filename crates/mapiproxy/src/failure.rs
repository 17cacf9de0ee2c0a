//! The result of a command, and the form in which errors are printed.

use std::error::Error;

use crate::output;

/// Why a command failed.
pub(crate) type Failure = Box<dyn Error>;

/// The result of a command.
pub(crate) type Outcome = Result<(), Failure>;

/// An error with an exit status of its own; other errors have 1, and wrong arguments 2.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct WithStatus {
    /// The error as it is printed.
    pub(crate) text: String,
    /// The exit status of the program.
    pub(crate) status: u8,
}

/// Prints a line to standard error, with the program's name before it. A line that cannot be written is lost.
pub(crate) fn report(line: &str) {
    output::print_error(&format!("mapiproxy: {line}"));
}
