//! Names of properties, of named properties and of their property sets ([MS-OXPROPS]).
//!
//! Several properties may share an id: ids from 0x6800 on have different meanings in each message class. The tables
//! contain all of them. The type of a tag selects the name; if no type matches, the first, most common name is used.

#[macro_use]
mod macros;

mod address_book;
mod known;
mod lids;
mod lookup;
mod message;
mod named;
mod object;
mod provider;
pub mod set;
mod strings;
mod table;
mod tag_name;

pub use self::named::{NameKey, NamedProperty};
pub use self::table::all;
pub use self::tag_name::StoreTag;

#[cfg(test)]
mod tests;
