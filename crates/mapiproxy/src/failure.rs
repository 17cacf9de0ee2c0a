//! What a command returns, and how an error is printed.

use std::error::Error;

use crate::output;

/// Why a command failed.
pub(crate) type Failure = Box<dyn Error>;

/// What a command returns.
pub(crate) type Outcome = Result<(), Failure>;

/// Prints a line to standard error. Where it can't be written, the exit status has to do.
pub(crate) fn complain(line: &str) {
    output::complain(&format!("mapiproxy: {line}"));
}

/// What an error says, and what its causes say that it did not say already.
pub(crate) fn causes(error: &dyn Error) -> Vec<String> {
    let mut said = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        let because = error.to_string();
        // Some errors end with their cause.
        if !said.last().is_some_and(|last| last.ends_with(&because)) {
            said.push(because);
        }
        cause = error.source();
    }
    said
}
