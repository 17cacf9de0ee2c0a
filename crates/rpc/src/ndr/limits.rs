//! Limits on counts and nesting.

/// The most elements that any array may have: the largest range that the Exchange interfaces name
/// ([MS-OXNSPI] 2.2.1, `Binary_r`).
pub const MAX_COUNT: u32 = 0x0020_0000;

/// The maximum nesting depth of pointers.
pub const MAX_DEPTH: u32 = 100;
