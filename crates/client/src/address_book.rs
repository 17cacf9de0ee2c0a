//! The address book client: browsing, resolving names and reading properties by NSPI.

use mapi::nspi::{
    BindRequest, DNToMIdRequest, GetMatchesRequest, GetPropsRequest, GetSpecialTableRequest, MId, MIdArray,
    PropertyRowSet, QueryRowsRequest, ResolveNamesWRequest, Stat, TagArray, UnbindRequest, WStringsArray,
};
use mapi::property::{PropTag, PropertyList, PropertyValue, RelationalOperator, Restriction, TaggedValue};
use mapi::{ErrorCode, Interface, nspi};
use rpc::ndr::{CharString, ContextHandle, Counted, Ptr, SizedPtr, WcharString};

use crate::client::Client;
use crate::connection::{Connection, ask};
use crate::error::{Error, Failure, check};
use crate::person::{PERSON_COLUMNS, Person};

/// The code page of texts that are not requested as UTF-16.
const CODE_PAGE: u32 = 1252;
/// The locale: English, United States.
const LOCALE: u32 = 0x0409;
/// `fEphID` ([MS-OXNSPI] 2.2.1.12).
const EPHEMERAL_IDS: u32 = 0x2;
/// `NspiUnicodeStrings` ([MS-OXNSPI] 2.2.1.13).
const UNICODE_STRINGS: u32 = 0x4;

/// A session with the address book.
#[derive(Debug)]
pub struct AddressBook {
    connection: Connection,
    handle: ContextHandle,
}

/// Rows of the address book, and their position.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The rows, each with the requested columns.
    pub rows: Vec<PropertyList>,
    /// The position after the last row.
    pub position: u32,
    /// The total number of rows.
    pub total: u32,
}

/// A container of the address book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its name; the global address list has an empty one.
    pub name: String,
    /// Its number.
    pub id: MId,
    /// Its depth in the hierarchy.
    pub depth: u32,
}

/// The entries that a name resolves to.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolution {
    /// No entry.
    Unresolved,
    /// Several entries.
    Ambiguous,
    /// One entry.
    Resolved(Box<Person>),
}

impl Client {
    /// Begins a session with the address book (`NspiBind`).
    ///
    /// # Errors
    /// If the call fails or the server returns an error.
    pub async fn address_book(&self) -> Result<AddressBook, Error> {
        let mut connection = self.open(Interface::Nspi).await?;
        let request = BindRequest { flags: 0, stat: stat(), server_guid: Ptr::new(nspi::FlatUid::default()) };
        let (operation, response) = ask!(connection, nspi, Bind, request)?;
        check(operation, response.return_value)?;
        if response.handle.is_null() {
            return Err(Error { operation, failure: Failure::Missing("contextHandle") });
        }
        Ok(AddressBook { connection, handle: response.handle })
    }
}

impl AddressBook {
    /// The containers (`NspiGetSpecialTable`).
    ///
    /// # Errors
    /// If the call fails or the server returns an error.
    pub async fn hierarchy(&mut self) -> Result<Vec<Container>, Error> {
        let request =
            GetSpecialTableRequest { handle: self.handle, flags: UNICODE_STRINGS, stat: stat(), version: 0 };
        let (operation, response) = ask!(self.connection, nspi, GetSpecialTable, request)?;
        check(operation, response.return_value)?;
        Ok(rows(&response.rows).iter().map(container).collect())
    }

    /// `count` rows of the global address list from the row `start` on, in the order of their names
    /// (`NspiQueryRows`).
    ///
    /// # Errors
    /// If the call fails or the server returns an error.
    pub async fn query_rows(&mut self, start: u32, count: u32, columns: &[PropTag]) -> Result<Page, Error> {
        let mut stat = stat();
        stat.delta = i32::try_from(start).unwrap_or(i32::MAX);
        let request = QueryRowsRequest {
            handle: self.handle,
            flags: EPHEMERAL_IDS,
            stat,
            table: SizedPtr::NULL,
            count,
            prop_tags: tags(columns),
        };
        let (operation, response) = ask!(self.connection, nspi, QueryRows, request)?;
        check(operation, response.return_value)?;
        Ok(Page {
            rows: rows(&response.rows),
            position: response.stat.num_pos,
            total: response.stat.total_recs,
        })
    }

    /// `count` people from the row `start` on.
    ///
    /// # Errors
    /// Those of [`AddressBook::query_rows`].
    pub async fn people(&mut self, start: u32, count: u32) -> Result<Vec<Person>, Error> {
        let page = self.query_rows(start, count, PERSON_COLUMNS).await?;
        Ok(page.rows.iter().map(Person::from_row).collect())
    }

    /// The objects for which `restriction` holds, `limit` at most (`NspiGetMatches`).
    ///
    /// # Errors
    /// If the call fails, or the server returns an error, as it does if there are more than `limit`.
    pub async fn get_matches(
        &mut self,
        restriction: Restriction,
        limit: u32,
        columns: &[PropTag],
    ) -> Result<Vec<(MId, PropertyList)>, Error> {
        let filter = restriction.try_into();
        let filter = filter
            .map_err(|error| Error { operation: "nspi.GetMatches", failure: Failure::Request(error) })?;
        let request = GetMatchesRequest {
            handle: self.handle,
            reserved1: 0,
            stat: stat(),
            reserved: Ptr::NULL,
            reserved2: 0,
            filter: Ptr::new(filter),
            prop_name: Ptr::NULL,
            requested: limit,
            prop_tags: tags(columns),
        };
        let (operation, response) = ask!(self.connection, nspi, GetMatches, request)?;
        check(operation, response.return_value)?;
        Ok(mids(&response.mids).into_iter().zip(rows(&response.rows)).collect())
    }

    /// The people that `name` could mean, `limit` at most.
    ///
    /// # Errors
    /// Those of [`AddressBook::get_matches`].
    pub async fn search(&mut self, name: &str, limit: u32) -> Result<Vec<Person>, Error> {
        let restriction = Restriction::Property {
            relop: RelationalOperator::RELOP_EQ,
            tag: PropTag::PidTagAnr,
            value: TaggedValue::new(PropTag::PidTagAnr, name.into()),
        };
        let found = self.get_matches(restriction, limit, PERSON_COLUMNS).await?;
        Ok(found.iter().map(|(mid, row)| Person { mid: Some(*mid), ..Person::from_row(row) }).collect())
    }

    /// The entries that each of `names` resolves to (`NspiResolveNamesW`).
    ///
    /// # Errors
    /// If the call fails or the server returns an error.
    pub async fn resolve_names(&mut self, names: &[&str]) -> Result<Vec<Resolution>, Error> {
        let names: WStringsArray =
            Counted(names.iter().map(|name| Ptr::new(WcharString::new(name))).collect());
        let request = ResolveNamesWRequest {
            handle: self.handle,
            reserved: 0,
            stat: stat(),
            prop_tags: tags(PERSON_COLUMNS),
            names,
        };
        let (operation, response) = ask!(self.connection, nspi, ResolveNamesW, request)?;
        check(operation, response.return_value)?;
        let mut found = rows(&response.rows).into_iter();
        let resolution = |mid: MId| match mid {
            MId::MID_UNRESOLVED => Some(Resolution::Unresolved),
            MId::MID_AMBIGUOUS => Some(Resolution::Ambiguous),
            _ => found.next().map(|row| Resolution::Resolved(Box::new(Person::from_row(&row)))),
        };
        let resolved: Option<_> = mids(&response.mids).into_iter().map(resolution).collect();
        resolved.ok_or(Error { operation, failure: Failure::Missing("row for each resolved name") })
    }

    /// The properties `columns` of one object (`NspiGetProps`); those that it lacks are error codes.
    ///
    /// # Errors
    /// If the call fails or the server returns an error.
    pub async fn get_props(&mut self, mid: MId, columns: &[PropTag]) -> Result<PropertyList, Error> {
        let stat = Stat { current_rec: mid, ..stat() };
        let request = GetPropsRequest { handle: self.handle, flags: 0, stat, prop_tags: tags(columns) };
        let (operation, response) = ask!(self.connection, nspi, GetProps, request)?;
        check(operation, response.return_value)?;
        let row = response.row.get().ok_or(Error { operation, failure: Failure::Missing("ppRows") })?;
        Ok(row.to_row())
    }

    /// The objects with these distinguished names (`NspiDNToMId`); `None` for a name without an object.
    ///
    /// # Errors
    /// If the call fails or the server returns an error.
    pub async fn dn_to_mid(&mut self, names: &[&str]) -> Result<Vec<Option<MId>>, Error> {
        let names = Counted(names.iter().map(|name| Ptr::new(CharString::new(name))).collect());
        let request = DNToMIdRequest { handle: self.handle, reserved: 0, names };
        let (operation, response) = ask!(self.connection, nspi, DNToMId, request)?;
        check(operation, response.return_value)?;
        let known = |mid| (mid != MId::MID_UNRESOLVED).then_some(mid);
        Ok(mids(&response.mids).into_iter().map(known).collect())
    }

    /// Ends the session (`NspiUnbind`).
    ///
    /// # Errors
    /// If the call fails or the server does not know the session.
    pub async fn unbind(mut self) -> Result<(), Error> {
        let request = UnbindRequest { handle: self.handle, reserved: 0 };
        let (operation, response) = ask!(self.connection, nspi, Unbind, request)?;
        match response.return_value {
            ErrorCode::UNBIND_SUCCESS => Ok(()),
            other => Err(Error { operation, failure: Failure::Returned(other) }),
        }
    }
}

/// The beginning of the global address list, by display name.
fn stat() -> Stat {
    Stat { code_page: CODE_PAGE, template_locale: LOCALE, sort_locale: LOCALE, ..Stat::default() }
}

fn tags(columns: &[PropTag]) -> Ptr<nspi::PropertyTagArray> {
    Ptr::new(TagArray::new(columns.to_vec()))
}

fn rows(set: &Ptr<PropertyRowSet>) -> Vec<PropertyList> {
    set.get().map(|rows| rows.0.iter().map(nspi::PropertyRow::to_row).collect()).unwrap_or_default()
}

fn mids(array: &Ptr<MIdArray>) -> Vec<MId> {
    array.get().map(|array| array.values.clone()).unwrap_or_default()
}

fn container(row: &PropertyList) -> Container {
    let number = |tag| match row.get(tag) {
        Some(PropertyValue::Integer32(number)) => number.cast_unsigned(),
        _ => 0,
    };
    Container {
        name: row.get(PropTag::PidTagDisplayName).and_then(PropertyValue::to_text).unwrap_or_default(),
        id: MId(number(PropTag::PidTagAddressBookContainerId)),
        depth: number(PropTag::PidTagDepth),
    }
}
