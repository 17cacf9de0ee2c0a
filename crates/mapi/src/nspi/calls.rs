//! The operations of NSPI, by operation number ([MS-OXNSPI] 3.1.4).

use crate::Interface;
use crate::operations::rpc_operations;

use super::{request, response};

rpc_operations! { Interface::Nspi;
    /// Creates a session ([MS-OXNSPI] 3.1.4.1.1).
    0 => Bind(request::BindRequest, response::BindResponse);
    /// Ends a session ([MS-OXNSPI] 3.1.4.1.2).
    1 => Unbind(request::UnbindRequest, response::UnbindResponse);
    /// Moves the current position of a table ([MS-OXNSPI] 3.1.4.1.4).
    2 => UpdateStat(request::UpdateStatRequest, response::UpdateStatResponse);
    /// Reads rows ([MS-OXNSPI] 3.1.4.1.8).
    3 => QueryRows(request::QueryRowsRequest, response::QueryRowsResponse);
    /// Moves the current position of a table to a value, and reads rows ([MS-OXNSPI] 3.1.4.1.9).
    4 => SeekEntries(request::SeekEntriesRequest, response::SeekEntriesResponse);
    /// Finds objects by a restriction, or as the values of a property ([MS-OXNSPI] 3.1.4.1.10).
    5 => GetMatches(request::GetMatchesRequest, response::GetMatchesResponse);
    /// Sorts a list of objects ([MS-OXNSPI] 3.1.4.1.11).
    6 => ResortRestriction(request::ResortRestrictionRequest, response::ResortRestrictionResponse);
    /// Maps distinguished names to Minimal Entry IDs ([MS-OXNSPI] 3.1.4.1.13).
    7 => DNToMId(request::DNToMIdRequest, response::DNToMIdResponse);
    /// Lists the properties of an object ([MS-OXNSPI] 3.1.4.1.6).
    8 => GetPropList(request::GetPropListRequest, response::GetPropListResponse);
    /// Reads properties of the current row ([MS-OXNSPI] 3.1.4.1.7).
    9 => GetProps(request::GetPropsRequest, response::GetPropsResponse);
    /// Compares the positions of two objects in a table ([MS-OXNSPI] 3.1.4.1.12).
    10 => CompareMIds(request::CompareMIdsRequest, response::CompareMIdsResponse);
    /// Changes properties of the current row ([MS-OXNSPI] 3.1.4.1.14).
    11 => ModProps(request::ModPropsRequest, response::ModPropsResponse);
    /// Reads the table of containers, or of address creation templates ([MS-OXNSPI] 3.1.4.1.3).
    12 => GetSpecialTable(request::GetSpecialTableRequest, response::GetSpecialTableResponse);
    /// Reads a display template ([MS-OXNSPI] 3.1.4.1.18).
    13 => GetTemplateInfo(request::GetTemplateInfoRequest, response::GetTemplateInfoResponse);
    /// Adds objects to or removes them from a property that is a list of objects ([MS-OXNSPI] 3.1.4.1.15).
    14 => ModLinkAtt(request::ModLinkAttRequest, response::ModLinkAttResponse);
    /// Not used on the wire; the parameters are not documented ([MS-OXNSPI] 3.1.4.1).
    15 => DeleteEntries(request::DeleteEntriesRequest, response::DeleteEntriesResponse);
    /// Lists the properties of the address book ([MS-OXNSPI] 3.1.4.1.5).
    16 => QueryColumns(request::QueryColumnsRequest, response::QueryColumnsResponse);
    /// Maps property ids to names ([MS-NSPI] 3.1.4.16).
    17 => GetNamesFromIDs(request::GetNamesFromIDsRequest, response::GetNamesFromIDsResponse);
    /// Maps names to property ids ([MS-NSPI] 3.1.4.17).
    18 => GetIDsFromNames(request::GetIDsFromNamesRequest, response::GetIDsFromNamesResponse);
    /// Finds objects by ambiguous names, given as 8-bit strings ([MS-OXNSPI] 3.1.4.1.16).
    19 => ResolveNames(request::ResolveNamesRequest, response::ResolveNamesResponse);
    /// Finds objects by ambiguous names, given as UTF-16 strings ([MS-OXNSPI] 3.1.4.1.17).
    20 => ResolveNamesW(request::ResolveNamesWRequest, response::ResolveNamesWResponse);
}
