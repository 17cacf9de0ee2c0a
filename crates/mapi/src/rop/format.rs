//! The wire format of ROPs.

use std::borrow::Cow;

use super::context::RequestContext;
use super::inspect::flattened;
use crate::field::{Format, InspectAs};
use crate::inspect::{Inspect, Node};

/// Marks the wire format of ROPs ([MS-OXCROPS] 2.2). Properties have the names of mailboxes.
#[derive(Debug, Clone, Copy)]
pub enum Rop {}

impl Format for Rop {
    type Context = RequestContext;

    fn fields(fields: Vec<(Cow<'static, str>, Node)>) -> Node {
        flattened(fields)
    }
}

impl<T: Inspect> InspectAs<Rop> for T {
    fn node_as(&self) -> Node {
        self.to_node()
    }
}
