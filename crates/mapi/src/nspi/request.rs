//! Requests of NSPI: the `[in]` parameters of its operations ([MS-OXNSPI] 3.1.4).

use rpc::ndr::{CharString, ContextHandle, Ndr, NdrReader, NdrWriter, Params, Ptr, SizedArray, SizedPtr};
use wire::{Endian, Result};

use super::restriction::Restriction;
use super::types::{MIdArray, PropertyName, PropertyTagArray, Stat, StringsArray, WStringsArray};
use super::value::{PropertyRow, PropertyValue};
use crate::data::{DisplayType, FlatUid, MId};
use crate::property::PropTag;

crate::inspect::field::inspect_params! {
    /// `NspiBind`: the request ([MS-OXNSPI] 3.1.4.1.1).
    #[derive(Debug, Clone, PartialEq)]
    pub struct BindRequest as "NspiBind" {
        /// `fAnonymousLogin` or zero ([MS-OXNSPI] 2.2.1.11).
        pub flags: u32 = "dwFlags",
        /// The code page and the locales that the client requests.
        pub stat: Stat = "pStat",
        /// Not null if the client requests the GUID of the server.
        pub server_guid: Ptr<FlatUid> = "pServerGuid",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiUnbind`: the request ([MS-OXNSPI] 3.1.4.1.2).
    #[derive(Debug, Clone, PartialEq)]
    pub struct UnbindRequest as "NspiUnbind" {
        /// The context handle of the session.
        pub handle: ContextHandle = "contextHandle",
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiUpdateStat`: the request ([MS-OXNSPI] 3.1.4.1.4).
    #[derive(Debug, Clone, PartialEq)]
    pub struct UpdateStatRequest as "NspiUpdateStat" {
        /// The context handle of the session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// The container, the current position in its table, and the locales.
        pub stat: Stat = "pStat",
        /// Not null if the client requests the number of rows by which the position moved.
        pub delta: Ptr<i32> = "plDelta",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiQueryRows`: the request ([MS-OXNSPI] 3.1.4.1.8).
    #[derive(Debug, Clone, PartialEq)]
    pub struct QueryRowsRequest as "NspiQueryRows" {
        /// The context handle of the session.
        pub handle: ContextHandle = "hRpc",
        /// `fSkipObjects`, `fEphID` ([MS-OXNSPI] 2.2.1.12).
        pub flags: u32 = "dwFlags",
        /// The container, the current position in its table, and the locales.
        pub stat: Stat = "pStat",
        /// The objects whose rows are requested; null for the rows from the current position on.
        pub table: SizedPtr<MId> = "lpETable",
        /// The maximum number of rows to return.
        pub count: u32 = "Count",
        /// The requested columns; null for the default columns.
        pub prop_tags: Ptr<PropertyTagArray> = "pPropTags",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiSeekEntries`: the request ([MS-OXNSPI] 3.1.4.1.9).
    #[derive(Debug, Clone, PartialEq)]
    pub struct SeekEntriesRequest as "NspiSeekEntries" {
        /// The context handle of the session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// The container, the current position in its table, and the locales.
        pub stat: Stat = "pStat",
        /// The property value to which the current position moves.
        pub target: PropertyValue = "pTarget",
        /// The objects of the table; null for those of the container.
        pub table: Ptr<MIdArray> = "lpETable",
        /// The requested columns; null for the default columns.
        pub prop_tags: Ptr<PropertyTagArray> = "pPropTags",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiGetMatches`: the request ([MS-OXNSPI] 3.1.4.1.10).
    #[derive(Debug, Clone, PartialEq)]
    pub struct GetMatchesRequest as "NspiGetMatches" {
        /// The context handle of the session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved; zero.
        pub reserved1: u32 = "Reserved1",
        /// The container, the current position in its table, and the locales.
        pub stat: Stat = "pStat",
        /// Reserved; null.
        pub reserved: Ptr<MIdArray> = "pReserved",
        /// Reserved; zero.
        pub reserved2: u32 = "Reserved2",
        /// The restriction that the objects must match.
        pub filter: Ptr<Restriction> = "Filter",
        /// The property whose value is to be read as a container.
        pub prop_name: Ptr<PropertyName> = "lpPropName",
        /// The maximum number of rows to return.
        pub requested: u32 = "ulRequested",
        /// The requested columns; null for the default columns.
        pub prop_tags: Ptr<PropertyTagArray> = "pPropTags",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiResortRestriction`: the request ([MS-OXNSPI] 3.1.4.1.11).
    #[derive(Debug, Clone, PartialEq)]
    pub struct ResortRestrictionRequest as "NspiResortRestriction" {
        /// The context handle of the session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// The container, the current position in its table, and the locales.
        pub stat: Stat = "pStat",
        /// The objects to sort.
        pub in_mids: MIdArray = "pInMIds",
        /// Not null if the client requests the sorted list.
        pub out_mids: Ptr<MIdArray> = "ppOutMIds",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiDNToMId`: the request ([MS-OXNSPI] 3.1.4.1.13).
    #[derive(Debug, Clone, PartialEq)]
    pub struct DNToMIdRequest as "NspiDNToMId" {
        /// The context handle of the session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// The distinguished names.
        pub names: StringsArray = "pNames",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiGetPropList`: the request ([MS-OXNSPI] 3.1.4.1.6).
    #[derive(Debug, Clone, PartialEq)]
    pub struct GetPropListRequest as "NspiGetPropList" {
        /// The context handle of the session.
        pub handle: ContextHandle = "hRpc",
        /// `fSkipObjects` ([MS-OXNSPI] 2.2.1.12).
        pub flags: u32 = "dwFlags",
        /// The object whose properties are requested.
        pub mid: MId = "dwMId",
        /// The code page, which determines the types of strings.
        pub code_page: u32 = "CodePage",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiGetProps`: the request ([MS-OXNSPI] 3.1.4.1.7).
    #[derive(Debug, Clone, PartialEq)]
    pub struct GetPropsRequest as "NspiGetProps" {
        /// The context handle of the session.
        pub handle: ContextHandle = "hRpc",
        /// `fSkipObjects`, `fEphID` ([MS-OXNSPI] 2.2.1.12).
        pub flags: u32 = "dwFlags",
        /// The container, the current position in its table, and the locales.
        pub stat: Stat = "pStat",
        /// The requested properties; null for all properties of the object.
        pub prop_tags: Ptr<PropertyTagArray> = "pPropTags",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiCompareMIds`: the request ([MS-OXNSPI] 3.1.4.1.12).
    #[derive(Debug, Clone, PartialEq)]
    pub struct CompareMIdsRequest as "NspiCompareMIds" {
        /// The context handle of the session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// The container, the current position in its table, and the locales.
        pub stat: Stat = "pStat",
        /// The first object.
        pub mid1: MId = "MId1",
        /// The second object.
        pub mid2: MId = "MId2",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiModProps`: the request ([MS-OXNSPI] 3.1.4.1.14).
    #[derive(Debug, Clone, PartialEq)]
    pub struct ModPropsRequest as "NspiModProps" {
        /// The context handle of the session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// The container, the current position in its table, and the locales.
        pub stat: Stat = "pStat",
        /// The properties to remove.
        pub prop_tags: Ptr<PropertyTagArray> = "pPropTags",
        /// The properties to set.
        pub row: PropertyRow = "pRow",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiGetSpecialTable`: the request ([MS-OXNSPI] 3.1.4.1.3).
    #[derive(Debug, Clone, PartialEq)]
    pub struct GetSpecialTableRequest as "NspiGetSpecialTable" {
        /// The context handle of the session.
        pub handle: ContextHandle = "hRpc",
        /// `NspiAddressCreationTemplates`, `NspiUnicodeStrings` ([MS-OXNSPI] 2.2.1.13).
        pub flags: u32 = "dwFlags",
        /// The code page and the locale.
        pub stat: Stat = "pStat",
        /// The version of the table that the client has cached.
        pub version: u32 = "lpVersion",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiGetTemplateInfo`: the request ([MS-OXNSPI] 3.1.4.1.18).
    #[derive(Debug, Clone, PartialEq)]
    pub struct GetTemplateInfoRequest as "NspiGetTemplateInfo" {
        /// The context handle of the session.
        pub handle: ContextHandle = "hRpc",
        /// The requested parts of the template ([MS-OXNSPI] 2.2.1.15).
        pub flags: u32 = "dwFlags",
        /// The kind of objects for which the template is.
        pub display_type: DisplayType = "ulType",
        /// The distinguished name of the template; null to select it by `display_type`.
        pub dn: Ptr<CharString> = "pDN",
        /// The code page of the template.
        pub code_page: u32 = "dwCodePage",
        /// The locale of the template.
        pub locale_id: u32 = "dwLocaleID",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiModLinkAtt`: the request ([MS-OXNSPI] 3.1.4.1.15).
    #[derive(Debug, Clone, PartialEq)]
    pub struct ModLinkAttRequest as "NspiModLinkAtt" {
        /// The context handle of the session.
        pub handle: ContextHandle = "hRpc",
        /// `fDelete` or zero ([MS-OXNSPI] 2.2.1.16).
        pub flags: u32 = "dwFlags",
        /// The property, whose value is a list of objects.
        pub prop_tag: PropTag = "ulPropTag",
        /// The object that has the property.
        pub mid: MId = "dwMId",
        /// The entry ids of the objects to add or remove.
        pub entry_ids: SizedPtr<SizedPtr<u8>> = "lpEntryIds",
    }
}

/// `NspiDeleteEntries`, whose parameters are not documented. The context handle is the first parameter, as in all
/// operations; the others are preserved as bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeleteEntriesRequest {
    /// The context handle of the session.
    pub handle: ContextHandle,
    /// The bytes after the context handle.
    pub rest: Vec<u8>,
}

impl Params for DeleteEntriesRequest {
    fn read_params(r: &mut NdrReader<'_>) -> Result<Self> {
        if r.endian() == Endian::Big {
            let expected = "little-endian integers, since the parameters are not documented";
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

crate::inspect::field::inspect_params! {
    /// `NspiQueryColumns`: the request ([MS-OXNSPI] 3.1.4.1.5).
    #[derive(Debug, Clone, PartialEq)]
    pub struct QueryColumnsRequest as "NspiQueryColumns" {
        /// The context handle of the session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// `NspiUnicodeProptypes` or zero ([MS-OXNSPI] 2.2.1.14).
        pub flags: u32 = "dwFlags",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiGetNamesFromIDs`: the request ([MS-NSPI] 3.1.4.16).
    #[derive(Debug, Clone, PartialEq)]
    pub struct GetNamesFromIDsRequest as "NspiGetNamesFromIDs" {
        /// The context handle of the session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// The property set whose names are requested; null for all.
        pub guid: Ptr<FlatUid> = "lpguid",
        /// The properties whose names are requested.
        pub prop_tags: Ptr<PropertyTagArray> = "pPropTags",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiGetIDsFromNames`: the request ([MS-NSPI] 3.1.4.17).
    #[derive(Debug, Clone, PartialEq)]
    pub struct GetIDsFromNamesRequest as "NspiGetIDsFromNames" {
        /// The context handle of the session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// `NspiVerifyNames` or zero ([MS-NSPI] 2.2.15).
        pub flags: u32 = "dwFlags",
        /// The names whose properties are requested.
        pub names: SizedArray<Ptr<PropertyName>> = "pNames",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiResolveNames`: the request ([MS-OXNSPI] 3.1.4.1.16).
    #[derive(Debug, Clone, PartialEq)]
    pub struct ResolveNamesRequest as "NspiResolveNames" {
        /// The context handle of the session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// The container, the current position in its table, and the locales.
        pub stat: Stat = "pStat",
        /// The requested columns; null for the default columns.
        pub prop_tags: Ptr<PropertyTagArray> = "pPropTags",
        /// The names to resolve.
        pub names: StringsArray = "paStr",
    }
}

crate::inspect::field::inspect_params! {
    /// `NspiResolveNamesW`: the request ([MS-OXNSPI] 3.1.4.1.17).
    #[derive(Debug, Clone, PartialEq)]
    pub struct ResolveNamesWRequest as "NspiResolveNamesW" {
        /// The context handle of the session.
        pub handle: ContextHandle = "hRpc",
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// The container, the current position in its table, and the locales.
        pub stat: Stat = "pStat",
        /// The requested columns; null for the default columns.
        pub prop_tags: Ptr<PropertyTagArray> = "pPropTags",
        /// The names to resolve.
        pub names: WStringsArray = "paWStr",
    }
}
