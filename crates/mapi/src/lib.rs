//! Exchange operations, lossless, without I/O: RFR, NSPI, EMSMDB.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

pub mod compress;
