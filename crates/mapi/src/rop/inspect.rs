//! How the fields of a ROP are shown: ids and texts that are bytes or numbers in it by what they mean.

use std::borrow::Cow;

use wire::Decode as _;

use crate::blob;
use crate::data::{FolderId, PredecessorChangeList, Xid};
use crate::inspect::{Inspect, Node, string8};

/// The fields, with those of a part that has no name in the place of that part.
pub(crate) fn flattened(fields: Vec<(Cow<'static, str>, Node)>) -> Node {
    let mut flat = Vec::with_capacity(fields.len());
    for (name, shown) in fields {
        match shown {
            Node::Fields(inner) if name.is_empty() => flat.extend(inner),
            Node::Nothing if name.is_empty() => {}
            shown => {
                let shown = by_name(&name, &shown).unwrap_or(shown);
                flat.push((name, shown));
            }
        }
    }
    Node::Fields(flat)
}

/// What a field means that is no more than bytes or numbers as it lies in its ROP: ids as they are shown
/// everywhere, names as texts.
fn by_name(name: &str, shown: &Node) -> Option<Node> {
    match (name, shown) {
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
