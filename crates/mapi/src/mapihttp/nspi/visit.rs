//! Visits all property values and texts of a request or a response.

use super::{ColumnsAndRows, Request, Response};
use crate::nspi::{PermanentEntryId, Text, TextKind};
use crate::property::{FlaggedValue, PropTag, PropertyList, PropertyRow, PropertyValue, Restriction};

/// A function that is called for each value with the tag of its property.
type VisitValue<'f> = &'f mut dyn FnMut(PropTag, &mut PropertyValue);

impl PropertyValue {
    /// Calls `visit` for each text in the value of the property `tag`, and for each distinguished name in its permanent
    /// entry ids.
    pub fn visit_texts_mut(&mut self, tag: PropTag, visit: &mut dyn FnMut(TextKind, Text<'_>)) {
        let kind = TextKind::Value(tag);
        match self {
            Self::String8(text) => visit(kind, Text::Char(text)),
            Self::Unicode(text) => visit(kind, Text::Wide(text)),
            Self::Binary(bytes) => PermanentEntryId::visit_name_in(bytes, tag, visit),
            Self::MultipleString8(texts) => texts.iter_mut().for_each(|text| visit(kind, Text::Char(text))),
            Self::MultipleUnicode(texts) => texts.iter_mut().for_each(|text| visit(kind, Text::Wide(text))),
            Self::MultipleBinary(values) => {
                for bytes in values {
                    PermanentEntryId::visit_name_in(bytes, tag, visit);
                }
            }
            Self::PartlyAbsent { values, .. } => values.visit_texts_mut(tag, visit),
            Self::Typed(typed) => typed.value.visit_texts_mut(tag, visit),
            _ => {}
        }
    }
}

fn visit_list(list: &mut PropertyList, visit: VisitValue<'_>) {
    list.0.iter_mut().for_each(|property| visit(property.tag, &mut property.value));
}

fn visit_restriction(restriction: &mut Restriction, visit: VisitValue<'_>) {
    match restriction {
        Restriction::Content { value, .. } | Restriction::Property { value, .. } => {
            visit(value.tag, &mut value.value);
        }
        Restriction::And(list) | Restriction::Or(list) => {
            for one in list {
                visit_restriction(one, visit);
            }
        }
        Restriction::Not(inner)
        | Restriction::SubObject { restriction: inner, .. }
        | Restriction::Count { restriction: inner, .. } => visit_restriction(inner, visit),
        Restriction::Comment { values, restriction } => {
            for value in values {
                visit(value.tag, &mut value.value);
            }
            if let Some(inner) = restriction {
                visit_restriction(inner, visit);
            }
        }
        _ => {}
    }
}

impl ColumnsAndRows {
    /// Calls `visit` for each present value, row by row.
    pub fn visit_values_mut(&mut self, visit: &mut dyn FnMut(PropTag, &mut PropertyValue)) {
        for row in &mut self.rows {
            match row {
                PropertyRow::Standard(values) => {
                    self.columns.iter().zip(values).for_each(|(tag, value)| visit(*tag, value));
                }
                PropertyRow::Flagged(values) => {
                    for (tag, value) in self.columns.iter().zip(values) {
                        if let FlaggedValue::Value(value) = value {
                            visit(*tag, value);
                        }
                    }
                }
            }
        }
    }
}

impl Request {
    /// Calls `visit` for each property value: in lists, in restrictions, and the target of `SeekEntries`.
    pub fn visit_values_mut(&mut self, visit: &mut dyn FnMut(PropTag, &mut PropertyValue)) {
        match self {
            Self::SeekEntries(request) => {
                if let Some(target) = request.target.get_mut() {
                    visit(target.tag, &mut target.value);
                }
            }
            Self::GetMatches(request) => {
                if let Some(filter) = request.filter.get_mut() {
                    visit_restriction(&mut filter.restriction, visit);
                }
            }
            Self::ModProps(request) => {
                if let Some(values) = request.values.get_mut() {
                    visit_list(values, visit);
                }
            }
            _ => {}
        }
    }

    /// Calls `visit` for each text: in property values, in lists of names, and in entry ids.
    pub fn visit_texts_mut(&mut self, visit: &mut dyn FnMut(TextKind, Text<'_>)) {
        match self {
            Self::DNToMId(request) => {
                for name in request.names.get_mut().into_iter().flat_map(|names| &mut names.names) {
                    visit(TextKind::DistinguishedName, Text::Char(&mut name.0));
                }
            }
            Self::ResolveNames(request) => {
                for name in request.names.get_mut().into_iter().flat_map(|names| &mut names.names) {
                    visit(TextKind::Name, Text::Wide(name));
                }
            }
            Self::GetTemplateInfo(request) => {
                if let Some(dn) = request.template_dn.get_mut() {
                    visit(TextKind::Template, Text::Char(&mut dn.0));
                }
            }
            Self::ModLinkAtt(request) => {
                for entry_id in request.entry_ids.get_mut().into_iter().flat_map(|ids| &mut ids.ids) {
                    PermanentEntryId::visit_name_in(entry_id, request.prop_tag, visit);
                }
            }
            Self::GetMailboxUrl(request) => {
                visit(TextKind::DistinguishedName, Text::Wide(&mut request.server_dn.name));
            }
            Self::GetAddressBookUrl(request) => {
                visit(TextKind::DistinguishedName, Text::Wide(&mut request.user_dn.name));
            }
            other => other.visit_values_mut(&mut |tag, value| value.visit_texts_mut(tag, visit)),
        }
    }
}

impl Response {
    fn table_mut(&mut self) -> Option<&mut ColumnsAndRows> {
        match self {
            Self::QueryRows(response) => response.get_mut()?.rows.get_mut(),
            Self::SeekEntries(response) => response.get_mut()?.rows.get_mut(),
            Self::GetMatches(response) => response.get_mut()?.rows.get_mut(),
            Self::ResolveNames(response) => response.get_mut()?.rows.get_mut(),
            _ => None,
        }
    }

    /// Calls `visit` for each present property value.
    pub fn visit_values_mut(&mut self, visit: &mut dyn FnMut(PropTag, &mut PropertyValue)) {
        match self {
            Self::GetProps(response) => {
                if let Some(values) = response.get_mut().and_then(|response| response.values.get_mut()) {
                    visit_list(values, visit);
                }
            }
            Self::GetTemplateInfo(response) => {
                if let Some(row) = response.get_mut().and_then(|response| response.row.get_mut()) {
                    visit_list(row, visit);
                }
            }
            Self::GetSpecialTable(response) => {
                let rows = response.get_mut().and_then(|response| response.rows.get_mut());
                rows.into_iter().flatten().for_each(|row| visit_list(row, visit));
            }
            other => {
                if let Some(table) = other.table_mut() {
                    table.visit_values_mut(visit);
                }
            }
        }
    }

    /// Calls `visit` for each text: in property values, in their entry ids, and the URLs of servers.
    pub fn visit_texts_mut(&mut self, visit: &mut dyn FnMut(TextKind, Text<'_>)) {
        match self {
            Self::GetMailboxUrl(response) => {
                if let Some(response) = response.get_mut() {
                    visit(TextKind::Url, Text::Wide(&mut response.server_url));
                }
            }
            Self::GetAddressBookUrl(response) => {
                if let Some(response) = response.get_mut() {
                    visit(TextKind::Url, Text::Wide(&mut response.server_url));
                }
            }
            other => other.visit_values_mut(&mut |tag, value| value.visit_texts_mut(tag, visit)),
        }
    }
}
