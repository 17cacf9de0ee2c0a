//! Messages as properties, without a server: de-encapsulation of RTF bodies.
//!
//! | module | content | specification |
//! |---|---|---|
//! | [`rtf`] | the HTML or text in an RTF body | \[MS-OXRTFEX\] |
//! | [`codepage`] | texts in code pages | |
//!
//! # Architectural invariants
//!
//! - No I/O, no clock and no random numbers.
//! - No property and no byte of a message causes a panic. Memory and depth are bounded by limits that the caller
//!   passes; input that exceeds a limit is refused.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

pub mod codepage;
pub mod rtf;
