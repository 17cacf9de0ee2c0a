//! The live display for the operator: a line for each operation, and counters.
//!
//! Architectural invariant: the display works on snapshots and cannot change operations. If its reader is slow,
//! lines are lost; operations are not delayed.

mod counters;
mod flow;
mod live;

pub use crate::counters::{Counters, CountersSnapshot};
pub use crate::flow::{Flow, FlowEnd};
pub use crate::live::Live;
