//! Properties: tags, types, values, rows and restrictions ([MS-OXCDATA] 2.8 to 2.12), as every interface
//! means them, and as they lie in ROP buffers, in extended rules and in the bodies of MAPI over HTTP. How they
//! lie in remote calls is [`nspi`](crate::nspi)'s matter.
//!
//! A structure whose layout depends on where it stands is read and written with a [`Layout`]. Whatever is read
//! is written as the same bytes; what could not be is refused when it is read.

pub mod names;

mod by_columns;
mod codec;
mod display;
mod inspect;
mod list;
mod restriction;
mod restriction_codec;
mod restriction_display;
mod row;
mod skip;
mod tag;
mod text;
mod value;

#[cfg(test)]
pub(crate) mod tests;

pub use self::by_columns::{ByColumns, FromRows, Row, Rows};
pub use self::codec::Layout;
pub(crate) use self::codec::{Place, require};
pub use self::inspect::id_of;
pub use self::list::{LargePropertyTagArray, PropertyList, PropertyTagArray, read_tags, write_tags};
pub use self::restriction::{BitmapOperator, FuzzyLevel, RelationalOperator, Restriction, RestrictionType};
pub use self::restriction_display::{Namer, store_name};
pub use self::row::{FlaggedValue, PropertyRow};
pub use self::tag::{PropTag, PropType};
pub(crate) use self::text::{read_string8, read_unicode, write_string8, write_unicode};
pub use self::value::{PropertyValue, TaggedValue, TypedValue};
