//! The fields of EMSMDB's calls as nodes.

use super::bytes::{InBytes, OutBytes, ShortInBytes, Words};
use super::execute::RpcFlags;
use super::version::Version;
use crate::inspect::Node;
use crate::inspect::part::{InspectPart, bytes, inspect_part_by_name, list};

inspect_part_by_name!(RpcFlags);

impl InspectPart for InBytes {
    fn part_node(&self) -> Node {
        bytes(&self.0)
    }
}

impl InspectPart for ShortInBytes {
    fn part_node(&self) -> Node {
        bytes(&self.0)
    }
}

impl InspectPart for OutBytes {
    fn part_node(&self) -> Node {
        bytes(self.as_slice())
    }
}

impl InspectPart for Words {
    fn part_node(&self) -> Node {
        list(&self.0)
    }
}

impl InspectPart for Version {
    fn part_node(&self) -> Node {
        Node::Text(self.to_string())
    }
}
