//! How these structures are shown.

use super::{
    ActionBlock, ActionData, ChangeNumber, EntryId, ExtendedRuleActions, ExtendedRuleCondition, FolderId,
    Gid, GlobalCounter, LongTermId, MessageId, Order, PredecessorChangeList, PropertyName, PropertyProblem,
    PropertyProblemArray, RecipientFlags, RecipientRow, RuleAction, ServerId, SizedXid, SortOrder,
    SortOrderSet, Text, TypedString, Xid,
};
use crate::property::PropTag;
use crate::show::{Show, Shown, show_named};

show_named!(Order, RecipientFlags);

macro_rules! show_text {
    ($($name:ty),* $(,)?) => {
        $(impl Show for $name {
            fn show(&self) -> Shown {
                Shown::Text(self.to_string())
            }
        })*
    };
}

show_text!(
    FolderId,
    MessageId,
    ChangeNumber,
    GlobalCounter,
    Gid,
    LongTermId,
    Xid,
    ServerId,
    EntryId,
    PropertyName,
    Text,
);

impl Show for TypedString {
    fn show(&self) -> Shown {
        self.to_text().map_or(Shown::Nothing, Shown::Text)
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
            ActionData::Recipients(blocks) => {
                let lists = blocks.iter().map(|block| block.properties.show()).collect();
                fields.push(("recipients".into(), Shown::List(lists)));
            }
            ActionData::Defer(bytes) | ActionData::Opaque(bytes) => {
                fields.push(("data".into(), Shown::Bytes(bytes.clone())));
            }
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
        let text8 = |text: &Vec<u8>| Shown::Text(String::from_utf8_lossy(text).into_owned());
        add("x500_dn", self.x500_dn.as_ref().map(|x500| text8(&x500.dn)));
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
