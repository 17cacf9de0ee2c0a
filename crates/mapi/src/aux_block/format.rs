//! The wire format of auxiliary blocks.

use crate::field::{Format, InspectAs};
use crate::inspect::{Inspect, Node};

/// Marks the wire format of auxiliary blocks ([MS-OXCRPC] 2.2.2.2).
#[derive(Debug, Clone, Copy)]
pub enum Aux {}

impl Format for Aux {
    type Context = ();
}

impl<T: Inspect> InspectAs<Aux> for T {
    fn node_as(&self) -> Node {
        self.to_node()
    }
}
