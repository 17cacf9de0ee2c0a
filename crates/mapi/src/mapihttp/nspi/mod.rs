//! The address book's bodies ([MS-OXCMAPIHTTP] 2.2.5). What stands in them means what it does in RPC calls
//! ([`crate::nspi`]), and lies differently.

mod entry_ids;
mod inspect;
mod names;
mod request;
mod response;
mod rows;
mod visit;

use super::operations::http_operations;

pub use self::entry_ids::EntryIds;
pub use self::names::Names;
pub use self::request::*;
pub use self::response::*;
pub use self::rows::{ColumnsAndRows, Filter, PropertyName};

http_operations! { Nspi;
    /// Begins a session.
    Bind(BindRequest, BindResponse);
    /// Ends the session.
    Unbind(UnbindRequest, UnbindResponse);
    /// Compares the places of two objects in a container.
    CompareMIds(CompareMIdsRequest, CompareMIdsResponse);
    /// Maps distinguished names to Minimal Entry IDs.
    DNToMId(DNToMIdRequest, DNToMIdResponse);
    /// Makes a table of the objects that a restriction holds for.
    GetMatches(GetMatchesRequest, GetMatchesResponse);
    /// Lists an object's properties.
    GetPropList(GetPropListRequest, GetPropListResponse);
    /// Reads an object's properties.
    GetProps(GetPropsRequest, GetPropsResponse);
    /// Reads the table of containers or of templates.
    GetSpecialTable(GetSpecialTableRequest, GetSpecialTableResponse);
    /// Reads a template.
    GetTemplateInfo(GetTemplateInfoRequest, GetTemplateInfoResponse);
    /// Changes a list of objects that is a property.
    ModLinkAtt(ModLinkAttRequest, ModLinkAttResponse);
    /// Changes an object's properties.
    ModProps(ModPropsRequest, ModPropsResponse);
    /// Lists the properties that there are.
    QueryColumns(QueryColumnsRequest, QueryColumnsResponse);
    /// Reads rows of a table.
    QueryRows(QueryRowsRequest, QueryRowsResponse);
    /// Resolves names.
    ResolveNames(ResolveNamesRequest, ResolveNamesResponse);
    /// Sorts a table anew.
    ResortRestriction(ResortRestrictionRequest, ResortRestrictionResponse);
    /// Seeks a row in a table.
    SeekEntries(SeekEntriesRequest, SeekEntriesResponse);
    /// Moves in a table.
    UpdateStat(UpdateStatRequest, UpdateStatResponse);
    /// Asks for the URL of a mailbox server.
    GetMailboxUrl(GetMailboxUrlRequest, GetMailboxUrlResponse);
    /// Asks for the URL of the address book.
    GetAddressBookUrl(GetAddressBookUrlRequest, GetAddressBookUrlResponse);
}
