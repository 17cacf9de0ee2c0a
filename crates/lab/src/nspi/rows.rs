//! Rows and properties of objects.

use mapi::ErrorCode;
use mapi::nspi::{MId, Stat};
use mapi::property::{PropTag, PropertyValue, TaggedValue};

use crate::codepage::CodePage;
use crate::directory::properties::{DEFAULT_COLUMNS, KNOWN, View, is_object, text_type};
use crate::service::Lab;

/// `fSkipObjects` ([MS-OXNSPI] 2.2.1.12).
const SKIP_OBJECTS: u32 = 0x1;
/// `fEphID`.
pub(super) const EPHEMERAL_IDS: u32 = 0x2;
/// `NspiUnicodeProptypes` ([MS-OXNSPI] 2.2.1.14).
const UNICODE_TYPES: u32 = 0x8000_0000;
/// The most values in the rows of one response. Columns and rows are few bytes each in a request, whatever the size of
/// the values that they select.
const MAX_VALUES: usize = 50_000;

/// Rows of a table, each with a value for each column, which may be an error code.
pub(crate) type Rows = Vec<Vec<TaggedValue>>;

/// The form of values for a request with these flags and this code page.
pub(super) fn view(flags: u32, code_page: u32) -> Result<View, ErrorCode> {
    let code_page = CodePage::new(code_page).ok_or(ErrorCode::MAPI_E_UNKNOWN_CPID)?;
    Ok(View { code_page, ephemeral: flags & EPHEMERAL_IDS != 0 })
}

/// The columns that a client requests, or the default ones.
pub(crate) fn columns_or_default(tags: Option<&[PropTag]>) -> &[PropTag] {
    tags.unwrap_or(&DEFAULT_COLUMNS)
}

impl Lab {
    /// The columns of an object; error codes where there is no such object.
    fn row(&self, mid: MId, columns: &[PropTag], view: View) -> Vec<TaggedValue> {
        let missing = PropertyValue::Error(ErrorCode::MAPI_E_NOT_FOUND);
        let entry = self.directory.entry(mid);
        let values = columns.iter().map(|tag| match entry {
            Some(entry) => self.directory.property(entry, *tag, view),
            None => TaggedValue::new(*tag, missing.clone()),
        });
        values.collect()
    }

    /// The rows of the objects `mids`.
    ///
    /// # Errors
    /// `TableTooBig` above [`MAX_VALUES`].
    pub(super) fn rows(&self, mids: &[MId], columns: &[PropTag], view: View) -> Result<Rows, ErrorCode> {
        if mids.len().saturating_mul(columns.len().max(1)) > MAX_VALUES {
            return Err(ErrorCode::MAPI_E_TABLE_TOO_BIG);
        }
        Ok(mids.iter().map(|mid| self.row(*mid, columns, view)).collect())
    }

    /// `NspiGetPropList` ([MS-OXNSPI] 3.1.4.1.6).
    pub(crate) fn get_prop_list(
        &self,
        flags: u32,
        mid: MId,
        code_page: u32,
    ) -> Result<Vec<PropTag>, ErrorCode> {
        let code_page = CodePage::new(code_page).ok_or(ErrorCode::MAPI_E_UNKNOWN_CPID)?;
        let entry = self.directory.entry(mid).ok_or(ErrorCode::MAPI_E_INVALID_OBJECT)?;
        Ok(self.directory.property_list(entry, flags & SKIP_OBJECTS != 0, code_page.is_unicode()))
    }

    /// `NspiGetProps` ([MS-OXNSPI] 3.1.4.1.7): the requested properties of the current object, or all of them; and
    /// whether each has a value.
    pub(crate) fn get_props(
        &self,
        flags: u32,
        stat: &Stat,
        columns: Option<&[PropTag]>,
    ) -> Result<(Vec<TaggedValue>, ErrorCode), ErrorCode> {
        let view = view(flags, stat.code_page)?;
        self.directory.container(stat.container_id).ok_or(ErrorCode::MAPI_E_INVALID_BOOKMARK)?;
        let entry = self.directory.entry(stat.current_rec);
        let all = || {
            let skip = flags & SKIP_OBJECTS != 0;
            let list = |entry| self.directory.property_list(entry, skip, view.code_page.is_unicode());
            entry.map(list).unwrap_or_default()
        };
        let columns = columns.map_or_else(all, <[PropTag]>::to_vec);
        let row = self.row(stat.current_rec, &columns, view);
        let incomplete = row.iter().any(|property| matches!(property.value, PropertyValue::Error(_)));
        let return_value = if incomplete || entry.is_none() {
            ErrorCode::MAPI_W_ERRORS_RETURNED
        } else {
            ErrorCode::SUCCESS
        };
        Ok((row, return_value))
    }
}

/// `NspiQueryColumns` ([MS-OXNSPI] 3.1.4.1.5).
pub(crate) fn query_columns(flags: u32) -> Vec<PropTag> {
    let unicode = flags & UNICODE_TYPES != 0;
    KNOWN.iter().filter(|tag| !is_object(**tag)).map(|tag| text_type(*tag, unicode)).collect()
}
