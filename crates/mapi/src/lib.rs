//! Exchange operations, lossless, without I/O: RFR, NSPI, EMSMDB.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

pub mod autodiscover;
pub mod aux_block;
pub mod blob;
pub mod compress;
pub mod data;
pub mod emsmdb;

pub mod fast_transfer;
pub mod idset;
pub mod notification;
pub mod rtf;

mod error_code;
pub mod inspect;
mod interface;
pub mod mapihttp;
pub mod nspi;
mod operations;
mod primitive;
pub mod property;
pub mod rfr;
pub mod rop;

pub use crate::error_code::ErrorCode;
pub use crate::interface::Interface;

/// The encoding of remote calls, for who builds the parts of one: pointers, strings, arrays.
pub use rpc::ndr;
