//! How these structures are shown.

use super::{
    ActionBlock, ActionData, ChangeNumber, EntryId, ExtendedRuleActions, ExtendedRuleCondition, FolderId,
    Gid, GlobalCounter, LongTermId, MessageId, Order, PredecessorChangeList, PropertyName, PropertyProblem,
    PropertyProblemArray, RecipientBlock, RecipientFlags, RecipientRow, RuleAction, ServerId, SizedXid,
    SortOrder, SortOrderSet, Text, TypedString, Xid,
};
use crate::blob::entry_id_or_bytes;
use crate::inspect::{Show, Shown, inspect_named, string8};
use crate::property::{PropTag, PropertyList};

inspect_named!(Order, RecipientFlags);

macro_rules! show_text {
    ($($name:ty),* $(,)?) => {
        $(impl Show for $name {
            fn show(&self) -> Shown {
                Shown::Text(self.to_string())
            }
        })*
    };
}

show_text!(FolderId, MessageId, ChangeNumber, GlobalCounter, Gid, LongTermId, Xid, ServerId, PropertyName,);

impl Show for Text {
    fn show(&self) -> Shown {
        match self {
            Self::String8(text) => string8(text),
            Self::Unicode(text) => text.show(),
        }
    }
}

impl Show for EntryId {
    fn show(&self) -> Shown {
        if let Self::OneOff(id) = self
            && let [Text::String8(name), Text::String8(kind), Text::String8(address)] =
                [&id.display_name, &id.address_type, &id.email_address]
        {
            return string8(&[name, &b" <"[..], kind, b":", address, b">"].concat());
        }
        Shown::Text(self.to_string())
    }
}

impl Show for TypedString {
    fn show(&self) -> Shown {
        match self {
            Self::String8(text) => string8(text),
            _ => self.to_text().map_or(Shown::Nothing, Shown::Text),
        }
    }
}

impl Show for SizedXid {
    fn show(&self) -> Shown {
        self.0.show()
    }
}

impl Show for PredecessorChangeList {
    fn show(&self) -> Shown {
        self.0.show()
    }
}

impl Show for SortOrder {
    fn show(&self) -> Shown {
        Shown::Fields(vec![("property".into(), self.tag.show()), ("order".into(), self.order.show())])
    }
}

impl Show for SortOrderSet {
    fn show(&self) -> Shown {
        Shown::Fields(vec![
            ("categorized_count".into(), self.categorized_count.show()),
            ("expanded_count".into(), self.expanded_count.show()),
            ("sort_orders".into(), self.sort_orders.show()),
        ])
    }
}

impl Show for PropertyProblem {
    fn show(&self) -> Shown {
        Shown::Fields(vec![
            ("index".into(), self.index.show()),
            ("property".into(), self.tag.show()),
            ("error_code".into(), self.error_code.show()),
        ])
    }
}

impl Show for PropertyProblemArray {
    fn show(&self) -> Shown {
        self.0.show()
    }
}

impl Show for ActionBlock {
    fn show(&self) -> Shown {
        let mut fields = vec![("action".into(), Shown::Text(self.to_string()))];
        if self.flavor != 0 {
            fields.push(("flavor".into(), self.flavor.show()));
        }
        if self.flags != 0 {
            fields.push(("flags".into(), self.flags.show()));
        }
        match &self.data {
            ActionData::MoveCopy { store_eid, .. } if !store_eid.is_empty() => {
                fields.push(("store".into(), entry_id_or_bytes(store_eid)));
            }
            ActionData::Reply { template_guid, .. } | ActionData::ReplyByEntryId { template_guid, .. } => {
                fields.push(("template".into(), template_guid.show()));
            }
            ActionData::Recipients(blocks) => {
                let list = |block: &RecipientBlock| PropertyList(block.properties.clone()).show();
                fields.push(("recipients".into(), Shown::List(blocks.iter().map(list).collect())));
            }
            ActionData::Defer(bytes) | ActionData::Opaque(bytes) => {
                fields.push(("data".into(), Shown::Bytes(bytes.clone())));
            }
            ActionData::Tag(property) => fields.push(("property".into(), property.show())),
            _ => {}
        }
        Shown::Fields(fields)
    }
}

impl Show for RuleAction {
    fn show(&self) -> Shown {
        self.0.show()
    }
}

impl Show for ExtendedRuleActions {
    fn show(&self) -> Shown {
        self.actions.show()
    }
}

impl Show for ExtendedRuleCondition {
    fn show(&self) -> Shown {
        self.condition.show()
    }
}

impl Show for RecipientRow {
    fn show(&self) -> Shown {
        self.show_with(&[])
    }
}

impl RecipientRow {
    /// The row as it is shown where its columns are known.
    pub fn show_with(&self, columns: &[PropTag]) -> Shown {
        let mut fields = vec![("flags".into(), self.flags.show())];
        let mut add = |name: &'static str, value: Option<Shown>| {
            fields.extend(value.map(|value| (name.into(), value)));
        };
        add("x500_dn", self.x500_dn.as_ref().map(|x500| string8(&x500.dn)));
        add("entry_id", self.entry_id.as_ref().map(|bytes| EntryId::parse(bytes).show()));
        add("search_key", self.search_key.as_ref().map(|bytes| Shown::Bytes(bytes.clone())));
        add("address_type", Some(Shown::Text(self.address_type_name())));
        add("email_address", self.email_address.as_ref().map(Show::show));
        add("display_name", self.display_name.as_ref().map(Show::show));
        add("simple_display_name", self.simple_display_name.as_ref().map(Show::show));
        add("transmittable_display_name", self.transmittable_display_name.as_ref().map(Show::show));
        let properties = match columns.get(..usize::from(self.column_count)) {
            Some(columns) => self.properties.show_with(columns),
            None => self.properties.show(),
        };
        add("properties", (!self.properties.is_empty()).then_some(properties));
        Shown::Fields(fields)
    }
}
