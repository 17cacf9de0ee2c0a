//! Limits of a match in the Plain LZ77 format ([MS-XCA] 2.4).

/// The largest distance that a match can reach back, in bytes: its field has 13 bits.
pub(super) const MAX_DISTANCE: usize = 8192;

/// The shortest match there is, in bytes.
pub(super) const MIN_MATCH: usize = 3;
