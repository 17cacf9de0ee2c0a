//! Prints an error with its causes.

use std::error::Error;
use std::fmt;

/// An error and its causes, separated by colons. A cause that the error before it ends with is left out.
#[derive(Debug, Clone, Copy)]
pub struct ErrorChain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = self.0.to_string();
        f.write_str(&last)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            let text = error.to_string();
            if !last.ends_with(&text) {
                write!(f, ": {text}")?;
                last = text;
            }
            source = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::upstream_error::{UpstreamAuthError, UpstreamError};

    #[test]
    fn each_cause_is_printed_once() {
        let reset = io::Error::new(io::ErrorKind::ConnectionReset, "reset by peer");
        let error = UpstreamError::closed(reset);
        assert_eq!(ErrorChain(&error).to_string(), "connection lost: reset by peer");
        let error = UpstreamError::from(UpstreamAuthError::invalid_credentials("access denied"));
        let expected = "the server rejects the service account: access denied";
        assert_eq!(ErrorChain(&error).to_string(), expected);
        let error = UpstreamError::connect(io::Error::other(UpstreamError::Loop));
        assert_eq!(ErrorChain(&error).to_string(), UpstreamError::Loop.to_string());
    }
}
