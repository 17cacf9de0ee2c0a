//! Limits on counts and nesting.

/// The most elements that any array may have: the largest range that the Exchange interfaces name
/// ([MS-OXNSPI] 2.2.1, `Binary_r`).
pub const MAX_COUNT: u32 = 0x0020_0000;

/// How many pointers may be followed, one out of the other.
pub const MAX_DEPTH: u32 = 100;
