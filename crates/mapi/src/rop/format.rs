//! The wire format of ROPs.

use std::borrow::Cow;

use super::context::RequestContext;
use super::inspect::flattened;
use crate::field::{Format, InspectAs};
use crate::inspect::{Inspect, Node};

/// ROPs in the buffers that hold them ([MS-OXCROPS] 2.2). Properties are called as in a mailbox.
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
