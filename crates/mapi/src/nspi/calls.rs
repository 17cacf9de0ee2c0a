use rpc::ndr::{CharString, ContextHandle, Counted, NdrReader, NdrWriter, Params, Ptr, SizedArray, SizedPtr};
use rpc::ndr_params;
use wire::{Endian, Result};

use super::{
    DisplayType, FlatUid, MId, MIdArray, PropertyName, PropertyRow, PropertyRowSet, PropertyTagArray,
    PropertyValue, Restriction, Stat, StringsArray, WStringsArray,
};
use crate::operations::rpc_operations;
use crate::property::PropTag;
use crate::{ErrorCode, Interface};

/// `PropertyNameSet_r` ([MS-NSPI] 2.3.5.2).
pub type PropertyNameSet = Counted<PropertyName>;

rpc_operations! { Interface::NSPI;
    /// Begins a session ([MS-OXNSPI] 3.1.4.1.1).
    0 => Bind(BindRequest, BindResponse);
    /// Ends a session ([MS-OXNSPI] 3.1.4.1.2).
    1 => Unbind(UnbindRequest, UnbindResponse);
    /// Moves the place in a table ([MS-OXNSPI] 3.1.4.1.4).
    2 => UpdateStat(UpdateStatRequest, UpdateStatResponse);
    /// Reads rows ([MS-OXNSPI] 3.1.4.1.8).
    3 => QueryRows(QueryRowsRequest, QueryRowsResponse);
    /// Moves the place in a table to a value, and reads rows ([MS-OXNSPI] 3.1.4.1.9).
    4 => SeekEntries(SeekEntriesRequest, SeekEntriesResponse);
    /// Finds rows by a restriction or by a property that refers to them ([MS-OXNSPI] 3.1.4.1.10).
    5 => GetMatches(GetMatchesRequest, GetMatchesResponse);
    /// Sorts the rows that were found ([MS-OXNSPI] 3.1.4.1.11).
    6 => ResortRestriction(ResortRestrictionRequest, ResortRestrictionResponse);
    /// Maps distinguished names to objects ([MS-OXNSPI] 3.1.4.1.13).
    7 => DNToMId(DNToMIdRequest, DNToMIdResponse);
    /// Lists the properties that an object has ([MS-OXNSPI] 3.1.4.1.6).
    8 => GetPropList(GetPropListRequest, GetPropListResponse);
    /// Reads properties of the current row ([MS-OXNSPI] 3.1.4.1.7).
    9 => GetProps(GetPropsRequest, GetPropsResponse);
    /// Compares the places of two objects in a table ([MS-OXNSPI] 3.1.4.1.12).
    10 => CompareMIds(CompareMIdsRequest, CompareMIdsResponse);
    /// Changes properties of the current row ([MS-OXNSPI] 3.1.4.1.14).
    11 => ModProps(ModPropsRequest, ModPropsResponse);
    /// Reads the table of containers, or of address creation templates ([MS-OXNSPI] 3.1.4.1.3).
    12 => GetSpecialTable(GetSpecialTableRequest, GetSpecialTableResponse);
    /// Reads an address template ([MS-OXNSPI] 3.1.4.1.18).
    13 => GetTemplateInfo(GetTemplateInfoRequest, GetTemplateInfoResponse);
    /// Changes a property that refers to objects ([MS-OXNSPI] 3.1.4.1.15).
    14 => ModLinkAtt(ModLinkAttRequest, ModLinkAttResponse);
    /// Not used on the wire; the parameters are not documented ([MS-OXNSPI] 3.1.4.1).
    15 => DeleteEntries(DeleteEntriesRequest, DeleteEntriesResponse);
    /// Lists the properties that the server knows ([MS-OXNSPI] 3.1.4.1.5).
    16 => QueryColumns(QueryColumnsRequest, QueryColumnsResponse);
    /// Maps property ids to names ([MS-NSPI] 3.1.4.16).
    17 => GetNamesFromIDs(GetNamesFromIDsRequest, GetNamesFromIDsResponse);
    /// Maps names to property ids ([MS-NSPI] 3.1.4.17).
    18 => GetIDsFromNames(GetIDsFromNamesRequest, GetIDsFromNamesResponse);
    /// Resolves names that are 8-bit texts ([MS-OXNSPI] 3.1.4.1.16).
    19 => ResolveNames(ResolveNamesRequest, ResolveNamesResponse);
    /// Resolves names that are UTF-16 texts ([MS-OXNSPI] 3.1.4.1.17).
    20 => ResolveNamesW(ResolveNamesWRequest, ResolveNamesWResponse);
}

ndr_params! {
    /// `NspiBind` as it is asked ([MS-OXNSPI] 3.1.4.1.1).
    #[derive(Debug, Clone, PartialEq)]
    pub struct BindRequest as "NspiBind" {
        /// `fAnonymousLogin` or zero ([MS-OXNSPI] 2.2.1.11).
        pub flags: u32 = "dwFlags",
        /// The code page and the locales that the client would like.
        pub stat: Stat = "pStat",
        /// Where the server's GUID is to be put.
        pub server_guid: Ptr<FlatUid> = "pServerGuid",
    }
}

ndr_params! {
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

ndr_params! {
    /// `NspiUnbind` as it is asked ([MS-OXNSPI] 3.1.4.1.2).
    #[derive(Debug, Clone, PartialEq)]
    pub struct UnbindRequest as "NspiUnbind" {
        /// The session.
        pub handle: ContextHandle = "contextHandle",
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
    }
}

ndr_params! {
    /// `NspiUnbind` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct UnbindResponse as "NspiUnbind" {
        /// No session any more: null.
        pub handle: ContextHandle = "contextHandle",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

ndr_params! {
    /// `NspiUpdateStat` as it is asked ([MS-OXNSPI] 3.1.4.1.4).
    #[derive(Debug, Clone, PartialEq)]
    pub struct UpdateStatRequest as "NspiUpdateStat" {
        /// The session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// The place in the table.
        pub stat: Stat = "pStat",
        /// Where the number of rows moved is to be put, if it is wanted.
        pub delta: Ptr<i32> = "plDelta",
    }
}

ndr_params! {
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

ndr_params! {
    /// `NspiQueryRows` as it is asked ([MS-OXNSPI] 3.1.4.1.8).
    #[derive(Debug, Clone, PartialEq)]
    pub struct QueryRowsRequest as "NspiQueryRows" {
        /// The session.
        pub handle: ContextHandle = "hRpc",
        /// `fSkipObjects`, `fEphID` ([MS-OXNSPI] 2.2.1.12).
        pub flags: u32 = "dwFlags",
        /// The place in the table.
        pub stat: Stat = "pStat",
        /// The rows asked for; null for those at the place in the table.
        pub table: SizedPtr<MId> = "lpETable",
        /// How many rows are asked for.
        pub count: u32 = "Count",
        /// The columns that are asked for; null for the server's choice.
        pub prop_tags: Ptr<PropertyTagArray> = "pPropTags",
    }
}

ndr_params! {
    /// `NspiQueryRows` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct QueryRowsResponse as "NspiQueryRows" {
        /// The place in the table, updated.
        pub stat: Stat = "pStat",
        /// The rows; null when there are none to return.
        pub rows: Ptr<PropertyRowSet> = "ppRows",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

ndr_params! {
    /// `NspiSeekEntries` as it is asked ([MS-OXNSPI] 3.1.4.1.9).
    #[derive(Debug, Clone, PartialEq)]
    pub struct SeekEntriesRequest as "NspiSeekEntries" {
        /// The session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// The place in the table.
        pub stat: Stat = "pStat",
        /// The value that is sought.
        pub target: PropertyValue = "pTarget",
        /// The rows among which it is sought; null for those of the container.
        pub table: Ptr<MIdArray> = "lpETable",
        /// The columns that are asked for; null for the server's choice.
        pub prop_tags: Ptr<PropertyTagArray> = "pPropTags",
    }
}

ndr_params! {
    /// `NspiSeekEntries` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct SeekEntriesResponse as "NspiSeekEntries" {
        /// The place in the table, updated.
        pub stat: Stat = "pStat",
        /// The rows; null when there are none to return.
        pub rows: Ptr<PropertyRowSet> = "ppRows",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

ndr_params! {
    /// `NspiGetMatches` as it is asked ([MS-OXNSPI] 3.1.4.1.10).
    #[derive(Debug, Clone, PartialEq)]
    pub struct GetMatchesRequest as "NspiGetMatches" {
        /// The session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved, zero.
        pub reserved1: u32 = "Reserved1",
        /// The place in the table.
        pub stat: Stat = "pStat",
        /// Reserved, null.
        pub reserved: Ptr<MIdArray> = "pReserved",
        /// Reserved, zero.
        pub reserved2: u32 = "Reserved2",
        /// The restriction.
        pub filter: Ptr<Restriction> = "Filter",
        /// The property that refers to the rows.
        pub prop_name: Ptr<PropertyName> = "lpPropName",
        /// How many rows are asked for at most.
        pub requested: u32 = "ulRequested",
        /// The columns that are asked for; null for the server's choice.
        pub prop_tags: Ptr<PropertyTagArray> = "pPropTags",
    }
}

ndr_params! {
    /// `NspiGetMatches` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetMatchesResponse as "NspiGetMatches" {
        /// The place in the table, updated.
        pub stat: Stat = "pStat",
        /// The objects, by their Minimal Entry IDs.
        pub mids: Ptr<MIdArray> = "ppOutMIds",
        /// The rows; null when there are none to return.
        pub rows: Ptr<PropertyRowSet> = "ppRows",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

ndr_params! {
    /// `NspiResortRestriction` as it is asked ([MS-OXNSPI] 3.1.4.1.11).
    #[derive(Debug, Clone, PartialEq)]
    pub struct ResortRestrictionRequest as "NspiResortRestriction" {
        /// The session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// The place in the table.
        pub stat: Stat = "pStat",
        /// The rows.
        pub in_mids: MIdArray = "pInMIds",
        /// Where the answer is to be put.
        pub out_mids: Ptr<MIdArray> = "ppOutMIds",
    }
}

ndr_params! {
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

ndr_params! {
    /// `NspiDNToMId` as it is asked ([MS-OXNSPI] 3.1.4.1.13).
    #[derive(Debug, Clone, PartialEq)]
    pub struct DNToMIdRequest as "NspiDNToMId" {
        /// The session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// The distinguished names.
        pub names: StringsArray = "pNames",
    }
}

ndr_params! {
    /// `NspiDNToMId` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct DNToMIdResponse as "NspiDNToMId" {
        /// For each name its object's Minimal Entry ID, or zero.
        pub mids: Ptr<MIdArray> = "ppOutMIds",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

ndr_params! {
    /// `NspiGetPropList` as it is asked ([MS-OXNSPI] 3.1.4.1.6).
    #[derive(Debug, Clone, PartialEq)]
    pub struct GetPropListRequest as "NspiGetPropList" {
        /// The session.
        pub handle: ContextHandle = "hRpc",
        /// `fSkipObjects` ([MS-OXNSPI] 2.2.1.12).
        pub flags: u32 = "dwFlags",
        /// The object.
        pub mid: MId = "dwMId",
        /// The code page: it decides on the type of texts.
        pub code_page: u32 = "CodePage",
    }
}

ndr_params! {
    /// `NspiGetPropList` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetPropListResponse as "NspiGetPropList" {
        /// The properties.
        pub prop_tags: Ptr<PropertyTagArray> = "ppPropTags",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

ndr_params! {
    /// `NspiGetProps` as it is asked ([MS-OXNSPI] 3.1.4.1.7).
    #[derive(Debug, Clone, PartialEq)]
    pub struct GetPropsRequest as "NspiGetProps" {
        /// The session.
        pub handle: ContextHandle = "hRpc",
        /// `fSkipObjects`, `fEphID` ([MS-OXNSPI] 2.2.1.12).
        pub flags: u32 = "dwFlags",
        /// The place in the table.
        pub stat: Stat = "pStat",
        /// The columns that are asked for; null for the server's choice.
        pub prop_tags: Ptr<PropertyTagArray> = "pPropTags",
    }
}

ndr_params! {
    /// `NspiGetProps` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetPropsResponse as "NspiGetProps" {
        /// The properties.
        pub row: Ptr<PropertyRow> = "ppRows",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

ndr_params! {
    /// `NspiCompareMIds` as it is asked ([MS-OXNSPI] 3.1.4.1.12).
    #[derive(Debug, Clone, PartialEq)]
    pub struct CompareMIdsRequest as "NspiCompareMIds" {
        /// The session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// The table.
        pub stat: Stat = "pStat",
        /// The first object.
        pub mid1: MId = "MId1",
        /// The second object.
        pub mid2: MId = "MId2",
    }
}

ndr_params! {
    /// `NspiCompareMIds` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct CompareMIdsResponse as "NspiCompareMIds" {
        /// Less than, equal to or greater than zero, as the first object stands before, at or after the second.
        pub result: i32 = "plResult",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

ndr_params! {
    /// `NspiModProps` as it is asked ([MS-OXNSPI] 3.1.4.1.14).
    #[derive(Debug, Clone, PartialEq)]
    pub struct ModPropsRequest as "NspiModProps" {
        /// The session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// The place in the table.
        pub stat: Stat = "pStat",
        /// Properties to remove.
        pub prop_tags: Ptr<PropertyTagArray> = "pPropTags",
        /// Properties to set.
        pub row: PropertyRow = "pRow",
    }
}

ndr_params! {
    /// `NspiModProps` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ModPropsResponse as "NspiModProps" {
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

ndr_params! {
    /// `NspiGetSpecialTable` as it is asked ([MS-OXNSPI] 3.1.4.1.3).
    #[derive(Debug, Clone, PartialEq)]
    pub struct GetSpecialTableRequest as "NspiGetSpecialTable" {
        /// The session.
        pub handle: ContextHandle = "hRpc",
        /// `NspiAddressCreationTemplates`, `NspiUnicodeStrings` ([MS-OXNSPI] 2.2.1.13).
        pub flags: u32 = "dwFlags",
        /// The code page and the locale.
        pub stat: Stat = "pStat",
        /// The version of the table that the client has.
        pub version: u32 = "lpVersion",
    }
}

ndr_params! {
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

ndr_params! {
    /// `NspiGetTemplateInfo` as it is asked ([MS-OXNSPI] 3.1.4.1.18).
    #[derive(Debug, Clone, PartialEq)]
    pub struct GetTemplateInfoRequest as "NspiGetTemplateInfo" {
        /// The session.
        pub handle: ContextHandle = "hRpc",
        /// What is asked for ([MS-OXNSPI] 2.2.1.15).
        pub flags: u32 = "dwFlags",
        /// The type of the objects that the template is for.
        pub display_type: DisplayType = "ulType",
        /// The template's distinguished name; null to look by the type.
        pub dn: Ptr<CharString> = "pDN",
        /// The template's code page.
        pub code_page: u32 = "dwCodePage",
        /// The template's locale.
        pub locale_id: u32 = "dwLocaleID",
    }
}

ndr_params! {
    /// `NspiGetTemplateInfo` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetTemplateInfoResponse as "NspiGetTemplateInfo" {
        /// The template.
        pub data: Ptr<PropertyRow> = "ppData",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

ndr_params! {
    /// `NspiModLinkAtt` as it is asked ([MS-OXNSPI] 3.1.4.1.15).
    #[derive(Debug, Clone, PartialEq)]
    pub struct ModLinkAttRequest as "NspiModLinkAtt" {
        /// The session.
        pub handle: ContextHandle = "hRpc",
        /// `fDelete` or zero ([MS-OXNSPI] 2.2.1.16).
        pub flags: u32 = "dwFlags",
        /// The property.
        pub prop_tag: PropTag = "ulPropTag",
        /// The object that has it.
        pub mid: MId = "dwMId",
        /// The objects referred to, by their entry ids.
        pub entry_ids: SizedPtr<SizedPtr<u8>> = "lpEntryIds",
    }
}

ndr_params! {
    /// `NspiModLinkAtt` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ModLinkAttResponse as "NspiModLinkAtt" {
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

/// `NspiDeleteEntries`, whose parameters no specification gives. It takes the session's handle, as all
/// operations do; the rest is passed on as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeleteEntriesRequest {
    /// The session.
    pub handle: ContextHandle,
    /// All that follows.
    pub rest: Vec<u8>,
}

impl Params for DeleteEntriesRequest {
    fn read_params(r: &mut NdrReader<'_>) -> Result<Self> {
        if r.endian() == Endian::Big {
            let expected = "little-endian integers: the parameters are not known";
            return Err(r.inner().invalid("byte order", 0, expected).within("NspiDeleteEntries"));
        }
        let handle = rpc::ndr::Ndr::read(r, "hRpc").map_err(|error| error.within("NspiDeleteEntries"))?;
        Ok(Self { handle, rest: r.rest().to_vec() })
    }

    fn write_params(&self, w: &mut NdrWriter) -> Result<()> {
        rpc::ndr::Ndr::write(&self.handle, w, "hRpc")?;
        w.inner().bytes(&self.rest);
        Ok(())
    }
}

ndr_params! {
    /// `NspiDeleteEntries` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct DeleteEntriesResponse as "NspiDeleteEntries" {
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

ndr_params! {
    /// `NspiQueryColumns` as it is asked ([MS-OXNSPI] 3.1.4.1.5).
    #[derive(Debug, Clone, PartialEq)]
    pub struct QueryColumnsRequest as "NspiQueryColumns" {
        /// The session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// `NspiUnicodeProptypes` or zero ([MS-OXNSPI] 2.2.1.14).
        pub flags: u32 = "dwFlags",
    }
}

ndr_params! {
    /// `NspiQueryColumns` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct QueryColumnsResponse as "NspiQueryColumns" {
        /// The properties.
        pub columns: Ptr<PropertyTagArray> = "ppColumns",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

ndr_params! {
    /// `NspiGetNamesFromIDs` as it is asked ([MS-NSPI] 3.1.4.16).
    #[derive(Debug, Clone, PartialEq)]
    pub struct GetNamesFromIDsRequest as "NspiGetNamesFromIDs" {
        /// The session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// The property set asked about.
        pub guid: Ptr<FlatUid> = "lpguid",
        /// The properties asked about.
        pub prop_tags: Ptr<PropertyTagArray> = "pPropTags",
    }
}

ndr_params! {
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

ndr_params! {
    /// `NspiGetIDsFromNames` as it is asked ([MS-NSPI] 3.1.4.17).
    #[derive(Debug, Clone, PartialEq)]
    pub struct GetIDsFromNamesRequest as "NspiGetIDsFromNames" {
        /// The session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// `NspiVerifyNames` or zero.
        pub flags: u32 = "dwFlags",
        /// The names.
        pub names: SizedArray<Ptr<PropertyName>> = "pNames",
    }
}

ndr_params! {
    /// `NspiGetIDsFromNames` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetIDsFromNamesResponse as "NspiGetIDsFromNames" {
        /// For each name its property.
        pub prop_tags: Ptr<PropertyTagArray> = "ppPropTags",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

ndr_params! {
    /// `NspiResolveNames` as it is asked ([MS-OXNSPI] 3.1.4.1.16).
    #[derive(Debug, Clone, PartialEq)]
    pub struct ResolveNamesRequest as "NspiResolveNames" {
        /// The session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// The container, the code page and the locales.
        pub stat: Stat = "pStat",
        /// The columns that are asked for; null for the server's choice.
        pub prop_tags: Ptr<PropertyTagArray> = "pPropTags",
        /// The names.
        pub names: StringsArray = "paStr",
    }
}

ndr_params! {
    /// `NspiResolveNames` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ResolveNamesResponse as "NspiResolveNames" {
        /// For each name its object's Minimal Entry ID, or one of the reserved ones.
        pub mids: Ptr<MIdArray> = "ppMIds",
        /// The rows; null when there are none to return.
        pub rows: Ptr<PropertyRowSet> = "ppRows",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}

ndr_params! {
    /// `NspiResolveNamesW` as it is asked ([MS-OXNSPI] 3.1.4.1.17).
    #[derive(Debug, Clone, PartialEq)]
    pub struct ResolveNamesWRequest as "NspiResolveNamesW" {
        /// The session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// The container, the code page and the locales.
        pub stat: Stat = "pStat",
        /// The columns that are asked for; null for the server's choice.
        pub prop_tags: Ptr<PropertyTagArray> = "pPropTags",
        /// The names.
        pub names: WStringsArray = "paWStr",
    }
}

ndr_params! {
    /// `NspiResolveNamesW` as it is answered.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ResolveNamesWResponse as "NspiResolveNamesW" {
        /// For each name its object's Minimal Entry ID, or one of the reserved ones.
        pub mids: Ptr<MIdArray> = "ppMIds",
        /// The rows; null when there are none to return.
        pub rows: Ptr<PropertyRowSet> = "ppRows",
        /// Zero, or what went wrong.
        pub return_value: ErrorCode = "return value",
    }
}
