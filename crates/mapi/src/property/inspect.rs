//! Implementations of [`Inspect`] for values, rows and restrictions.

use std::borrow::Cow;

use super::list::{LargePropertyTagArray, PropertyList, PropertyTagArray};
use super::object_id::object_id_node;
use super::row::{FlaggedValue, PropertyRow};
use super::tag::{PropTag, PropType};
use super::value::{PropertyValue, Restriction, TaggedValue, TypedValue};
use crate::blob;
use crate::inspect::{Inspect, Node, inspect_named, string8};

inspect_named!(PropType, PropTag);

/// A list of the nodes that `to_node` returns for `values`.
fn list<T>(values: &[T], to_node: impl FnMut(&T) -> Node) -> Node {
    Node::List(values.iter().map(to_node).collect())
}

impl Inspect for PropertyValue {
    fn to_node(&self) -> Node {
        match self {
            Self::Absent(_) => Node::Nothing,
            Self::Integer16(value) => value.to_node(),
            Self::Integer32(value) => value.to_node(),
            Self::Integer64(value) | Self::Currency(value) => value.to_node(),
            Self::Floating32(value) => Node::Float(f64::from(*value)),
            Self::Floating64(value) | Self::FloatingTime(value) => Node::Float(*value),
            Self::Boolean(value) => Node::Boolean(*value),
            Self::RawBoolean(value) => value.to_node(),
            Self::Error(code) => code.to_node(),
            Self::String8(text) => string8(text),
            Self::Unicode(text) => text.to_node(),
            Self::Time(time) => time.to_node(),
            Self::ServerId(_) => Node::Text(self.to_string()),
            Self::Restriction(condition) => condition.to_node(),
            Self::RuleAction(actions) => actions.to_node(),
            Self::Guid(value) => value.to_node(),
            Self::Binary(bytes) | Self::Object(bytes) => Node::Bytes(bytes.clone()),
            Self::MultipleInteger16(values) => values.to_node(),
            Self::MultipleInteger32(values) => values.to_node(),
            Self::MultipleInteger64(values) | Self::MultipleCurrency(values) => values.to_node(),
            Self::MultipleFloating32(values) => list(values, |value| Node::Float(f64::from(*value))),
            Self::MultipleFloating64(values) | Self::MultipleFloatingTime(values) => {
                list(values, |value| Node::Float(*value))
            }
            Self::MultipleString8(texts) => list(texts, |text| string8(text)),
            Self::MultipleUnicode(texts) => texts.to_node(),
            Self::MultipleTime(times) => times.to_node(),
            Self::MultipleGuid(values) => values.to_node(),
            Self::MultipleBinary(values) => list(values, |bytes| Node::Bytes(bytes.clone())),
            Self::PartlyAbsent { values, absent } => match values.to_node() {
                Node::List(mut nodes) => {
                    for index in absent {
                        let node = usize::try_from(*index).ok().and_then(|index| nodes.get_mut(index));
                        if let Some(node) = node {
                            *node = Node::Nothing;
                        }
                    }
                    Node::List(nodes)
                }
                other => other,
            },
            Self::Typed(typed) => typed.value.to_node(),
        }
    }
}

impl Inspect for TypedValue {
    fn to_node(&self) -> Node {
        self.value.to_node()
    }
}

/// Decodes the value of the property that [MS-OXPROPS] calls `name`, if it is an object id or a binary value of a known
/// structure. Returns `None` for other values.
pub(super) fn meaning(name: &str, value: &PropertyValue) -> Option<Node> {
    match value.untyped() {
        PropertyValue::Integer64(id) => object_id_node(name, *id),
        PropertyValue::Binary(bytes) => blob::meaning(name, bytes),
        PropertyValue::MultipleBinary(values) => {
            let items: Vec<_> = values.iter().map(|bytes| blob::item_meaning(name, bytes)).collect();
            let item = |(known, bytes): (Option<Node>, &Vec<u8>)| {
                known.unwrap_or_else(|| Node::Bytes(bytes.clone()))
            };
            items
                .iter()
                .any(Option::is_some)
                .then(|| Node::List(items.into_iter().zip(values).map(item).collect()))
        }
        _ => None,
    }
}

/// Decodes a value as `meaning` does, but returns `None` for structures that contain other properties, which limits
/// the depth: for values within a restriction or an action.
pub fn meaning_within(name: &str, value: &PropertyValue) -> Option<Node> {
    if blob::contains_properties(name) { None } else { meaning(name, value) }
}

/// The node of a property in a mailbox: object ids and structured binary values are decoded.
fn store_node(tag: PropTag, value: &PropertyValue) -> Node {
    tag.store_name().and_then(|name| meaning(name, value)).unwrap_or_else(|| value.to_node())
}

impl TaggedValue {
    /// The node of a property within an action, with [`meaning_within`].
    pub(crate) fn node_within(&self) -> (Cow<'static, str>, Node) {
        let known = self.tag.store_name().and_then(|name| meaning_within(name, &self.value));
        (self.tag.in_store().to_string().into(), known.unwrap_or_else(|| self.value.to_node()))
    }

    fn named(&self) -> (Cow<'static, str>, Node) {
        (self.tag.in_store().to_string().into(), store_node(self.tag, &self.value))
    }
}

impl Inspect for TaggedValue {
    fn to_node(&self) -> Node {
        Node::Fields(vec![self.named()])
    }
}

impl Inspect for PropertyList {
    fn to_node(&self) -> Node {
        Node::Fields(self.0.iter().map(TaggedValue::named).collect())
    }
}

impl Inspect for FlaggedValue {
    fn to_node(&self) -> Node {
        match self {
            Self::Value(value) => value.to_node(),
            Self::Absent(_) => Node::Nothing,
            Self::Error(_, code) => Node::Fields(vec![("error".into(), code.to_node())]),
        }
    }
}

impl Inspect for PropertyRow {
    fn to_node(&self) -> Node {
        match self {
            Self::Standard(values) => values.to_node(),
            Self::Flagged(values) => values.to_node(),
        }
    }
}

impl PropertyRow {
    /// The node of the row, with its values by the names that their columns have in a mailbox.
    pub fn node_with(&self, columns: &[PropTag]) -> Node {
        let indexed = columns.iter().enumerate().take(self.len());
        let fields = indexed.map(|(index, column)| {
            let node = match (self.value(index), self) {
                (Some(value), _) => store_node(*column, value),
                (None, Self::Flagged(values)) => values.get(index).map_or(Node::Nothing, Inspect::to_node),
                (None, Self::Standard(_)) => Node::Nothing,
            };
            (column.in_store().to_string().into(), node)
        });
        Node::Fields(fields.collect())
    }
}

impl Inspect for Restriction {
    fn to_node(&self) -> Node {
        Node::Condition(Box::new(self.clone()))
    }
}

impl Inspect for PropertyTagArray {
    fn to_node(&self) -> Node {
        self.0.to_node()
    }
}

impl Inspect for LargePropertyTagArray {
    fn to_node(&self) -> Node {
        self.0.to_node()
    }
}
