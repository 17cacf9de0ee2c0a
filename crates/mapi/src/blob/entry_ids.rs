//! Decodes entry ids within other structures.

use crate::data::EntryId;
use crate::inspect::{Inspect, Node};

/// Decodes an entry id; returns `None` if its kind is unknown.
pub(crate) fn entry_id(bytes: &[u8]) -> Option<Node> {
    match EntryId::parse(bytes) {
        EntryId::Unknown(_) => None,
        known => Some(known.to_node()),
    }
}

/// Decodes an entry id, or returns its bytes if its kind is unknown.
pub(crate) fn entry_id_or_bytes(bytes: &[u8]) -> Node {
    entry_id(bytes).unwrap_or_else(|| Node::Bytes(bytes.to_vec()))
}
