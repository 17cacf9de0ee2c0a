//! An entry of the name tables.

use crate::property::tag::PropTag;

/// A property's name with its id and its type.
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) tag: PropTag,
}
