//! Request bodies of the address book ([MS-OXCMAPIHTTP] 2.2.5).

use wire::Utf16;

use super::entry_ids::EntryIds;
use super::names::Names;
use super::rows::{Filter, PropertyName};
use crate::field::structure;
use crate::mapihttp::auxiliary::AuxiliaryBuffer;
use crate::mapihttp::field::{Maybe, String8};
use crate::mapihttp::format::MapiHttp;
use crate::nspi::{DisplayType, MId, Stat};
use crate::property::{PropTag, PropertyList, TaggedValue};

structure! {
    /// What `Bind` asks ([MS-OXCMAPIHTTP] 2.2.5.1.1).
    pub struct BindRequest: MapiHttp as "Bind" {
        /// `fAnonymousLogin` or zero ([MS-OXNSPI] 2.2.1.11).
        pub flags: u32 = "Flags",
        /// The code page and the locales that the client would like.
        pub stat: Maybe<Stat> = "State",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// What `Unbind` asks ([MS-OXCMAPIHTTP] 2.2.5.2.1).
    pub struct UnbindRequest: MapiHttp as "Unbind" {
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// What `CompareMIds` asks ([MS-OXCMAPIHTTP] 2.2.5.3.1).
    pub struct CompareMIdsRequest: MapiHttp as "CompareMIds" {
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// The container.
        pub stat: Maybe<Stat> = "State",
        /// The first object.
        pub mid1: MId = "MinimalId1",
        /// The second object.
        pub mid2: MId = "MinimalId2",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// What `DNToMId` asks ([MS-OXCMAPIHTTP] 2.2.5.4.1).
    pub struct DNToMIdRequest: MapiHttp as "DNToMId" {
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// The distinguished names.
        pub names: Maybe<Names<String8>> = "Names",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// What `GetMatches` asks ([MS-OXCMAPIHTTP] 2.2.5.5.1).
    pub struct GetMatchesRequest: MapiHttp as "GetMatches" {
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// The place in the table.
        pub stat: Maybe<Stat> = "State",
        /// An explicit table.
        pub mids: Maybe<Vec<MId>> = "MinimalIds",
        /// Reserved, zero.
        pub interface_option_flags: u32 = "InterfaceOptionFlags",
        /// What the objects have to meet.
        pub filter: Maybe<Filter> = "Filter",
        /// The property whose value is the container's contents.
        pub property_name: Maybe<PropertyName> = "PropertyName",
        /// How many rows are asked for.
        pub row_count: u32 = "RowCount",
        /// The columns that are asked for.
        pub columns: Maybe<Vec<PropTag>> = "Columns",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// What `GetPropList` asks ([MS-OXCMAPIHTTP] 2.2.5.6.1).
    pub struct GetPropListRequest: MapiHttp as "GetPropList" {
        /// `fSkipObjects` ([MS-OXNSPI] 2.2.1.12).
        pub flags: u32 = "Flags",
        /// The object.
        pub mid: MId = "MinimalId",
        /// The code page for 8-bit strings.
        pub code_page: u32 = "CodePage",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// What `GetProps` asks ([MS-OXCMAPIHTTP] 2.2.5.7.1).
    pub struct GetPropsRequest: MapiHttp as "GetProps" {
        /// `fSkipObjects`, `fEphID` ([MS-OXNSPI] 2.2.1.12).
        pub flags: u32 = "Flags",
        /// The object, as the current row of a table.
        pub stat: Maybe<Stat> = "State",
        /// The properties that are asked for.
        pub prop_tags: Maybe<Vec<PropTag>> = "PropertyTags",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// What `GetSpecialTable` asks ([MS-OXCMAPIHTTP] 2.2.5.8.1).
    pub struct GetSpecialTableRequest: MapiHttp as "GetSpecialTable" {
        /// `NspiAddressCreationTemplates`, `NspiUnicodeStrings` ([MS-OXNSPI] 2.2.1.13).
        pub flags: u32 = "Flags",
        /// The code page and the locales.
        pub stat: Maybe<Stat> = "State",
        /// The version of the table that the client has.
        pub version: Maybe<u32> = "Version",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// What `GetTemplateInfo` asks ([MS-OXCMAPIHTTP] 2.2.5.9.1).
    pub struct GetTemplateInfoRequest: MapiHttp as "GetTemplateInfo" {
        /// Which parts are asked for ([MS-OXNSPI] 2.2.1.14).
        pub flags: u32 = "Flags",
        /// The kind of object that the template is for.
        pub display_type: DisplayType = "DisplayType",
        /// The template's distinguished name.
        pub template_dn: Maybe<String8> = "TemplateDn",
        /// The code page of the template.
        pub code_page: u32 = "CodePage",
        /// The locale of the template.
        pub locale_id: u32 = "LocaleId",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// What `ModLinkAtt` asks ([MS-OXCMAPIHTTP] 2.2.5.10.1).
    pub struct ModLinkAttRequest: MapiHttp as "ModLinkAtt" {
        /// `fDelete` or zero ([MS-OXNSPI] 2.2.1.15).
        pub flags: u32 = "Flags",
        /// The property.
        pub prop_tag: PropTag = "PropertyTag",
        /// The object whose property it is.
        pub mid: MId = "MinimalId",
        /// The objects to be added or taken out.
        pub entry_ids: Maybe<EntryIds> = "EntryIds",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// What `ModProps` asks ([MS-OXCMAPIHTTP] 2.2.5.11.1).
    pub struct ModPropsRequest: MapiHttp as "ModProps" {
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// The object, as the current row of a table.
        pub stat: Maybe<Stat> = "State",
        /// The properties to be removed.
        pub prop_tags: Maybe<Vec<PropTag>> = "PropertiesTags",
        /// The properties to be set.
        pub values: Maybe<PropertyList> = "PropertyValues",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// What `QueryColumns` asks ([MS-OXCMAPIHTTP] 2.2.5.13.1).
    pub struct QueryColumnsRequest: MapiHttp as "QueryColumns" {
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// `NspiUnicodeProptypes` or zero ([MS-OXNSPI] 2.2.1.16).
        pub map_flags: u32 = "MapiFlags",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// What `QueryRows` asks ([MS-OXCMAPIHTTP] 2.2.5.12.1).
    pub struct QueryRowsRequest: MapiHttp as "QueryRows" {
        /// `fSkipObjects`, `fEphID` ([MS-OXNSPI] 2.2.1.12).
        pub flags: u32 = "Flags",
        /// The place in the table.
        pub stat: Maybe<Stat> = "State",
        /// The rows asked for; none for those at the place in the table.
        pub explicit_table: Vec<MId> = "ExplicitTable",
        /// How many rows are asked for.
        pub row_count: u32 = "RowCount",
        /// The columns that are asked for; absent for the server's choice.
        pub columns: Maybe<Vec<PropTag>> = "Columns",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// What `ResolveNames` asks ([MS-OXCMAPIHTTP] 2.2.5.14.1).
    pub struct ResolveNamesRequest: MapiHttp as "ResolveNames" {
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// The container and the locales.
        pub stat: Maybe<Stat> = "State",
        /// The columns that are asked for; absent for the server's choice.
        pub prop_tags: Maybe<Vec<PropTag>> = "PropertyTags",
        /// The names.
        pub names: Maybe<Names<Utf16>> = "Names",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// What `ResortRestriction` asks ([MS-OXCMAPIHTTP] 2.2.5.15.1).
    pub struct ResortRestrictionRequest: MapiHttp as "ResortRestriction" {
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// The place in the table, and the order to sort it in.
        pub stat: Maybe<Stat> = "State",
        /// The table's objects.
        pub mids: Maybe<Vec<MId>> = "MinimalIds",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// What `SeekEntries` asks ([MS-OXCMAPIHTTP] 2.2.5.16.1).
    pub struct SeekEntriesRequest: MapiHttp as "SeekEntries" {
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// The place in the table.
        pub stat: Maybe<Stat> = "State",
        /// The value that is sought.
        pub target: Maybe<TaggedValue> = "Target",
        /// An explicit table.
        pub explicit_table: Maybe<Vec<MId>> = "ExplicitTable",
        /// The columns that are asked for.
        pub columns: Maybe<Vec<PropTag>> = "Columns",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// What `UpdateStat` asks ([MS-OXCMAPIHTTP] 2.2.5.17.1).
    pub struct UpdateStatRequest: MapiHttp as "UpdateStat" {
        /// Reserved, zero.
        pub reserved: u32 = "Reserved",
        /// The place in the table.
        pub stat: Maybe<Stat> = "State",
        /// Not zero if the number of rows moved is wanted.
        pub delta_requested: u8 = "DeltaRequested",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// What `GetMailboxUrl` asks ([MS-OXCMAPIHTTP] 2.2.5.18.1).
    pub struct GetMailboxUrlRequest: MapiHttp as "GetMailboxUrl" {
        /// Not used, zero.
        pub flags: u32 = "Flags",
        /// The distinguished name of the mailbox server.
        pub server_dn: Utf16 = "ServerDn",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// What `GetAddressBookUrl` asks ([MS-OXCMAPIHTTP] 2.2.5.19.1).
    pub struct GetAddressBookUrlRequest: MapiHttp as "GetAddressBookUrl" {
        /// Not used, zero.
        pub flags: u32 = "Flags",
        /// The distinguished name of the user's mailbox.
        pub user_dn: Utf16 = "UserDn",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}
