//! ROPs: what a client asks of a mailbox store, and what it is answered ([MS-OXCROPS]).
//!
//! A ROP carries no length of its own: where one ends is known only to who can decode it. [`RopRequests`]
//! decodes as many as it can, and keeps what follows as bytes. A response is decoded with what its request and
//! its object say ([`ResponseContext`]).
//!
//! [`RequestBody`] and [`ResponseBody`] have a variant for each ROP. The families are in files of their own.

mod field;
mod macros;
mod registry;
mod request;
mod response;
mod responses;

pub mod attachment;
pub mod fast_transfer;
pub mod folder;
pub mod logon;
pub mod logon_store;
pub mod message;
pub mod named_property;
pub mod notification;
pub mod permission;
pub mod property;
pub mod recipient;
pub mod rule;
pub mod shared;
pub mod stream;
pub mod sync;
pub mod table;
pub mod transport;
pub mod unsolicited;

use std::borrow::Cow;

use wire::Decode as _;

use wire::{Reader, Result, Writer};

use crate::blob;
use crate::data::{FolderId, PredecessorChangeList, Xid};
use crate::inspect::{Inspect, Node, string8};

pub use self::field::{
    AsciiZ, Bool, Bytes8, Bytes16, Bytes32, DestHandleIndex, Field, FieldBy, HandleRole, InputHandleIndex,
    List8, List16, List32, OutputHandleIndex,
};
#[allow(unused_imports, reason = "families take what they need")]
pub(crate) use self::field::{newtype_field, rop_enum, rop_flags, scalar_field, too_long, write_optional};
pub(crate) use self::macros::{plain_response, rop_response, rop_struct, rops};
pub use self::registry::{RequestBody, ResponseBody, RopId};
pub use self::request::{Logons, OverlaidLogons, RequestContext, RopRequest, RopRequests};
pub use self::response::{ResponseContext, ResponseFields, RopReply, RopResponse};
pub use self::responses::{Answer, Answers, ColumnChange, Columns, RopResponses, Turn, add_columns};
pub use self::stream::SizeOrSentinel;

/// Nothing: what a ROP has that has no fields of its own here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Empty;

impl Inspect for Empty {
    fn to_node(&self) -> Node {
        Node::Fields(Vec::new())
    }
}

impl Field for Empty {
    fn read(_r: &mut Reader<'_>, _field: &'static str) -> Result<Self> {
        Ok(Self)
    }

    fn write(&self, _w: &mut Writer, _field: &'static str) -> Result<()> {
        Ok(())
    }
}

plain_response!(Empty as "ROP");

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
