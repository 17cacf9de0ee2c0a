//! Request and response bodies of the address book ([MS-OXCMAPIHTTP] 2.2.5). Their fields have the same meaning as in
//! RPC calls ([`crate::nspi`]), but a different layout.

mod entry_ids;
mod inspect;
mod names;
mod request;
mod response;
mod rows;
mod visit;

use super::operations::http_operations;

pub use self::entry_ids::EntryIds;
pub use self::names::{Names, NamesForm, WideDn};
pub use self::request::*;
pub use self::response::*;
pub use self::rows::{ColumnsAndRows, Filter, PropertyName};

http_operations! { Nspi;
    /// Creates a session.
    Bind(BindRequest, BindResponse);
    /// Ends the session.
    Unbind(UnbindRequest, UnbindResponse);
    /// Compares the positions of two objects in a container.
    CompareMIds(CompareMIdsRequest, CompareMIdsResponse);
    /// Maps distinguished names to Minimal Entry IDs.
    DNToMId(DNToMIdRequest, DNToMIdResponse);
    /// Returns a table of the objects that match a restriction.
    GetMatches(GetMatchesRequest, GetMatchesResponse);
    /// Lists the properties of an object.
    GetPropList(GetPropListRequest, GetPropListResponse);
    /// Reads properties of an object.
    GetProps(GetPropsRequest, GetPropsResponse);
    /// Reads the table of containers or of address creation templates.
    GetSpecialTable(GetSpecialTableRequest, GetSpecialTableResponse);
    /// Reads a display template.
    GetTemplateInfo(GetTemplateInfoRequest, GetTemplateInfoResponse);
    /// Adds objects to or removes them from a property that is a list of objects, such as the members of a group.
    ModLinkAtt(ModLinkAttRequest, ModLinkAttResponse);
    /// Changes properties of an object.
    ModProps(ModPropsRequest, ModPropsResponse);
    /// Lists the properties of the address book.
    QueryColumns(QueryColumnsRequest, QueryColumnsResponse);
    /// Reads rows of a table.
    QueryRows(QueryRowsRequest, QueryRowsResponse);
    /// Finds objects by ambiguous names.
    ResolveNames(ResolveNamesRequest, ResolveNamesResponse);
    /// Sorts a table.
    ResortRestriction(ResortRestrictionRequest, ResortRestrictionResponse);
    /// Moves the current position of a table to a value.
    SeekEntries(SeekEntriesRequest, SeekEntriesResponse);
    /// Moves the current position of a table.
    UpdateStat(UpdateStatRequest, UpdateStatResponse);
    /// Returns the URL of a mailbox server.
    GetMailboxUrl(GetMailboxUrlRequest, GetMailboxUrlResponse);
    /// Returns the URL of the address book.
    GetAddressBookUrl(GetAddressBookUrlRequest, GetAddressBookUrlResponse);
}
