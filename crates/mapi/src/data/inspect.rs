//! Implements [`Inspect`] for the structures of this module.

use super::entry_id::EntryId;
use super::id::{ChangeNumber, FolderId, Gid, GlobalCounter, LongTermId, MessageId};
use super::named::PropertyName;
use super::problem::{PropertyProblem, PropertyProblemArray};
use super::recipient::{RecipientFlags, RecipientRow};
use super::rule::{ExtendedRuleActions, ExtendedRuleCondition};
use super::server_id::ServerId;
use super::sort::{Order, SortOrder, SortOrderSet};
use super::text::{Text, TypedString};
use super::xid::{PredecessorChangeList, SizedXid, Xid};
use crate::blob::entry_id_or_bytes;
use crate::inspect::{Inspect, Node, inspect_named, string8};
use crate::property::value::{ActionBlock, ActionData, RecipientBlock, RuleAction};
use crate::property::{PropTag, PropertyList};

inspect_named!(Order, RecipientFlags);

macro_rules! inspect_as_text {
    ($($name:ty),* $(,)?) => {
        $(impl Inspect for $name {
            fn to_node(&self) -> Node {
                Node::Text(self.to_string())
            }
        })*
    };
}

inspect_as_text!(
    FolderId,
    MessageId,
    ChangeNumber,
    GlobalCounter,
    Gid,
    LongTermId,
    Xid,
    ServerId,
    PropertyName,
);

impl Inspect for Text {
    fn to_node(&self) -> Node {
        match self {
            Self::String8(text) => string8(text),
            Self::Unicode(text) => text.to_node(),
        }
    }
}

impl Inspect for EntryId {
    fn to_node(&self) -> Node {
        if let Self::OneOff(id) = self
            && let [Text::String8(name), Text::String8(kind), Text::String8(address)] =
                [&id.display_name, &id.address_type, &id.email_address]
        {
            return string8(&[name, &b" <"[..], kind, b":", address, b">"].concat());
        }
        Node::Text(self.to_string())
    }
}

impl Inspect for TypedString {
    fn to_node(&self) -> Node {
        match self {
            Self::String8(text) => string8(text),
            _ => self.to_text().map_or(Node::Nothing, Node::Text),
        }
    }
}

impl Inspect for SizedXid {
    fn to_node(&self) -> Node {
        self.0.to_node()
    }
}

impl Inspect for PredecessorChangeList {
    fn to_node(&self) -> Node {
        self.0.to_node()
    }
}

impl Inspect for SortOrder {
    fn to_node(&self) -> Node {
        Node::Fields(vec![("property".into(), self.tag.to_node()), ("order".into(), self.order.to_node())])
    }
}

impl Inspect for SortOrderSet {
    fn to_node(&self) -> Node {
        Node::Fields(vec![
            ("categorized_count".into(), self.categorized_count.to_node()),
            ("expanded_count".into(), self.expanded_count.to_node()),
            ("sort_orders".into(), self.sort_orders.to_node()),
        ])
    }
}

impl Inspect for PropertyProblem {
    fn to_node(&self) -> Node {
        Node::Fields(vec![
            ("index".into(), self.index.to_node()),
            ("property".into(), self.tag.to_node()),
            ("error_code".into(), self.error_code.to_node()),
        ])
    }
}

impl Inspect for PropertyProblemArray {
    fn to_node(&self) -> Node {
        self.0.to_node()
    }
}

impl Inspect for ActionBlock {
    fn to_node(&self) -> Node {
        let mut fields = vec![("action".into(), Node::Text(self.to_string()))];
        if self.flavor != 0 {
            fields.push(("flavor".into(), self.flavor.to_node()));
        }
        if self.flags != 0 {
            fields.push(("flags".into(), self.flags.to_node()));
        }
        match &self.data {
            ActionData::MoveCopy { store_eid, .. } if !store_eid.is_empty() => {
                fields.push(("store".into(), entry_id_or_bytes(store_eid)));
            }
            ActionData::Reply { template_guid, .. } | ActionData::ReplyByEntryId { template_guid, .. } => {
                fields.push(("template".into(), template_guid.to_node()));
            }
            ActionData::Recipients(blocks) => {
                let list = |block: &RecipientBlock| PropertyList(block.properties.clone()).to_node();
                fields.push(("recipients".into(), Node::List(blocks.iter().map(list).collect())));
            }
            ActionData::Defer(bytes) | ActionData::Opaque(bytes) => {
                fields.push(("data".into(), Node::Bytes(bytes.clone())));
            }
            ActionData::Tag(property) => fields.push(("property".into(), property.to_node())),
            _ => {}
        }
        Node::Fields(fields)
    }
}

impl Inspect for RuleAction {
    fn to_node(&self) -> Node {
        self.0.to_node()
    }
}

impl Inspect for ExtendedRuleActions {
    fn to_node(&self) -> Node {
        self.actions.to_node()
    }
}

impl Inspect for ExtendedRuleCondition {
    fn to_node(&self) -> Node {
        self.condition.to_node()
    }
}

impl Inspect for RecipientRow {
    fn to_node(&self) -> Node {
        self.node_with(&[])
    }
}

impl RecipientRow {
    /// The row as a node, with the names of the properties in `columns`.
    pub fn node_with(&self, columns: &[PropTag]) -> Node {
        let mut fields = vec![("flags".into(), self.flags.to_node())];
        let mut add = |name: &'static str, value: Option<Node>| {
            fields.extend(value.map(|value| (name.into(), value)));
        };
        add("x500_dn", self.x500_dn.as_ref().map(|x500| string8(&x500.dn)));
        add("entry_id", self.entry_id.as_ref().map(|bytes| EntryId::parse(bytes).to_node()));
        add("search_key", self.search_key.as_ref().map(|bytes| Node::Bytes(bytes.clone())));
        add("address_type", Some(Node::Text(self.address_type_name())));
        add("email_address", self.email_address.as_ref().map(Inspect::to_node));
        add("display_name", self.display_name.as_ref().map(Inspect::to_node));
        add("simple_display_name", self.simple_display_name.as_ref().map(Inspect::to_node));
        add("transmittable_display_name", self.transmittable_display_name.as_ref().map(Inspect::to_node));
        let properties = match columns.get(..usize::from(self.column_count)) {
            Some(columns) => self.properties.node_with(columns),
            None => self.properties.to_node(),
        };
        add("properties", (!self.properties.is_empty()).then_some(properties));
        Node::Fields(fields)
    }
}
