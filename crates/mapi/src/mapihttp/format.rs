//! The wire format of MAPI over HTTP.

use crate::field::{Format, InspectAs};
use crate::inspect::Node;
use crate::inspect::field::InspectField;

/// Marks the wire format of request and response bodies ([MS-OXCMAPIHTTP] 2.2.4, 2.2.5). Properties have the names of
/// the address book.
#[derive(Debug, Clone, Copy)]
pub enum MapiHttp {}

impl Format for MapiHttp {
    type Context = ();
}

impl<T: InspectField> InspectAs<MapiHttp> for T {
    fn node_as(&self) -> Node {
        self.field_node()
    }
}
