//! Visits every text and entry id of a request or a response.

use rpc::ndr::{CharString, ContextHandle, Ptr, SizedPtr, WcharString};
use wire::{Decode, Encode, Utf16};

use super::calls::{Request, Response};
use super::restriction::{Restriction, RestrictionUnion};
use super::value::{PropertyRow, PropertyRowSet, PropertyValue, Value};
use crate::data::PermanentEntryId;
use crate::property::PropTag;

/// Where a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is a value of this property, or one of its values.
    Value(PropTag),
    /// It is the distinguished name in a permanent entry id, which is a value of this property.
    EntryId(PropTag),
    /// It is a distinguished name that is to be mapped to an object.
    DistinguishedName,
    /// It is a name that is to be resolved.
    Name,
    /// It is a template's distinguished name.
    Template,
    /// It is the URL of a server.
    Url,
    /// It is the host name of a server.
    Host,
}

/// A text that may be changed.
#[derive(Debug)]
pub enum Text<'a> {
    /// Bytes in the code page of the operation, without a terminator.
    Char(&'a mut Vec<u8>),
    /// UTF-16, without a terminator.
    Wide(&'a mut Utf16),
}

/// What is called for every text.
type VisitText<'f> = &'f mut dyn FnMut(Place, Text<'_>);

fn visit_char(string: &mut Ptr<CharString>, place: Place, visit: VisitText<'_>) {
    if let Some(string) = string.get_mut() {
        visit(place, Text::Char(&mut string.text));
    }
}

fn visit_wide(string: &mut Ptr<WcharString>, place: Place, visit: VisitText<'_>) {
    if let Some(string) = string.get_mut() {
        visit(place, Text::Wide(&mut string.text));
    }
}

fn visit_entry_id(bytes: &mut SizedPtr<u8>, tag: PropTag, visit: VisitText<'_>) {
    if let Some(bytes) = &mut bytes.items {
        PermanentEntryId::visit_name_in(bytes, tag, visit);
    }
}

impl PermanentEntryId {
    /// Visits the distinguished name of the permanent entry id that `bytes` are, the value of the property
    /// `tag`. Bytes that are no such entry id are left alone.
    pub(crate) fn visit_name_in(bytes: &mut Vec<u8>, tag: PropTag, visit: VisitText<'_>) {
        let Ok(mut entry_id) = Self::from_bytes(bytes) else { return };
        let before = entry_id.distinguished_name.clone();
        visit(Place::EntryId(tag), Text::Char(&mut entry_id.distinguished_name));
        if entry_id.distinguished_name != before
            && let Ok(encoded) = entry_id.to_bytes()
        {
            *bytes = encoded;
        }
    }
}

impl PropertyValue {
    /// Calls `visit` for every text in the value, also for the distinguished names in permanent entry ids.
    pub fn visit_texts_mut(&mut self, visit: &mut dyn FnMut(Place, Text<'_>)) {
        let place = Place::Value(self.tag);
        match &mut self.value {
            Value::String8(string) => visit_char(string, place, visit),
            Value::Unicode(string) => visit_wide(string, place, visit),
            Value::Binary(bytes) => visit_entry_id(bytes, self.tag, visit),
            Value::MultipleString8(strings) => {
                strings.as_mut_slice().iter_mut().for_each(|string| visit_char(string, place, visit));
            }
            Value::MultipleUnicode(strings) => {
                strings.as_mut_slice().iter_mut().for_each(|string| visit_wide(string, place, visit));
            }
            Value::MultipleBinary(values) => {
                values.as_mut_slice().iter_mut().for_each(|bytes| visit_entry_id(bytes, self.tag, visit));
            }
            _ => {}
        }
    }
}

impl Restriction {
    /// Calls `visit` for this restriction and all that are within it, from the outside in.
    pub fn visit_mut(&mut self, visit: &mut dyn FnMut(&mut Self)) {
        visit(self);
        for child in self.children_mut() {
            child.visit_mut(visit);
        }
    }

    /// Calls `visit` for every value that this restriction or one within it compares to.
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
    /// The session that the operation belongs to; `None` for the one that begins it.
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

    /// The session that the operation belongs to, to be changed.
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

    /// Calls `visit` for every row of properties.
    pub fn visit_rows_mut(&mut self, visit: &mut dyn FnMut(&mut PropertyRow)) {
        if let Self::ModProps(request) = self {
            visit(&mut request.row);
        }
    }

    /// Calls `visit` for every restriction, also for those within others.
    pub fn visit_restrictions_mut(&mut self, visit: &mut dyn FnMut(&mut Restriction)) {
        if let Self::GetMatches(request) = self
            && let Some(filter) = request.filter.get_mut()
        {
            filter.visit_mut(visit);
        }
    }

    /// Calls `visit` for every property value: in rows, in restrictions, and the one that is sought.
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

    /// Calls `visit` for every text: in property values, in lists of names, in entry ids.
    pub fn visit_texts_mut(&mut self, visit: &mut dyn FnMut(Place, Text<'_>)) {
        match self {
            Self::DNToMId(request) => {
                for name in &mut request.names.0 {
                    visit_char(name, Place::DistinguishedName, visit);
                }
            }
            Self::ResolveNames(request) => {
                for name in &mut request.names.0 {
                    visit_char(name, Place::Name, visit);
                }
            }
            Self::ResolveNamesW(request) => {
                for name in &mut request.names.0 {
                    visit_wide(name, Place::Name, visit);
                }
            }
            Self::GetTemplateInfo(request) => visit_char(&mut request.dn, Place::Template, visit),
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
    /// The session that the operation began or ended.
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

    /// Calls `visit` for every row of properties: all rows of all operations that return any.
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

    /// Calls `visit` for every property value.
    pub fn visit_values_mut(&mut self, visit: &mut dyn FnMut(&mut PropertyValue)) {
        self.visit_rows_mut(&mut |row| row.properties.as_mut_slice().iter_mut().for_each(&mut *visit));
    }

    /// Calls `visit` for every text: in property values, and in their entry ids.
    pub fn visit_texts_mut(&mut self, visit: &mut dyn FnMut(Place, Text<'_>)) {
        self.visit_values_mut(&mut |value| value.visit_texts_mut(visit));
    }
}
