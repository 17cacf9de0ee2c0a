//! Property values: those that the server computes, conversions, comparisons and restrictions.

pub(crate) mod compare;
pub(crate) mod convert;
pub(crate) mod eight_bit;
pub(crate) mod entry_id;
pub(crate) mod flags;
pub(crate) mod folder;
pub(crate) mod matched;
pub(crate) mod message;
pub(crate) mod restriction;
