//! The address book client: browsing, resolving names and reading properties.

mod defaults;
mod http;
mod rpc;

use mapi::mapihttp::Endpoint;
use mapi::nspi::{MId, Stat};
use mapi::property::{PropTag, PropertyList, PropertyValue, RelationalOperator, Restriction, TaggedValue};

use self::defaults::stat;
use self::http::HttpBook;
use self::rpc::RpcBook;
use crate::client::{Client, Road};
use crate::error::{Error, Failure};
use crate::person::{PERSON_COLUMNS, Person};

/// A session with the address book, by NSPI over RPC or by MAPI over HTTP.
#[derive(Debug)]
pub struct AddressBook {
    book: Book,
}

/// The session, by the protocol that carries it.
#[derive(Debug)]
enum Book {
    Rpc(Box<RpcBook>),
    Http(Box<HttpBook>),
}

/// Calls a method of the session.
macro_rules! on {
    ($this:expr, $method:ident($($argument:expr),*)) => {
        match &mut $this.book {
            Book::Rpc(book) => book.$method($($argument),*).await,
            Book::Http(book) => book.$method($($argument),*).await,
        }
    };
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

impl Resolution {
    /// The entry, if the name denotes one.
    pub fn person(self) -> Option<Person> {
        match self {
            Self::Resolved(person) => Some(*person),
            Self::Unresolved | Self::Ambiguous => None,
        }
    }
}

impl Client {
    /// Begins a session with the address book (`NspiBind`, `Bind`).
    ///
    /// # Errors
    /// If the call fails or the server returns an error.
    pub async fn address_book(&self) -> Result<AddressBook, Error> {
        const BIND: &str = "nspi.Bind";
        let book = match self.road() {
            Road::Rpc(road) => {
                let connection = road.open(mapi::Interface::Nspi).await?;
                Book::Rpc(Box::new(RpcBook::bind(connection).await?))
            }
            road @ Road::Http(_) => {
                let road = road.http(BIND)?.ok_or(Error::new(BIND, Failure::Missing("session")))?;
                let session = road.session(Endpoint::Nspi).map_err(|failure| Error::new(BIND, failure))?;
                Book::Http(Box::new(HttpBook::bind(session).await?))
            }
        };
        Ok(AddressBook { book })
    }
}

impl AddressBook {
    /// The containers (`NspiGetSpecialTable`).
    ///
    /// # Errors
    /// If the call fails or the server returns an error.
    pub async fn hierarchy(&mut self) -> Result<Vec<Container>, Error> {
        Ok(on!(self, hierarchy())?.iter().map(container).collect())
    }

    /// `count` rows of the global address list from the row `start` on, in the order of their names
    /// (`NspiQueryRows`).
    ///
    /// # Errors
    /// If the call fails or the server returns an error.
    pub async fn query_rows(&mut self, start: u32, count: u32, columns: &[PropTag]) -> Result<Page, Error> {
        let stat = Stat { delta: i32::try_from(start).unwrap_or(i32::MAX), ..stat() };
        let (stat, rows) = on!(self, query_rows(stat, count, columns))?;
        Ok(Page { rows, position: stat.num_pos, total: stat.total_recs })
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
        let (mids, rows) = on!(self, get_matches(restriction, limit, columns))?;
        Ok(mids.into_iter().zip(rows).collect())
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
        let (mids, rows) = on!(self, resolve_names(names, PERSON_COLUMNS))?;
        let mut found = rows.into_iter();
        let resolution = |mid: MId| match mid {
            MId::MID_UNRESOLVED => Some(Resolution::Unresolved),
            MId::MID_AMBIGUOUS => Some(Resolution::Ambiguous),
            _ => found.next().map(|row| Resolution::Resolved(Box::new(Person::from_row(&row)))),
        };
        let resolved: Option<_> = mids.into_iter().map(resolution).collect();
        resolved.ok_or(Error::new("nspi.ResolveNames", Failure::Missing("row for each resolved name")))
    }

    /// The properties `columns` of one object (`NspiGetProps`); those that it lacks are error codes.
    ///
    /// # Errors
    /// If the call fails or the server returns an error.
    pub async fn get_props(&mut self, mid: MId, columns: &[PropTag]) -> Result<PropertyList, Error> {
        on!(self, get_props(Stat { current_rec: mid, ..stat() }, columns))
    }

    /// The objects with these distinguished names (`NspiDNToMId`); `None` for a name without an object.
    ///
    /// # Errors
    /// If the call fails or the server returns an error.
    pub async fn dn_to_mid(&mut self, names: &[&str]) -> Result<Vec<Option<MId>>, Error> {
        let known = |mid| (mid != MId::MID_UNRESOLVED).then_some(mid);
        Ok(on!(self, dn_to_mid(names))?.into_iter().map(known).collect())
    }

    /// Ends the session (`NspiUnbind`).
    ///
    /// # Errors
    /// If the call fails or the server does not know the session.
    pub async fn unbind(mut self) -> Result<(), Error> {
        on!(self, unbind())
    }
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
