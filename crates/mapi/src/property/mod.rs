//! Properties: tags, types, values, rows and restrictions ([MS-OXCDATA] 2.8 to 2.12), as every interface
//! means them, and as they lie in ROP buffers, in extended rules and in the bodies of MAPI over HTTP. How they
//! lie in remote calls is [`nspi`](crate::nspi)'s matter.
//!
//! A structure whose layout depends on where it stands is read and written with a [`Layout`]. Whatever is read
//! is written as the same bytes; what could not be is refused when it is read.

pub mod names;

mod accessors;
mod by_columns;
mod codec;
mod display;
mod inspect;
mod layout;
mod list;
mod number;
mod operators;
mod restriction;
mod restriction_display;
mod row;
mod skip;
mod tag;
pub(crate) mod value;

#[cfg(test)]
pub(crate) mod tests;

pub use self::by_columns::{ByColumns, FromRows, Row, Rows};
pub use self::layout::Layout;
pub(crate) use self::layout::Place;
pub use self::list::{LargePropertyTagArray, PropertyList, PropertyTagArray, read_tags, write_tags};
pub use self::number::id_of;
pub use self::operators::{BitmapOperator, FuzzyLevel, RelationalOperator, RestrictionType};
pub use self::restriction_display::{Namer, store_name};
pub use self::row::{FlaggedValue, PropertyRow};
pub use self::tag::{PropTag, PropType};
pub use self::value::{PropertyValue, Restriction, TaggedValue, TypedValue};
pub(crate) use crate::primitive::{read_string8, read_unicode, require, write_string8, write_unicode};
