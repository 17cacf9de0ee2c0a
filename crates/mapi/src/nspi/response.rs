//! Responses of NSPI ([MS-OXNSPI] 3.1.4).

use rpc::ndr::{ContextHandle, Ptr};

use super::types::{MIdArray, PropertyNameSet, PropertyTagArray, Stat};
use super::value::{PropertyRow, PropertyRowSet};
use crate::ErrorCode;
use crate::data::FlatUid;

crate::inspect::part::inspect_params! {
    /// `NspiBind` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct BindResponse as "NspiBind" {
        /// The server's GUID.
        pub server_guid: Ptr<FlatUid> = "pServerGuid",
        /// The session.
        pub handle: ContextHandle = "contextHandle",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::part::inspect_params! {
    /// `NspiUnbind` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct UnbindResponse as "NspiUnbind" {
        /// No session any more: null.
        pub handle: ContextHandle = "contextHandle",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::part::inspect_params! {
    /// `NspiUpdateStat` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct UpdateStatResponse as "NspiUpdateStat" {
        /// The place in the table, updated.
        pub stat: Stat = "pStat",
        /// How many rows the place has moved.
        pub delta: Ptr<i32> = "plDelta",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::part::inspect_params! {
    /// `NspiQueryRows` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct QueryRowsResponse as "NspiQueryRows" {
        /// The place in the table, updated.
        pub stat: Stat = "pStat",
        /// The rows; null if no row is returned.
        pub rows: Ptr<PropertyRowSet> = "ppRows",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::part::inspect_params! {
    /// `NspiSeekEntries` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct SeekEntriesResponse as "NspiSeekEntries" {
        /// The place in the table, updated.
        pub stat: Stat = "pStat",
        /// The rows; null if no row is returned.
        pub rows: Ptr<PropertyRowSet> = "ppRows",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::part::inspect_params! {
    /// `NspiGetMatches` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetMatchesResponse as "NspiGetMatches" {
        /// The place in the table, updated.
        pub stat: Stat = "pStat",
        /// The objects, by their Minimal Entry IDs.
        pub mids: Ptr<MIdArray> = "ppOutMIds",
        /// The rows; null if no row is returned.
        pub rows: Ptr<PropertyRowSet> = "ppRows",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::part::inspect_params! {
    /// `NspiResortRestriction` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ResortRestrictionResponse as "NspiResortRestriction" {
        /// The place in the table, updated.
        pub stat: Stat = "pStat",
        /// The rows, sorted.
        pub out_mids: Ptr<MIdArray> = "ppOutMIds",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::part::inspect_params! {
    /// `NspiDNToMId` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct DNToMIdResponse as "NspiDNToMId" {
        /// For each name its object's Minimal Entry ID, or zero.
        pub mids: Ptr<MIdArray> = "ppOutMIds",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::part::inspect_params! {
    /// `NspiGetPropList` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetPropListResponse as "NspiGetPropList" {
        /// The properties.
        pub prop_tags: Ptr<PropertyTagArray> = "ppPropTags",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::part::inspect_params! {
    /// `NspiGetProps` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetPropsResponse as "NspiGetProps" {
        /// The properties.
        pub row: Ptr<PropertyRow> = "ppRows",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::part::inspect_params! {
    /// `NspiCompareMIds` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct CompareMIdsResponse as "NspiCompareMIds" {
        /// Less than, equal to or greater than zero, as the first object stands before, at or after the second.
        pub result: i32 = "plResult",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::part::inspect_params! {
    /// `NspiModProps` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ModPropsResponse as "NspiModProps" {
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::part::inspect_params! {
    /// `NspiGetSpecialTable` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetSpecialTableResponse as "NspiGetSpecialTable" {
        /// The table's version.
        pub version: u32 = "lpVersion",
        /// The rows; null when the client has this version.
        pub rows: Ptr<PropertyRowSet> = "ppRows",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::part::inspect_params! {
    /// `NspiGetTemplateInfo` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetTemplateInfoResponse as "NspiGetTemplateInfo" {
        /// The template.
        pub data: Ptr<PropertyRow> = "ppData",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::part::inspect_params! {
    /// `NspiModLinkAtt` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ModLinkAttResponse as "NspiModLinkAtt" {
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::part::inspect_params! {
    /// `NspiDeleteEntries` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct DeleteEntriesResponse as "NspiDeleteEntries" {
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::part::inspect_params! {
    /// `NspiQueryColumns` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct QueryColumnsResponse as "NspiQueryColumns" {
        /// The properties.
        pub columns: Ptr<PropertyTagArray> = "ppColumns",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::part::inspect_params! {
    /// `NspiGetNamesFromIDs` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetNamesFromIDsResponse as "NspiGetNamesFromIDs" {
        /// The properties of the property set.
        pub prop_tags: Ptr<PropertyTagArray> = "ppReturnedPropTags",
        /// Their names.
        pub names: Ptr<PropertyNameSet> = "ppNames",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::part::inspect_params! {
    /// `NspiGetIDsFromNames` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetIDsFromNamesResponse as "NspiGetIDsFromNames" {
        /// For each name its property.
        pub prop_tags: Ptr<PropertyTagArray> = "ppPropTags",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::part::inspect_params! {
    /// `NspiResolveNames` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ResolveNamesResponse as "NspiResolveNames" {
        /// For each name its object's Minimal Entry ID, or one of the reserved ones.
        pub mids: Ptr<MIdArray> = "ppMIds",
        /// The rows; null if no row is returned.
        pub rows: Ptr<PropertyRowSet> = "ppRows",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

crate::inspect::part::inspect_params! {
    /// `NspiResolveNamesW` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ResolveNamesWResponse as "NspiResolveNamesW" {
        /// For each name its object's Minimal Entry ID, or one of the reserved ones.
        pub mids: Ptr<MIdArray> = "ppMIds",
        /// The rows; null if no row is returned.
        pub rows: Ptr<PropertyRowSet> = "ppRows",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}
