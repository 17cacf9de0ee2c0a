//! Visits all texts and entry ids of a request or a response.

use rpc::ndr::{CharString, ContextHandle, Ptr, SizedPtr, WcharString};
use wire::{Decode, Encode, Utf16};

use super::calls::{Request, Response};
use super::restriction::{Restriction, RestrictionUnion};
use super::value::{PropertyRow, PropertyRowSet, PropertyValue, Value};
use crate::data::PermanentEntryId;
use crate::property::PropTag;

/// The meaning of a text in a request or a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextKind {
    /// A value of this property, or one of its values.
    Value(PropTag),
    /// The distinguished name in a permanent entry id, which is a value of this property.
    EntryId(PropTag),
    /// A distinguished name that is to be mapped to an object.
    DistinguishedName,
    /// A name that is to be resolved.
    Name,
    /// The distinguished name of a template.
    Template,
    /// The URL of a server.
    Url,
    /// The host name of a server.
    Host,
}

/// A text that the visitor may change.
#[derive(Debug)]
pub enum Text<'a> {
    /// Bytes in the code page of the operation, without a terminator.
    Char(&'a mut Vec<u8>),
    /// UTF-16, without a terminator.
    Wide(&'a mut Utf16),
}

/// A function that is called for each text.
type VisitText<'f> = &'f mut dyn FnMut(TextKind, Text<'_>);

fn visit_char(string: &mut Ptr<CharString>, kind: TextKind, visit: VisitText<'_>) {
    if let Some(string) = string.get_mut() {
        visit(kind, Text::Char(&mut string.text));
    }
}

fn visit_wide(string: &mut Ptr<WcharString>, kind: TextKind, visit: VisitText<'_>) {
    if let Some(string) = string.get_mut() {
        visit(kind, Text::Wide(&mut string.text));
    }
}

fn visit_entry_id(bytes: &mut SizedPtr<u8>, tag: PropTag, visit: VisitText<'_>) {
    if let Some(bytes) = &mut bytes.items {
        PermanentEntryId::visit_name_in(bytes, tag, visit);
    }
}

impl PermanentEntryId {
    /// Visits the distinguished name in `bytes`, a value of the property `tag`, if they are a permanent entry id.
    pub(crate) fn visit_name_in(bytes: &mut Vec<u8>, tag: PropTag, visit: VisitText<'_>) {
        let Ok(mut entry_id) = Self::from_bytes(bytes) else { return };
        let before = entry_id.distinguished_name.clone();
        visit(TextKind::EntryId(tag), Text::Char(&mut entry_id.distinguished_name));
        if entry_id.distinguished_name != before
            && let Ok(encoded) = entry_id.to_bytes()
        {
            *bytes = encoded;
        }
    }
}

impl PropertyValue {
    /// Calls `visit` for each text in the value, and for each distinguished name in its permanent entry ids.
    pub fn visit_texts_mut(&mut self, visit: &mut dyn FnMut(TextKind, Text<'_>)) {
        let kind = TextKind::Value(self.tag);
        match &mut self.value {
            Value::String8(string) => visit_char(string, kind, visit),
            Value::Unicode(string) => visit_wide(string, kind, visit),
            Value::Binary(bytes) => visit_entry_id(bytes, self.tag, visit),
            Value::MultipleString8(strings) => {
                strings.as_mut_slice().iter_mut().for_each(|string| visit_char(string, kind, visit));
            }
            Value::MultipleUnicode(strings) => {
                strings.as_mut_slice().iter_mut().for_each(|string| visit_wide(string, kind, visit));
            }
            Value::MultipleBinary(values) => {
                values.as_mut_slice().iter_mut().for_each(|bytes| visit_entry_id(bytes, self.tag, visit));
            }
            _ => {}
        }
    }
}

impl Restriction {
    /// Calls `visit` for this restriction and all within it, outermost first.
    pub fn visit_mut(&mut self, visit: &mut dyn FnMut(&mut Self)) {
        visit(self);
        for child in self.children_mut() {
            child.visit_mut(visit);
        }
    }

    /// Calls `visit` for each operand of this restriction and of those within it.
    pub fn visit_values_mut(&mut self, visit: &mut dyn FnMut(&mut PropertyValue)) {
        self.visit_mut(&mut |restriction| {
            let value = match &mut restriction.res {
                RestrictionUnion::Content(content) => content.value.get_mut(),
                RestrictionUnion::Property(property) => property.value.get_mut(),
                _ => None,
            };
            if let Some(value) = value {
                visit(value);
            }
        });
    }
}

impl Request {
    /// The context handle of the session; `None` for `NspiBind`.
    pub const fn context_handle(&self) -> Option<&ContextHandle> {
        Some(match self {
            Self::Bind(_) => return None,
            Self::Unbind(request) => &request.handle,
            Self::UpdateStat(request) => &request.handle,
            Self::QueryRows(request) => &request.handle,
            Self::SeekEntries(request) => &request.handle,
            Self::GetMatches(request) => &request.handle,
            Self::ResortRestriction(request) => &request.handle,
            Self::DNToMId(request) => &request.handle,
            Self::GetPropList(request) => &request.handle,
            Self::GetProps(request) => &request.handle,
            Self::CompareMIds(request) => &request.handle,
            Self::ModProps(request) => &request.handle,
            Self::GetSpecialTable(request) => &request.handle,
            Self::GetTemplateInfo(request) => &request.handle,
            Self::ModLinkAtt(request) => &request.handle,
            Self::DeleteEntries(request) => &request.handle,
            Self::QueryColumns(request) => &request.handle,
            Self::GetNamesFromIDs(request) => &request.handle,
            Self::GetIDsFromNames(request) => &request.handle,
            Self::ResolveNames(request) => &request.handle,
            Self::ResolveNamesW(request) => &request.handle,
        })
    }

    /// The context handle of the session, for modification; `None` for `NspiBind`.
    pub const fn context_handle_mut(&mut self) -> Option<&mut ContextHandle> {
        Some(match self {
            Self::Bind(_) => return None,
            Self::Unbind(request) => &mut request.handle,
            Self::UpdateStat(request) => &mut request.handle,
            Self::QueryRows(request) => &mut request.handle,
            Self::SeekEntries(request) => &mut request.handle,
            Self::GetMatches(request) => &mut request.handle,
            Self::ResortRestriction(request) => &mut request.handle,
            Self::DNToMId(request) => &mut request.handle,
            Self::GetPropList(request) => &mut request.handle,
            Self::GetProps(request) => &mut request.handle,
            Self::CompareMIds(request) => &mut request.handle,
            Self::ModProps(request) => &mut request.handle,
            Self::GetSpecialTable(request) => &mut request.handle,
            Self::GetTemplateInfo(request) => &mut request.handle,
            Self::ModLinkAtt(request) => &mut request.handle,
            Self::DeleteEntries(request) => &mut request.handle,
            Self::QueryColumns(request) => &mut request.handle,
            Self::GetNamesFromIDs(request) => &mut request.handle,
            Self::GetIDsFromNames(request) => &mut request.handle,
            Self::ResolveNames(request) => &mut request.handle,
            Self::ResolveNamesW(request) => &mut request.handle,
        })
    }

    /// Calls `visit` for each row of properties.
    pub fn visit_rows_mut(&mut self, visit: &mut dyn FnMut(&mut PropertyRow)) {
        if let Self::ModProps(request) = self {
            visit(&mut request.row);
        }
    }

    /// Calls `visit` for each restriction, including those within others.
    pub fn visit_restrictions_mut(&mut self, visit: &mut dyn FnMut(&mut Restriction)) {
        if let Self::GetMatches(request) = self
            && let Some(filter) = request.filter.get_mut()
        {
            filter.visit_mut(visit);
        }
    }

    /// Calls `visit` for each property value: in rows, in restrictions, and the target of `NspiSeekEntries`.
    pub fn visit_values_mut(&mut self, visit: &mut dyn FnMut(&mut PropertyValue)) {
        match self {
            Self::SeekEntries(request) => visit(&mut request.target),
            Self::GetMatches(request) => {
                if let Some(filter) = request.filter.get_mut() {
                    filter.visit_values_mut(visit);
                }
            }
            Self::ModProps(request) => request.row.properties.as_mut_slice().iter_mut().for_each(visit),
            _ => {}
        }
    }

    /// Calls `visit` for each text: in property values, in lists of names, and in entry ids.
    pub fn visit_texts_mut(&mut self, visit: &mut dyn FnMut(TextKind, Text<'_>)) {
        match self {
            Self::DNToMId(request) => {
                for name in &mut request.names.0 {
                    visit_char(name, TextKind::DistinguishedName, visit);
                }
            }
            Self::ResolveNames(request) => {
                for name in &mut request.names.0 {
                    visit_char(name, TextKind::Name, visit);
                }
            }
            Self::ResolveNamesW(request) => {
                for name in &mut request.names.0 {
                    visit_wide(name, TextKind::Name, visit);
                }
            }
            Self::GetTemplateInfo(request) => visit_char(&mut request.dn, TextKind::Template, visit),
            Self::ModLinkAtt(request) => {
                for entry_id in request.entry_ids.as_mut_slice() {
                    visit_entry_id(entry_id, request.prop_tag, visit);
                }
            }
            other => other.visit_values_mut(&mut |value| value.visit_texts_mut(visit)),
        }
    }
}

impl Response {
    /// The context handle of the session that the operation created or ended.
    pub const fn context_handle_mut(&mut self) -> Option<&mut ContextHandle> {
        match self {
            Self::Bind(response) => Some(&mut response.handle),
            Self::Unbind(response) => Some(&mut response.handle),
            _ => None,
        }
    }

    fn row_set_mut(&mut self) -> Option<&mut PropertyRowSet> {
        match self {
            Self::QueryRows(response) => response.rows.get_mut(),
            Self::SeekEntries(response) => response.rows.get_mut(),
            Self::GetMatches(response) => response.rows.get_mut(),
            Self::GetSpecialTable(response) => response.rows.get_mut(),
            Self::ResolveNames(response) => response.rows.get_mut(),
            Self::ResolveNamesW(response) => response.rows.get_mut(),
            _ => None,
        }
    }

    /// Calls `visit` for each row of properties.
    pub fn visit_rows_mut(&mut self, visit: &mut dyn FnMut(&mut PropertyRow)) {
        match self {
            Self::GetProps(response) => response.row.get_mut().into_iter().for_each(visit),
            Self::GetTemplateInfo(response) => response.data.get_mut().into_iter().for_each(visit),
            other => {
                if let Some(rows) = other.row_set_mut() {
                    rows.0.iter_mut().for_each(visit);
                }
            }
        }
    }

    /// Calls `visit` for each property value.
    pub fn visit_values_mut(&mut self, visit: &mut dyn FnMut(&mut PropertyValue)) {
        self.visit_rows_mut(&mut |row| row.properties.as_mut_slice().iter_mut().for_each(&mut *visit));
    }

    /// Calls `visit` for each text: in property values, and in their entry ids.
    pub fn visit_texts_mut(&mut self, visit: &mut dyn FnMut(TextKind, Text<'_>)) {
        self.visit_values_mut(&mut |value| value.visit_texts_mut(visit));
    }
}
