//! Response bodies of the address book ([MS-OXCMAPIHTTP] 2.2.5).

use wire::{Reader, Result, Utf16, Writer};

use super::rows::ColumnsAndRows;
use crate::ErrorCode;
use crate::field::Field;
use crate::mapihttp::auxiliary::AuxiliaryBuffer;
use crate::mapihttp::field::Maybe;
use crate::mapihttp::format::MapiHttp;
use crate::mapihttp::operation_response::{ResponseFields, http_response};
use crate::nspi::{FlatUid, MId, Stat};
use crate::property::{PropTag, PropertyList};

http_response! {
    /// The response body of `Bind` ([MS-OXCMAPIHTTP] 2.2.5.1.2).
    pub struct BindResponse as "Bind" {
        /// The GUID of the server.
        pub server_guid: FlatUid = "ServerGuid",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_response! {
    /// The response body of `Unbind` ([MS-OXCMAPIHTTP] 2.2.5.2.2).
    pub struct UnbindResponse as "Unbind" {
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

/// The response body of `CompareMIds` ([MS-OXCMAPIHTTP] 2.2.5.3.2).
#[derive(Debug, Clone, PartialEq)]
pub struct CompareMIdsResponse {
    /// Zero, or the error with which the operation failed.
    pub error_code: ErrorCode,
    /// Negative if the first object is before the second, positive if it is after it, zero if they are the same.
    pub result: i32,
    /// Whether the result precedes the code, as some servers send them contrary to the specification. The order cannot
    /// always be determined; the specified order is assumed unless the values contradict it.
    pub result_first: bool,
    /// The auxiliary blocks.
    pub aux: AuxiliaryBuffer,
}

impl CompareMIdsResponse {
    /// Whether `first`, followed by `second`, is a result and not a code. A code is zero or has a name.
    fn is_result(first: ErrorCode, second: ErrorCode) -> bool {
        let is_code = |value: ErrorCode| value == ErrorCode::SUCCESS || value.name().is_some();
        if !is_code(first) {
            return is_code(second);
        }
        first == ErrorCode::SUCCESS && second != ErrorCode::SUCCESS && is_code(second)
    }
}

impl Field<MapiHttp> for CompareMIdsResponse {
    const MIN_SIZE: usize = 8;

    fn read(r: &mut Reader<'_>, _field: &'static str) -> Result<Self> {
        let mut read = || {
            let mut ahead = r.clone();
            let (first, second) = (ErrorCode(ahead.u32("ErrorCode")?), ErrorCode(ahead.u32("Result")?));
            let result_first = Self::is_result(first, second);
            let (error_code, result) = if result_first {
                let result = r.i32("Result")?;
                (ErrorCode(r.u32("ErrorCode")?), result)
            } else {
                (ErrorCode(r.u32("ErrorCode")?), r.i32("Result")?)
            };
            let aux = AuxiliaryBuffer::read(r, "AuxiliaryBuffer")?;
            Ok(Self { error_code, result, result_first, aux })
        };
        read().map_err(|error: wire::Error| error.within("CompareMIds"))
    }

    fn write(&self, w: &mut Writer, _field: &'static str) -> Result<()> {
        if self.result_first {
            w.i32(self.result).u32(self.error_code.0);
        } else {
            w.u32(self.error_code.0).i32(self.result);
        }
        self.aux.write(w, "AuxiliaryBuffer").map_err(|error| error.within("CompareMIds"))
    }
}

impl ResponseFields for CompareMIdsResponse {
    fn error_code(&self) -> ErrorCode {
        self.error_code
    }
}

http_response! {
    /// The response body of `DNToMId` ([MS-OXCMAPIHTTP] 2.2.5.4.2).
    pub struct DNToMIdResponse as "DNToMId" {
        /// A Minimal Entry ID for each name, zero if there is no such object.
        pub mids: Maybe<Vec<MId>> = "MinimalIds",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_response! {
    /// The response body of `GetMatches` ([MS-OXCMAPIHTTP] 2.2.5.5.2).
    pub struct GetMatchesResponse as "GetMatches" {
        /// The new position in the table.
        pub stat: Maybe<Stat> = "State",
        /// The Minimal Entry IDs of the matching objects.
        pub mids: Maybe<Vec<MId>> = "MinimalIds",
        /// The rows of the matching objects.
        pub rows: Maybe<ColumnsAndRows> = "ColumnsAndRows",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_response! {
    /// The response body of `GetPropList` ([MS-OXCMAPIHTTP] 2.2.5.6.2).
    pub struct GetPropListResponse as "GetPropList" {
        /// The properties of the object.
        pub prop_tags: Maybe<Vec<PropTag>> = "PropertyTags",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_response! {
    /// The response body of `GetProps` ([MS-OXCMAPIHTTP] 2.2.5.7.2).
    pub struct GetPropsResponse as "GetProps" {
        /// The code page of 8-bit strings.
        pub code_page: u32 = "CodePage",
        /// The requested properties.
        pub values: Maybe<PropertyList> = "PropertyValues",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_response! {
    /// The response body of `GetSpecialTable` ([MS-OXCMAPIHTTP] 2.2.5.8.2).
    pub struct GetSpecialTableResponse as "GetSpecialTable" {
        /// The code page of 8-bit strings.
        pub code_page: u32 = "CodePage",
        /// The version of the server's table.
        pub version: Maybe<u32> = "Version",
        /// The rows of the table; absent if the client has the current version.
        pub rows: Maybe<Vec<PropertyList>> = "Rows",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_response! {
    /// The response body of `GetTemplateInfo` ([MS-OXCMAPIHTTP] 2.2.5.9.2).
    pub struct GetTemplateInfoResponse as "GetTemplateInfo" {
        /// The code page of 8-bit strings.
        pub code_page: u32 = "CodePage",
        /// The properties of the template.
        pub row: Maybe<PropertyList> = "Row",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_response! {
    /// The response body of `ModLinkAtt` ([MS-OXCMAPIHTTP] 2.2.5.10.2).
    pub struct ModLinkAttResponse as "ModLinkAtt" {
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_response! {
    /// The response body of `ModProps` ([MS-OXCMAPIHTTP] 2.2.5.11.2).
    pub struct ModPropsResponse as "ModProps" {
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_response! {
    /// The response body of `QueryRows` ([MS-OXCMAPIHTTP] 2.2.5.12.2).
    pub struct QueryRowsResponse as "QueryRows" {
        /// The new position in the table.
        pub stat: Maybe<Stat> = "State",
        /// The requested rows.
        pub rows: Maybe<ColumnsAndRows> = "ColumnsAndRows",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_response! {
    /// The response body of `QueryColumns` ([MS-OXCMAPIHTTP] 2.2.5.13.2).
    pub struct QueryColumnsResponse as "QueryColumns" {
        /// The properties of the address book.
        pub columns: Maybe<Vec<PropTag>> = "Columns",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_response! {
    /// The response body of `ResolveNames` ([MS-OXCMAPIHTTP] 2.2.5.14.2).
    pub struct ResolveNamesResponse as "ResolveNames" {
        /// The code page of 8-bit strings.
        pub code_page: u32 = "CodePage",
        /// The result for each name: [`MId::MID_UNRESOLVED`], [`MId::MID_AMBIGUOUS`] or [`MId::MID_RESOLVED`].
        pub mids: Maybe<Vec<MId>> = "MinimalIds",
        /// The rows of the objects that were found, one for each resolved name.
        pub rows: Maybe<ColumnsAndRows> = "RowsAndColumns",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_response! {
    /// The response body of `ResortRestriction` ([MS-OXCMAPIHTTP] 2.2.5.15.2).
    pub struct ResortRestrictionResponse as "ResortRestriction" {
        /// The new position in the table.
        pub stat: Maybe<Stat> = "State",
        /// The objects of the table in their new order.
        pub mids: Maybe<Vec<MId>> = "MinimalIds",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_response! {
    /// The response body of `SeekEntries` ([MS-OXCMAPIHTTP] 2.2.5.16.2).
    pub struct SeekEntriesResponse as "SeekEntries" {
        /// The new position in the table.
        pub stat: Maybe<Stat> = "State",
        /// The rows from the new position on, if columns were requested.
        pub rows: Maybe<ColumnsAndRows> = "ColumnsAndRows",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_response! {
    /// The response body of `UpdateStat` ([MS-OXCMAPIHTTP] 2.2.5.17.2).
    pub struct UpdateStatResponse as "UpdateStat" {
        /// The new position in the table.
        pub stat: Maybe<Stat> = "State",
        /// The number of rows by which the position moved.
        pub delta: Maybe<i32> = "Delta",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_response! {
    /// The response body of `GetMailboxUrl` ([MS-OXCMAPIHTTP] 2.2.5.18.2).
    pub struct GetMailboxUrlResponse as "GetMailboxUrl" {
        /// The URL of the mailbox server's endpoint.
        pub server_url: Utf16 = "ServerUrl",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_response! {
    /// The response body of `GetAddressBookUrl` ([MS-OXCMAPIHTTP] 2.2.5.19.2).
    pub struct GetAddressBookUrlResponse as "GetAddressBookUrl" {
        /// The URL of the address book's endpoint.
        pub server_url: Utf16 = "ServerUrl",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}
