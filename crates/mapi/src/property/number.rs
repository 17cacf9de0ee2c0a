//! Integer properties that are object ids.

use crate::data::id::FolderId;
use crate::inspect::{Inspect, Node};

/// The id that the number of the property `name` is, as ROPs show it; none for another number.
pub fn id_of(name: &str, number: i64) -> Option<Node> {
    let is_id = matches!(
        name,
        "PidTagFolderId" | "PidTagParentFolderId" | "PidTagMid" | "PidTagInstID" | "PidTagChangeNumber"
    );
    is_id.then(|| FolderId(number.cast_unsigned()).to_node())
}
