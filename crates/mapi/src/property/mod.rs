//! Properties: tags, types, values, rows and restrictions ([MS-OXCDATA] 2.8 to 2.12).
//!
//! | Types | Description |
//! |---|---|
//! | [`PropTag`], [`PropType`] | a property's id and type; [`names`] contains the names of [MS-OXPROPS] |
//! | [`PropertyValue`], [`TaggedValue`], [`TypedValue`] | a value, alone, with its tag, or with its type |
//! | [`PropertyList`], [`PropertyTagArray`] | lists with a count |
//! | [`PropertyRow`], [`Rows`] | rows of a table, whose columns the request determines |
//! | [`Restriction`] | a condition on an object |
//!
//! The same structure has several encodings: in ROP buffers, in extended rules, and in the bodies of MAPI over HTTP. A
//! [`Layout`] selects one. The NDR encoding is in [`nspi`](crate::nspi). Decoded values encode to the bytes that
//! they were decoded from; decoding refuses input for which this is impossible.

pub mod names;

mod accessors;
mod by_columns;
mod codec;
mod display;
pub mod inspect;
mod layout;
mod list;
mod object_id;
mod operators;
mod restriction;
pub mod restriction_display;
mod row;
mod skip;
mod tag;
pub(crate) mod value;

#[cfg(test)]
pub(crate) mod tests;

pub use self::by_columns::{ByColumns, FromRows, Row, Rows};
pub use self::layout::Layout;
pub(crate) use self::layout::Nesting;
pub use self::list::{LargePropertyTagArray, PropertyList, PropertyTagArray, read_tags, write_tags};
pub use self::object_id::object_id_node;
pub use self::operators::{BitmapOperator, FuzzyLevel, RelationalOperator, RestrictionType};
pub use self::row::{FlaggedValue, PropertyRow};
pub use self::tag::{PropTag, PropType};
pub use self::value::{PropertyValue, Restriction, TaggedValue, TypedValue};
