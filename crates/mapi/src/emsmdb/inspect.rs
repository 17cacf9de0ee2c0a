//! Conversion of the fields of EMSMDB calls to nodes.

use super::bytes::{InBytes, OutBytes, ShortInBytes, Words};
use super::execute::RpcFlags;
use super::version::Version;
use crate::inspect::Node;
use crate::inspect::field::{InspectField, bytes, inspect_field_by_name, list};

inspect_field_by_name!(RpcFlags);

impl InspectField for InBytes {
    fn field_node(&self) -> Node {
        bytes(&self.0)
    }
}

impl InspectField for ShortInBytes {
    fn field_node(&self) -> Node {
        bytes(&self.0)
    }
}

impl InspectField for OutBytes {
    fn field_node(&self) -> Node {
        bytes(self.as_slice())
    }
}

impl InspectField for Words {
    fn field_node(&self) -> Node {
        list(&self.0)
    }
}

impl InspectField for Version {
    fn field_node(&self) -> Node {
        Node::Text(self.to_string())
    }
}
