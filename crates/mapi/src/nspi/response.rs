//! Responses of NSPI: the `[out]` parameters of its operations ([MS-OXNSPI] 3.1.4).

use rpc::ndr::{ContextHandle, Ptr};

use super::types::{MIdArray, PropertyNameSet, PropertyTagArray, Stat};
use super::value::{PropertyRow, PropertyRowSet};
use crate::ErrorCode;
use crate::data::FlatUid;

crate::inspect::field::inspect_params! {
    /// `NspiBind`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct BindResponse as "NspiBind" {
        /// The GUID of the server.
        pub server_guid: Ptr<FlatUid> = "pServerGuid",
        /// The context handle of the session.
        pub handle: ContextHandle = "contextHandle",
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiUnbind`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct UnbindResponse as "NspiUnbind" {
        /// The context handle after the end of the session: null.
        pub handle: ContextHandle = "contextHandle",
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiUpdateStat`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct UpdateStatResponse as "NspiUpdateStat" {
        /// The new position in the table.
        pub stat: Stat = "pStat",
        /// The number of rows by which the position moved.
        pub delta: Ptr<i32> = "plDelta",
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiQueryRows`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct QueryRowsResponse as "NspiQueryRows" {
        /// The new position in the table.
        pub stat: Stat = "pStat",
        /// The rows, or null without rows.
        pub rows: Ptr<PropertyRowSet> = "ppRows",
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiSeekEntries`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct SeekEntriesResponse as "NspiSeekEntries" {
        /// The new position in the table.
        pub stat: Stat = "pStat",
        /// The rows, or null without rows.
        pub rows: Ptr<PropertyRowSet> = "ppRows",
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiGetMatches`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetMatchesResponse as "NspiGetMatches" {
        /// The new position in the table.
        pub stat: Stat = "pStat",
        /// The Minimal Entry IDs of the matching objects.
        pub mids: Ptr<MIdArray> = "ppOutMIds",
        /// The rows, or null without rows.
        pub rows: Ptr<PropertyRowSet> = "ppRows",
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiResortRestriction`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ResortRestrictionResponse as "NspiResortRestriction" {
        /// The new position in the table.
        pub stat: Stat = "pStat",
        /// The sorted objects.
        pub out_mids: Ptr<MIdArray> = "ppOutMIds",
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiDNToMId`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct DNToMIdResponse as "NspiDNToMId" {
        /// The Minimal Entry ID for each name, or zero.
        pub mids: Ptr<MIdArray> = "ppOutMIds",
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiGetPropList`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetPropListResponse as "NspiGetPropList" {
        /// The properties of the object.
        pub prop_tags: Ptr<PropertyTagArray> = "ppPropTags",
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiGetProps`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetPropsResponse as "NspiGetProps" {
        /// The requested properties.
        pub row: Ptr<PropertyRow> = "ppRows",
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiCompareMIds`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct CompareMIdsResponse as "NspiCompareMIds" {
        /// Negative if the first object is before the second, positive if it is after it, zero if they are the same.
        pub result: i32 = "plResult",
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiModProps`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ModPropsResponse as "NspiModProps" {
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiGetSpecialTable`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetSpecialTableResponse as "NspiGetSpecialTable" {
        /// The version of the server's table.
        pub version: u32 = "lpVersion",
        /// The rows of the table; null if the client has the current version.
        pub rows: Ptr<PropertyRowSet> = "ppRows",
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiGetTemplateInfo`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetTemplateInfoResponse as "NspiGetTemplateInfo" {
        /// The properties of the template.
        pub data: Ptr<PropertyRow> = "ppData",
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiModLinkAtt`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ModLinkAttResponse as "NspiModLinkAtt" {
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiDeleteEntries`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct DeleteEntriesResponse as "NspiDeleteEntries" {
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiQueryColumns`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct QueryColumnsResponse as "NspiQueryColumns" {
        /// The properties of the address book.
        pub columns: Ptr<PropertyTagArray> = "ppColumns",
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiGetNamesFromIDs`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetNamesFromIDsResponse as "NspiGetNamesFromIDs" {
        /// The properties of the property set.
        pub prop_tags: Ptr<PropertyTagArray> = "ppReturnedPropTags",
        /// The names of these properties.
        pub names: Ptr<PropertyNameSet> = "ppNames",
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiGetIDsFromNames`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetIDsFromNamesResponse as "NspiGetIDsFromNames" {
        /// The property for each name.
        pub prop_tags: Ptr<PropertyTagArray> = "ppPropTags",
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiResolveNames`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ResolveNamesResponse as "NspiResolveNames" {
        /// The result for each name, see [`MId::MID_RESOLVED`](crate::data::MId::MID_RESOLVED).
        pub mids: Ptr<MIdArray> = "ppMIds",
        /// The rows, or null without rows.
        pub rows: Ptr<PropertyRowSet> = "ppRows",
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiResolveNamesW`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ResolveNamesWResponse as "NspiResolveNamesW" {
        /// The result for each name, see [`MId::MID_RESOLVED`](crate::data::MId::MID_RESOLVED).
        pub mids: Ptr<MIdArray> = "ppMIds",
        /// The rows, or null without rows.
        pub rows: Ptr<PropertyRowSet> = "ppRows",
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}
