//! The value of `--log`: which lines are logged.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};

/// What is logged unless `--log` names another level. The TLS library logs a warning for each invalid message of a
/// peer, without a rate limit. The proxy logs failed handshakes itself, with a rate limit.
const DEFAULT: &str = "warn,rustls=off";

/// A value of `--log` is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected error, warn, info, debug or trace, optionally followed by PART=LEVEL, for example info,net=debug"
)]
pub(crate) struct InvalidFilter;

/// Checks `text`, a value of `--log`, and returns it. A word without `=` must be a level: the filter's own parser takes
/// any other word for a part of the program, and would log no line of the other parts.
pub(crate) fn parse(text: &str) -> Result<String, InvalidFilter> {
    let is_level = |item: &str| !item.is_empty() && item.parse::<LevelFilter>().is_ok();
    let is_valid = |item: &str| item.contains('=') || is_level(item);
    if text.split(',').all(is_valid) && filter(text).is_ok() {
        Ok(text.to_owned())
    } else {
        Err(InvalidFilter)
    }
}

/// The filter for `text`, a value of `--log`.
///
/// # Errors
/// If it is not valid.
pub(crate) fn filter(text: &str) -> Result<EnvFilter, ParseError> {
    // Of two directives for the same part the later one applies.
    EnvFilter::builder().parse(format!("{DEFAULT},{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        for text in ["warning", "verbose", "", "net", "info,net", "a=b=c", "info,net=loud", "info,,net=debug"]
        {
            assert!(
                parse(text).is_err_and(|why| why.to_string().starts_with("expected error, warn, info")),
                "{text}"
            );
        }
        for text in ["warn", "INFO", "off", "info,net=debug", "net::event_log=trace,error"] {
            assert_eq!(parse(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn parts_that_are_not_named_have_the_level_warn_unless_another_one_is_given() {
        let directives = |text: &str| {
            let mut all: Vec<_> = filter(text).unwrap().to_string().split(',').map(str::to_owned).collect();
            all.sort();
            all
        };
        assert_eq!(directives("net=debug"), ["net=debug", "rustls=off", "warn"]);
        assert_eq!(directives("info,rustls=warn"), ["info", "rustls=warn"]);
    }
}
