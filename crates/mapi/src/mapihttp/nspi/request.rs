//! Request bodies of the address book ([MS-OXCMAPIHTTP] 2.2.5).

use wire::Utf16;

use super::entry_ids::EntryIds;
use super::names::{Names, WideDn};
use super::rows::{Filter, PropertyName};
use crate::field::structure;
use crate::mapihttp::auxiliary::AuxiliaryBuffer;
use crate::mapihttp::field::{Maybe, String8};
use crate::mapihttp::format::MapiHttp;
use crate::nspi::{DisplayType, MId, Stat};
use crate::property::{PropTag, PropertyList, TaggedValue};

structure! {
    /// The request body of `Bind` ([MS-OXCMAPIHTTP] 2.2.5.1.1).
    pub struct BindRequest: MapiHttp as "Bind" {
        /// `fAnonymousLogin` or zero ([MS-OXNSPI] 2.2.1.11).
        pub flags: u32 = "Flags",
        /// The code page and the locales that the client requests.
        pub stat: Maybe<Stat> = "State",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// The request body of `Unbind` ([MS-OXCMAPIHTTP] 2.2.5.2.1).
    pub struct UnbindRequest: MapiHttp as "Unbind" {
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// The request body of `CompareMIds` ([MS-OXCMAPIHTTP] 2.2.5.3.1).
    pub struct CompareMIdsRequest: MapiHttp as "CompareMIds" {
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// The container, the current position in its table, and the locales.
        pub stat: Maybe<Stat> = "State",
        /// The first object.
        pub mid1: MId = "MinimalId1",
        /// The second object.
        pub mid2: MId = "MinimalId2",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// The request body of `DNToMId` ([MS-OXCMAPIHTTP] 2.2.5.4.1).
    pub struct DNToMIdRequest: MapiHttp as "DNToMId" {
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// The distinguished names of the objects.
        pub names: Maybe<Names<String8>> = "Names",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// The request body of `GetMatches` ([MS-OXCMAPIHTTP] 2.2.5.5.1).
    pub struct GetMatchesRequest: MapiHttp as "GetMatches" {
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// The container, the current position in its table, and the locales.
        pub stat: Maybe<Stat> = "State",
        /// The objects to search, in place of the container; ignored by servers.
        pub mids: Maybe<Vec<MId>> = "MinimalIds",
        /// Reserved; zero.
        pub interface_option_flags: u32 = "InterfaceOptionFlags",
        /// The restriction that the objects must match.
        pub filter: Maybe<Filter> = "Filter",
        /// The property whose value is to be read as a container.
        pub property_name: Maybe<PropertyName> = "PropertyName",
        /// The maximum number of rows to return.
        pub row_count: u32 = "RowCount",
        /// The requested columns; absent for the default columns.
        pub columns: Maybe<Vec<PropTag>> = "Columns",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// The request body of `GetPropList` ([MS-OXCMAPIHTTP] 2.2.5.6.1).
    pub struct GetPropListRequest: MapiHttp as "GetPropList" {
        /// `fSkipObjects` ([MS-OXNSPI] 2.2.1.12).
        pub flags: u32 = "Flags",
        /// The object whose properties are requested.
        pub mid: MId = "MinimalId",
        /// The code page for 8-bit strings.
        pub code_page: u32 = "CodePage",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// The request body of `GetProps` ([MS-OXCMAPIHTTP] 2.2.5.7.1).
    pub struct GetPropsRequest: MapiHttp as "GetProps" {
        /// `fSkipObjects`, `fEphID` ([MS-OXNSPI] 2.2.1.12).
        pub flags: u32 = "Flags",
        /// The object, as the current row of a table.
        pub stat: Maybe<Stat> = "State",
        /// The requested properties; absent for all properties of the object.
        pub prop_tags: Maybe<Vec<PropTag>> = "PropertyTags",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// The request body of `GetSpecialTable` ([MS-OXCMAPIHTTP] 2.2.5.8.1).
    pub struct GetSpecialTableRequest: MapiHttp as "GetSpecialTable" {
        /// `NspiAddressCreationTemplates`, `NspiUnicodeStrings` ([MS-OXNSPI] 2.2.1.13).
        pub flags: u32 = "Flags",
        /// The container, the current position in its table, and the locales.
        pub stat: Maybe<Stat> = "State",
        /// The version of the table that the client has cached.
        pub version: Maybe<u32> = "Version",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// The request body of `GetTemplateInfo` ([MS-OXCMAPIHTTP] 2.2.5.9.1).
    pub struct GetTemplateInfoRequest: MapiHttp as "GetTemplateInfo" {
        /// The requested parts of the template ([MS-OXNSPI] 2.2.1.15).
        pub flags: u32 = "Flags",
        /// The kind of object for which the template is.
        pub display_type: DisplayType = "DisplayType",
        /// The distinguished name of the template.
        pub template_dn: Maybe<String8> = "TemplateDn",
        /// The code page of the template.
        pub code_page: u32 = "CodePage",
        /// The locale of the template.
        pub locale_id: u32 = "LocaleId",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// The request body of `ModLinkAtt` ([MS-OXCMAPIHTTP] 2.2.5.10.1).
    pub struct ModLinkAttRequest: MapiHttp as "ModLinkAtt" {
        /// `fDelete` or zero ([MS-OXNSPI] 2.2.1.16).
        pub flags: u32 = "Flags",
        /// The property, whose value is a list of objects.
        pub prop_tag: PropTag = "PropertyTag",
        /// The object that has the property.
        pub mid: MId = "MinimalId",
        /// The objects to add or remove.
        pub entry_ids: Maybe<EntryIds> = "EntryIds",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// The request body of `ModProps` ([MS-OXCMAPIHTTP] 2.2.5.11.1).
    pub struct ModPropsRequest: MapiHttp as "ModProps" {
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// The object, as the current row of a table.
        pub stat: Maybe<Stat> = "State",
        /// The properties to remove.
        pub prop_tags: Maybe<Vec<PropTag>> = "PropertiesTags",
        /// The properties to set.
        pub values: Maybe<PropertyList> = "PropertyValues",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// The request body of `QueryColumns` ([MS-OXCMAPIHTTP] 2.2.5.13.1).
    pub struct QueryColumnsRequest: MapiHttp as "QueryColumns" {
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// `NspiUnicodeProptypes` or zero ([MS-OXNSPI] 2.2.1.14).
        pub map_flags: u32 = "MapiFlags",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// The request body of `QueryRows` ([MS-OXCMAPIHTTP] 2.2.5.12.1).
    pub struct QueryRowsRequest: MapiHttp as "QueryRows" {
        /// `fSkipObjects`, `fEphID` ([MS-OXNSPI] 2.2.1.12).
        pub flags: u32 = "Flags",
        /// The container, the current position in its table, and the locales.
        pub stat: Maybe<Stat> = "State",
        /// The objects whose rows are requested; if empty, the rows from the current position on.
        pub explicit_table: Vec<MId> = "ExplicitTable",
        /// The maximum number of rows to return.
        pub row_count: u32 = "RowCount",
        /// The requested columns; absent for the default columns.
        pub columns: Maybe<Vec<PropTag>> = "Columns",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// The request body of `ResolveNames` ([MS-OXCMAPIHTTP] 2.2.5.14.1).
    pub struct ResolveNamesRequest: MapiHttp as "ResolveNames" {
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// The container, the current position in its table, and the locales.
        pub stat: Maybe<Stat> = "State",
        /// The requested columns; absent for the default columns.
        pub prop_tags: Maybe<Vec<PropTag>> = "PropertyTags",
        /// The names to resolve.
        pub names: Maybe<Names<Utf16>> = "Names",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// The request body of `ResortRestriction` ([MS-OXCMAPIHTTP] 2.2.5.15.1).
    pub struct ResortRestrictionRequest: MapiHttp as "ResortRestriction" {
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// The current position in the table, and the requested sort order.
        pub stat: Maybe<Stat> = "State",
        /// The objects of the table.
        pub mids: Maybe<Vec<MId>> = "MinimalIds",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// The request body of `SeekEntries` ([MS-OXCMAPIHTTP] 2.2.5.16.1).
    pub struct SeekEntriesRequest: MapiHttp as "SeekEntries" {
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// The container, the current position in its table, and the locales.
        pub stat: Maybe<Stat> = "State",
        /// The property value to which the current position moves.
        pub target: Maybe<TaggedValue> = "Target",
        /// The objects of the table, in place of the container.
        pub explicit_table: Maybe<Vec<MId>> = "ExplicitTable",
        /// The requested columns; absent for the default columns.
        pub columns: Maybe<Vec<PropTag>> = "Columns",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// The request body of `UpdateStat` ([MS-OXCMAPIHTTP] 2.2.5.17.1).
    pub struct UpdateStatRequest: MapiHttp as "UpdateStat" {
        /// Reserved; zero.
        pub reserved: u32 = "Reserved",
        /// The container, the current position in its table, and the locales.
        pub stat: Maybe<Stat> = "State",
        /// Not zero if the client requests the number of rows by which the position moved.
        pub delta_requested: u8 = "DeltaRequested",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// The request body of `GetMailboxUrl` ([MS-OXCMAPIHTTP] 2.2.5.18.1).
    pub struct GetMailboxUrlRequest: MapiHttp as "GetMailboxUrl" {
        /// Reserved; zero.
        pub flags: u32 = "Flags",
        /// The distinguished name of the mailbox server.
        pub server_dn: WideDn = "ServerDn",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// The request body of `GetAddressBookUrl` ([MS-OXCMAPIHTTP] 2.2.5.19.1).
    pub struct GetAddressBookUrlRequest: MapiHttp as "GetAddressBookUrl" {
        /// Reserved; zero.
        pub flags: u32 = "Flags",
        /// The distinguished name of the user's mailbox.
        pub user_dn: WideDn = "UserDn",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}
