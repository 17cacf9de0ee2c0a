//! The wire format of MAPI over HTTP.

use crate::field::{Format, InspectAs};
use crate::inspect::Node;
use crate::inspect::part::InspectPart;

/// Bodies of requests and responses ([MS-OXCMAPIHTTP] 2.2.4, 2.2.5). Properties are called as in the address book.
#[derive(Debug, Clone, Copy)]
pub enum MapiHttp {}

impl Format for MapiHttp {
    type Context = ();
}

impl<T: InspectPart> InspectAs<MapiHttp> for T {
    fn node_as(&self) -> Node {
        self.part_node()
    }
}
