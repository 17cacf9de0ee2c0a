//! Conversion of the fields of the address book's bodies to nodes.

use super::entry_ids::EntryIds;
use super::names::{Names, WideDn};
use super::response::CompareMIdsResponse;
use super::rows::{ColumnsAndRows, Filter, PropertyName};
use crate::inspect::field::{InspectField, list};
use crate::inspect::{Inspect, Node};
use crate::nspi::{address_book_property, entry_id};
use crate::property::PropertyRow;

impl<T: InspectField> InspectField for Names<T> {
    fn field_node(&self) -> Node {
        list(&self.names)
    }
}

impl InspectField for WideDn {
    fn field_node(&self) -> Node {
        self.name.field_node()
    }
}

impl InspectField for Filter {
    fn field_node(&self) -> Node {
        self.restriction.to_node()
    }
}

impl InspectField for ColumnsAndRows {
    fn field_node(&self) -> Node {
        let row = |row: &PropertyRow| {
            let fields = self.columns.iter().enumerate().take(row.len()).map(|(index, column)| {
                match (row.value(index), row) {
                    (Some(value), _) => address_book_property(*column, value),
                    (None, PropertyRow::Flagged(values)) => {
                        let node = values.get(index).map_or(Node::Nothing, Inspect::to_node);
                        (column.to_string().into(), node)
                    }
                    (None, PropertyRow::Standard(_)) => (column.to_string().into(), Node::Nothing),
                }
            });
            Node::Fields(fields.collect())
        };
        Node::List(self.rows.iter().map(row).collect())
    }
}

impl InspectField for PropertyName {
    fn field_node(&self) -> Node {
        Node::Fields(vec![("guid".into(), self.guid.to_node()), ("id".into(), self.id.to_node())])
    }
}

impl InspectField for EntryIds {
    fn field_node(&self) -> Node {
        Node::List(self.ids.iter().map(|id| entry_id(id)).collect())
    }
}

impl Inspect for CompareMIdsResponse {
    fn to_node(&self) -> Node {
        Node::Fields(vec![
            ("ErrorCode".into(), self.error_code.to_node()),
            ("Result".into(), self.result.to_node()),
            ("AuxiliaryBuffer".into(), self.aux.field_node()),
        ])
    }
}
