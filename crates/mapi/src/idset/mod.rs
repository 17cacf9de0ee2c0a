//! Sets of object ids and change numbers ([MS-OXCFXICS] 2.2.2.4), as synchronization exchanges them.
//!
//! A set is kept as ranges, never as single ids, so that a few bytes that stand for 2^48 of them cost one
//! range.

mod decode;
mod encode;
mod globset;
mod range;
mod replica;
mod set;

pub use self::globset::Globset;
pub use self::range::GlobRange;
pub use self::replica::{ReplId, Replica};
pub use self::set::{IdSet, ReplGuidSet, ReplIdSet};

#[cfg(test)]
mod tests;
