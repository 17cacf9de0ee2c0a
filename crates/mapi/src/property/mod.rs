//! Properties: tags, types, values, rows and restrictions ([MS-OXCDATA] 2.9 to 2.12), as every interface
//! means them. How a value lies on the wire is each interface's own matter.

pub mod names;
mod restriction;
mod tag;
mod value;

pub use self::restriction::{BitmapOperator, FuzzyLevel, RelationalOperator, Restriction, RestrictionType};
pub use self::tag::{PropTag, PropType};
pub use self::value::{PropertyRow, PropertyValue, TaggedValue};
