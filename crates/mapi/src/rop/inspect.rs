//! Conversion of the fields of ROPs to nodes. Identifiers and texts that are bytes or numbers in the ROP are decoded.

use std::borrow::Cow;

use wire::Decode as _;

use crate::blob;
use crate::data::{FolderId, PredecessorChangeList, Xid};
use crate::inspect::{Inspect, Node, string8};

/// The fields of a ROP. A field without a name is replaced by the fields of its value.
pub(crate) fn flattened(fields: Vec<(Cow<'static, str>, Node)>) -> Node {
    let mut flat = Vec::with_capacity(fields.len());
    for (name, node) in fields {
        match node {
            Node::Fields(inner) if name.is_empty() => flat.extend(inner),
            Node::Nothing if name.is_empty() => {}
            node => {
                let node = decode_by_name(&name, &node).unwrap_or(node);
                flat.push((name, node));
            }
        }
    }
    Node::Fields(flat)
}

/// Decodes the identifiers and texts in fields that are bytes or numbers, by the name of the field.
fn decode_by_name(name: &str, node: &Node) -> Option<Node> {
    match (name, node) {
        ("Essdn" | "ServerName", Node::Bytes(text)) => {
            Some(string8(text.split(|byte| *byte == 0).next().unwrap_or_default()))
        }
        ("FolderIds", Node::List(ids)) => {
            let id = |id: &Node| match id {
                Node::Number(number) => FolderId(*number).to_node(),
                other => other.clone(),
            };
            Some(Node::List(ids.iter().map(id).collect()))
        }
        ("ServerEntryId" | "ClientEntryId", Node::Bytes(id)) => blob::entry_id(id),
        (
            "SourceFolderId" | "SourceMessageId" | "DestinationMessageId" | "MessageId" | "ChangeNumber",
            Node::Bytes(id),
        ) => Xid::from_bytes(id).ok().map(|id| id.to_node()),
        ("PredecessorChangeList", Node::Bytes(list)) => {
            PredecessorChangeList::from_bytes(list).ok().map(|list| list.to_node())
        }
        _ => None,
    }
}
