//! Oracles of Exchange operations.

mod autodiscover;
mod aux_block;
mod emsmdb;
mod extended;
mod fast_transfer;
mod http;
mod idset;
mod notification;
mod nspi;
mod property;
mod rop;
mod rtf;
mod stubs;

pub use self::autodiscover::autodiscover;
pub use self::aux_block::aux_blocks;
pub use self::emsmdb::emsmdb;
pub use self::extended::extended_buffers;
pub use self::fast_transfer::fast_transfer;
pub use self::http::mapi_http;
pub use self::idset::idsets;
pub use self::notification::notifications;
pub use self::nspi::nspi;
pub(crate) use self::property::TYPES as PROPERTY_TYPES;
pub use self::property::properties;
pub use self::rop::{rop_requests, rop_responses};
pub use self::rtf::rtf;
