//! Requests of NSPI ([MS-OXNSPI] 3.1.4).

use rpc::ndr::{CharString, ContextHandle, Ndr, NdrReader, NdrWriter, Params, Ptr, SizedArray, SizedPtr};
use wire::{Endian, Result};

use super::restriction::Restriction;
use super::types::{MIdArray, PropertyName, PropertyTagArray, Stat, StringsArray, WStringsArray};
use super::value::{PropertyRow, PropertyValue};
use crate::data::{DisplayType, FlatUid, MId};
use crate::property::PropTag;

crate::inspect::part::inspect_params! {
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

crate::inspect::part::inspect_params! {
    /// `NspiUnbind` as it is asked ([MS-OXNSPI] 3.1.4.1.2).
    #[derive(Debug, Clone, PartialEq)]
    pub struct UnbindRequest as "NspiUnbind" {
        /// The session.
        pub handle: ContextHandle = "contextHandle",
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
    }
}

crate::inspect::part::inspect_params! {
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

crate::inspect::part::inspect_params! {
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

crate::inspect::part::inspect_params! {
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

crate::inspect::part::inspect_params! {
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

crate::inspect::part::inspect_params! {
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

crate::inspect::part::inspect_params! {
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

crate::inspect::part::inspect_params! {
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

crate::inspect::part::inspect_params! {
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

crate::inspect::part::inspect_params! {
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

crate::inspect::part::inspect_params! {
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

crate::inspect::part::inspect_params! {
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

crate::inspect::part::inspect_params! {
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

crate::inspect::part::inspect_params! {
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
        let handle = ContextHandle::read(r, "hRpc").map_err(|error| error.within("NspiDeleteEntries"))?;
        Ok(Self { handle, rest: r.rest().to_vec() })
    }

    fn write_params(&self, w: &mut NdrWriter) -> Result<()> {
        self.handle.write(w, "hRpc")?;
        w.inner().bytes(&self.rest);
        Ok(())
    }
}

crate::inspect::part::inspect_params! {
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

crate::inspect::part::inspect_params! {
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

crate::inspect::part::inspect_params! {
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

crate::inspect::part::inspect_params! {
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

crate::inspect::part::inspect_params! {
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
