use crate::Outcome;

/// Not there yet.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// Not there yet.
pub(crate) fn run(_arguments: &Arguments) -> Outcome {
    Err("not there yet".into())
}
