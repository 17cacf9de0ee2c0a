//! Sets of object identifiers and change numbers ([MS-OXCFXICS] 2.2.2.4), which are exchanged in synchronization.
//!
//! A set is stored as ranges, so that a few bytes that encode 2^48 identifiers use the memory of one range.

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
