//! Rows and properties of objects.

use mapi::ErrorCode;
use mapi::nspi::{
    GetPropListRequest, GetPropListResponse, GetPropsRequest, GetPropsResponse, MId, PropertyRow,
    PropertyRowSet, PropertyTagArray, PropertyValue, QueryColumnsRequest, QueryColumnsResponse, Value,
};
use mapi::property::{self, PropTag, TaggedValue};
use rpc::ndr::{Counted, Ptr};

use crate::codepage::CodePage;
use crate::directory::properties::{DEFAULT_COLUMNS, KNOWN, View, is_object, text_type};
use crate::service::Lab;

/// `fSkipObjects` ([MS-OXNSPI] 2.2.1.12).
const SKIP_OBJECTS: u32 = 0x1;
/// `fEphID`.
pub(super) const EPHEMERAL_IDS: u32 = 0x2;
/// `NspiUnicodeProptypes` ([MS-OXNSPI] 2.2.1.14).
const UNICODE_TYPES: u32 = 0x8000_0000;

/// The form of values for a request with these flags and this code page.
pub(super) fn view(flags: u32, code_page: u32) -> Result<View, ErrorCode> {
    let code_page = CodePage::new(code_page).ok_or(ErrorCode::MAPI_E_UNKNOWN_CPID)?;
    Ok(View { code_page, ephemeral: flags & EPHEMERAL_IDS != 0 })
}

/// The columns that a client requests, or the default ones.
pub(super) fn columns(tags: &Ptr<PropertyTagArray>) -> &[PropTag] {
    tags.get().map_or(&DEFAULT_COLUMNS, |tags| tags.values.as_slice())
}

/// `property` in its form on the wire.
pub(super) fn on_wire(property: TaggedValue) -> PropertyValue {
    let tag = property.tag;
    let missing = || PropertyValue::new(tag, Value::Error(ErrorCode::MAPI_E_NOT_FOUND));
    PropertyValue::try_from(property).unwrap_or_else(|_| missing())
}

impl Lab {
    /// The columns of an object; error codes where there is no such object.
    pub(super) fn row(&self, mid: MId, columns: &[PropTag], view: View) -> PropertyRow {
        let missing = property::PropertyValue::Error(ErrorCode::MAPI_E_NOT_FOUND);
        let entry = self.directory.entry(mid);
        let values = columns.iter().map(|tag| match entry {
            Some(entry) => on_wire(self.directory.property(entry, *tag, view)),
            None => on_wire(TaggedValue::new(*tag, missing.clone())),
        });
        PropertyRow::new(values.collect())
    }

    pub(super) fn rows(&self, mids: &[MId], columns: &[PropTag], view: View) -> Ptr<PropertyRowSet> {
        Ptr::new(Counted(mids.iter().map(|mid| self.row(*mid, columns, view)).collect()))
    }

    /// `NspiGetPropList` ([MS-OXNSPI] 3.1.4.1.6).
    pub(super) fn get_prop_list(&self, request: &GetPropListRequest) -> GetPropListResponse {
        let fails = |return_value| GetPropListResponse { prop_tags: Ptr::NULL, return_value };
        let Some(code_page) = CodePage::new(request.code_page) else {
            return fails(ErrorCode::MAPI_E_UNKNOWN_CPID);
        };
        let Some(entry) = self.directory.entry(request.mid) else {
            return fails(ErrorCode::MAPI_E_INVALID_OBJECT);
        };
        let skip = request.flags & SKIP_OBJECTS != 0;
        let tags = self.directory.property_list(entry, skip, code_page.is_unicode());
        GetPropListResponse {
            prop_tags: Ptr::new(tags.into_iter().collect()),
            return_value: ErrorCode::SUCCESS,
        }
    }

    /// `NspiGetProps` ([MS-OXNSPI] 3.1.4.1.7).
    pub(super) fn get_props(&self, request: &GetPropsRequest) -> GetPropsResponse {
        let stat = &request.stat;
        let view = match view(request.flags, stat.code_page) {
            Ok(view) => view,
            Err(return_value) => return GetPropsResponse { row: Ptr::NULL, return_value },
        };
        if self.directory.container(stat.container_id).is_none() {
            return GetPropsResponse { row: Ptr::NULL, return_value: ErrorCode::MAPI_E_INVALID_BOOKMARK };
        }
        let entry = self.directory.entry(stat.current_rec);
        let all = || {
            let skip = request.flags & SKIP_OBJECTS != 0;
            let list = |entry| self.directory.property_list(entry, skip, view.code_page.is_unicode());
            entry.map(list).unwrap_or_default()
        };
        let columns = request.prop_tags.get().map_or_else(all, |tags| tags.values.clone());
        let row = self.row(stat.current_rec, &columns, view);
        let incomplete =
            row.properties.as_slice().iter().any(|property| matches!(property.value, Value::Error(_)));
        let return_value = if incomplete || entry.is_none() {
            ErrorCode::MAPI_W_ERRORS_RETURNED
        } else {
            ErrorCode::SUCCESS
        };
        GetPropsResponse { row: Ptr::new(row), return_value }
    }
}

/// `NspiQueryColumns` ([MS-OXNSPI] 3.1.4.1.5).
pub(super) fn query_columns(request: &QueryColumnsRequest) -> QueryColumnsResponse {
    let unicode = request.flags & UNICODE_TYPES != 0;
    let tags = KNOWN.iter().filter(|tag| !is_object(**tag)).map(|tag| text_type(*tag, unicode));
    QueryColumnsResponse { columns: Ptr::new(tags.collect()), return_value: ErrorCode::SUCCESS }
}
