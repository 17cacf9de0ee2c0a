//! What an operator sees: operations as they pass, one line each, and counters.
//!
//! Architectural invariant: nothing here reaches back into the core. It works on snapshots, and a slow reader
//! loses lines, never time on the data path.

mod counters;
mod flow;
mod live;

pub use crate::counters::{Counters, CountersSnapshot};
pub use crate::flow::{Flow, FlowEnd};
pub use crate::live::Live;
