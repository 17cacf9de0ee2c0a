//! Limits of a match in the Plain LZ77 format ([MS-XCA] 2.4).

/// The maximum distance of a match, in bytes: its field has 13 bits.
pub(super) const MAX_DISTANCE: usize = 8192;

/// The minimum length of a match, in bytes.
pub(super) const MIN_MATCH: usize = 3;
