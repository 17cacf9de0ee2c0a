//! The names of properties ([MS-OXPROPS]), of named properties and of the sets that these are in.
//!
//! Several names may share an id, as the ids from 0x6800 on mean something else in each class of messages. The
//! table keeps all of them. Which one a tag has, its type decides; where that decides nothing, it is the name
//! that comes first, the most common one.

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
