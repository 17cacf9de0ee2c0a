//! Entry ids within other structures.

use crate::data::EntryId;
use crate::inspect::{Inspect, Node};

/// What an entry id stands for; none where that is not known.
pub(crate) fn entry_id(bytes: &[u8]) -> Option<Node> {
    match EntryId::parse(bytes) {
        EntryId::Unknown(_) => None,
        known => Some(known.to_node()),
    }
}

/// What an entry id stands for, or its bytes.
pub(crate) fn entry_id_or_bytes(bytes: &[u8]) -> Node {
    entry_id(bytes).unwrap_or_else(|| Node::Bytes(bytes.to_vec()))
}
