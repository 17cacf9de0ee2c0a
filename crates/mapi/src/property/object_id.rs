//! Integer properties that are object ids.

use crate::data::id::FolderId;
use crate::inspect::{Inspect, Node};

/// The node of an integer property that is an object id, in the form that ROPs use. `None` if the property `name` has
/// other values.
pub fn object_id_node(name: &str, number: i64) -> Option<Node> {
    let is_id = matches!(
        name,
        "PidTagFolderId" | "PidTagParentFolderId" | "PidTagMid" | "PidTagInstID" | "PidTagChangeNumber"
    );
    is_id.then(|| FolderId(number.cast_unsigned()).to_node())
}
