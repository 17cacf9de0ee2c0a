//! Entries of the name tables.

use crate::property::tag::PropTag;

/// The name of a property with its tag.
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) tag: PropTag,
}
