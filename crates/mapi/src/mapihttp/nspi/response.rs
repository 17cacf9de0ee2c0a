//! Response bodies of the address book ([MS-OXCMAPIHTTP] 2.2.5).

use wire::{Reader, Result, Utf16, Writer};

use super::rows::ColumnsAndRows;
use crate::ErrorCode;
use crate::field::Field;
use crate::mapihttp::answer::{AnswerBody, http_answer};
use crate::mapihttp::auxiliary::AuxiliaryBuffer;
use crate::mapihttp::field::Maybe;
use crate::mapihttp::format::MapiHttp;
use crate::nspi::{FlatUid, MId, Stat};
use crate::property::{PropTag, PropertyList};

http_answer! {
    /// What `Bind` answers ([MS-OXCMAPIHTTP] 2.2.5.1.2).
    pub struct BindResponse as "Bind" {
        /// The server's GUID.
        pub server_guid: FlatUid = "ServerGuid",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_answer! {
    /// What `Unbind` answers ([MS-OXCMAPIHTTP] 2.2.5.2.2).
    pub struct UnbindResponse as "Unbind" {
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

/// What `CompareMIds` answers ([MS-OXCMAPIHTTP] 2.2.5.3.2).
#[derive(Debug, Clone, PartialEq)]
pub struct CompareMIdsResponse {
    /// Zero, or why the operation failed.
    pub error_code: ErrorCode,
    /// Less than zero if the first object comes before the second, more if it comes after it, zero if both are
    /// the same.
    pub result: i32,
    /// Whether the result stands before the code, against the specification. Some servers send it so. Which of
    /// both a server meant cannot always be told: it is taken as the specification has it unless that makes no
    /// sense.
    pub result_first: bool,
    /// Auxiliary blocks.
    pub aux: AuxiliaryBuffer,
}

impl CompareMIdsResponse {
    /// Whether `first`, followed by `second`, is a result rather than a code. A code is zero or has a name.
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

impl AnswerBody for CompareMIdsResponse {
    fn error_code(&self) -> ErrorCode {
        self.error_code
    }
}

http_answer! {
    /// What `DNToMId` answers ([MS-OXCMAPIHTTP] 2.2.5.4.2).
    pub struct DNToMIdResponse as "DNToMId" {
        /// A number for each name, zero where there is no such object.
        pub mids: Maybe<Vec<MId>> = "MinimalIds",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_answer! {
    /// What `GetMatches` answers ([MS-OXCMAPIHTTP] 2.2.5.5.2).
    pub struct GetMatchesResponse as "GetMatches" {
        /// The place in the table.
        pub stat: Maybe<Stat> = "State",
        /// The objects found.
        pub mids: Maybe<Vec<MId>> = "MinimalIds",
        /// Their rows.
        pub rows: Maybe<ColumnsAndRows> = "ColumnsAndRows",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_answer! {
    /// What `GetPropList` answers ([MS-OXCMAPIHTTP] 2.2.5.6.2).
    pub struct GetPropListResponse as "GetPropList" {
        /// The object's properties.
        pub prop_tags: Maybe<Vec<PropTag>> = "PropertyTags",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_answer! {
    /// What `GetProps` answers ([MS-OXCMAPIHTTP] 2.2.5.7.2).
    pub struct GetPropsResponse as "GetProps" {
        /// The code page of 8-bit strings.
        pub code_page: u32 = "CodePage",
        /// The properties.
        pub values: Maybe<PropertyList> = "PropertyValues",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_answer! {
    /// What `GetSpecialTable` answers ([MS-OXCMAPIHTTP] 2.2.5.8.2).
    pub struct GetSpecialTableResponse as "GetSpecialTable" {
        /// The code page of 8-bit strings.
        pub code_page: u32 = "CodePage",
        /// The version of the table that the server has.
        pub version: Maybe<u32> = "Version",
        /// The table; absent where the client has it already.
        pub rows: Maybe<Vec<PropertyList>> = "Rows",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_answer! {
    /// What `GetTemplateInfo` answers ([MS-OXCMAPIHTTP] 2.2.5.9.2).
    pub struct GetTemplateInfoResponse as "GetTemplateInfo" {
        /// The code page of 8-bit strings.
        pub code_page: u32 = "CodePage",
        /// The template.
        pub row: Maybe<PropertyList> = "Row",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_answer! {
    /// What `ModLinkAtt` answers ([MS-OXCMAPIHTTP] 2.2.5.10.2).
    pub struct ModLinkAttResponse as "ModLinkAtt" {
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_answer! {
    /// What `ModProps` answers ([MS-OXCMAPIHTTP] 2.2.5.11.2).
    pub struct ModPropsResponse as "ModProps" {
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_answer! {
    /// What `QueryRows` answers ([MS-OXCMAPIHTTP] 2.2.5.12.2).
    pub struct QueryRowsResponse as "QueryRows" {
        /// The place in the table behind the rows.
        pub stat: Maybe<Stat> = "State",
        /// The rows.
        pub rows: Maybe<ColumnsAndRows> = "ColumnsAndRows",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_answer! {
    /// What `QueryColumns` answers ([MS-OXCMAPIHTTP] 2.2.5.13.2).
    pub struct QueryColumnsResponse as "QueryColumns" {
        /// The properties that there are.
        pub columns: Maybe<Vec<PropTag>> = "Columns",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_answer! {
    /// What `ResolveNames` answers ([MS-OXCMAPIHTTP] 2.2.5.14.2).
    pub struct ResolveNamesResponse as "ResolveNames" {
        /// The code page of 8-bit strings.
        pub code_page: u32 = "CodePage",
        /// For each name whether it was found ([`MId::MID_RESOLVED`] and the like).
        pub mids: Maybe<Vec<MId>> = "MinimalIds",
        /// A row for each name that was found.
        pub rows: Maybe<ColumnsAndRows> = "RowsAndColumns",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_answer! {
    /// What `ResortRestriction` answers ([MS-OXCMAPIHTTP] 2.2.5.15.2).
    pub struct ResortRestrictionResponse as "ResortRestriction" {
        /// The place in the table.
        pub stat: Maybe<Stat> = "State",
        /// The table's objects in their new order.
        pub mids: Maybe<Vec<MId>> = "MinimalIds",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_answer! {
    /// What `SeekEntries` answers ([MS-OXCMAPIHTTP] 2.2.5.16.2).
    pub struct SeekEntriesResponse as "SeekEntries" {
        /// The place in the table that was found.
        pub stat: Maybe<Stat> = "State",
        /// The rows of the explicit table from there on.
        pub rows: Maybe<ColumnsAndRows> = "ColumnsAndRows",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_answer! {
    /// What `UpdateStat` answers ([MS-OXCMAPIHTTP] 2.2.5.17.2).
    pub struct UpdateStatResponse as "UpdateStat" {
        /// The new place in the table.
        pub stat: Maybe<Stat> = "State",
        /// How many rows were moved.
        pub delta: Maybe<i32> = "Delta",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_answer! {
    /// What `GetMailboxUrl` answers ([MS-OXCMAPIHTTP] 2.2.5.18.2).
    pub struct GetMailboxUrlResponse as "GetMailboxUrl" {
        /// The URL of the mailbox server's endpoint.
        pub server_url: Utf16 = "ServerUrl",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_answer! {
    /// What `GetAddressBookUrl` answers ([MS-OXCMAPIHTTP] 2.2.5.19.2).
    pub struct GetAddressBookUrlResponse as "GetAddressBookUrl" {
        /// The URL of the address book's endpoint.
        pub server_url: Utf16 = "ServerUrl",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}
