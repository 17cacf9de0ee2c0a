//! Implements [`Inspect`] for the structures of this module.

use std::borrow::Cow;

use super::entry_id::EntryId;
use super::id::{ChangeNumber, FolderId, Gid, GlobalCounter, LongTermId, MessageId};
use super::named::{NamedPropertyInformation, PropertyName};
use super::problem::{PropertyProblem, PropertyProblemArray};
use super::recipient::{RecipientFlags, RecipientRow};
use super::rule::{ExtendedRuleActions, ExtendedRuleCondition};
use super::server_id::ServerId;
use super::sort::{Order, SortOrder, SortOrderSet};
use super::text::{Text, TypedString};
use super::xid::{PredecessorChangeList, SizedXid, Xid};
use crate::blob::entry_id_or_bytes;
use crate::inspect::{Inspect, Node, inspect_named, string8};
use crate::property::inspect::meaning_within;
use crate::property::restriction_display::{PropertyTerms, store_name_or_hex};
use crate::property::value::{ActionBlock, ActionData, RecipientBlock, RuleAction};
use crate::property::{PropTag, PropertyValue, TaggedValue};

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
        let texts = self.texts();
        // Each text is decoded in the code page of the session, or shown as its own bytes.
        if texts.iter().all(|(_, text)| matches!(text, Node::Text(_))) {
            return Node::Text(self.to_string());
        }
        Node::Fields(texts.into_iter().map(|(name, text)| (name.into(), text)).collect())
    }
}

impl EntryId {
    /// The texts of an entry id, with their names in [MS-OXCDATA] 2.2.
    fn texts(&self) -> Vec<(&'static str, Node)> {
        match self {
            Self::OneOff(id) => vec![
                ("display_name", id.display_name.to_node()),
                ("address_type", id.address_type.to_node()),
                ("email_address", id.email_address.to_node()),
            ],
            Self::AddressBook(id) => vec![("x500_dn", string8(&id.distinguished_name))],
            Self::Store(id) => match &id.mailbox_dn {
                Some(dn) => vec![("mailbox_dn", string8(dn))],
                None => vec![("server_shortname", string8(&id.server_shortname))],
            },
            _ => Vec::new(),
        }
    }
}

impl Inspect for TypedString {
    fn to_node(&self) -> Node {
        match self {
            Self::String8(text) => string8(text),
            Self::Unicode(text) => text.to_node(),
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
        // The property that `OP_TAG` sets is a node of its own.
        let action = match &self.data {
            ActionData::Tag(_) => self.action_type.to_string(),
            _ => self.to_string(),
        };
        let mut fields = vec![("action".into(), Node::Text(action))];
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
                let list = |block: &RecipientBlock| {
                    Node::Fields(block.properties.iter().map(TaggedValue::node_within).collect())
                };
                fields.push(("recipients".into(), Node::List(blocks.iter().map(list).collect())));
            }
            ActionData::Defer(bytes) | ActionData::Opaque(bytes) => {
                fields.push(("data".into(), Node::Bytes(bytes.clone())));
            }
            ActionData::Tag(property) => {
                fields.push(("property".into(), Node::Fields(vec![property.node_within()])));
            }
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
        with_names(self.actions.to_node(), &self.named_properties)
    }
}

impl Inspect for ExtendedRuleCondition {
    fn to_node(&self) -> Node {
        with_names(self.condition.to_node(), &self.named_properties)
    }
}

/// The names that an extended rule states.
struct RuleTerms<'a>(&'a NamedPropertyInformation);

impl RuleTerms<'_> {
    fn stated(&self, tag: PropTag) -> Option<String> {
        self.0.0.iter().find(|(id, _)| *id == tag.id()).map(|(_, name)| name.known_name())
    }
}

impl PropertyTerms for RuleTerms<'_> {
    fn name(&self, tag: PropTag) -> Cow<'static, str> {
        self.stated(tag).map_or_else(|| store_name_or_hex(tag), Cow::Owned)
    }

    fn meaning(&self, tag: PropTag, value: &PropertyValue) -> Option<Node> {
        meaning_within(&self.name(tag), value)
    }
}

/// Gives the properties of an extended rule the names that the rule states, whose ids are not those of the session
/// ([MS-OXORULE] 2.2.4.2). If it states none, the session may know the names.
fn with_names(node: Node, names: &NamedPropertyInformation) -> Node {
    if names.0.is_empty() {
        return node;
    }
    let terms = RuleTerms(names);
    match node {
        Node::Condition(condition) => Node::Text(format!("{:#}", condition.display_with(&terms))),
        Node::List(items) => Node::List(items.into_iter().map(|item| with_names(item, names)).collect()),
        Node::Fields(fields) => {
            let field = |(name, value): (Cow<'static, str>, Node)| {
                let digits = name.strip_prefix("0x").filter(|digits| digits.len() == 8);
                let tag = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).map(PropTag);
                let named =
                    tag.and_then(|tag| terms.stated(tag)).map(|known| format!("{known} ({name})").into());
                (named.unwrap_or(name), with_names(value, names))
            };
            Node::Fields(fields.into_iter().map(field).collect())
        }
        other => other,
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
