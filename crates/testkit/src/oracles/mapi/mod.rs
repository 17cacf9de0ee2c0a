//! Exchange operations.

mod autodiscover;
mod aux_block;
mod emsmdb;
mod extended;
mod http;
mod nspi;
mod property;
mod stubs;

pub use self::autodiscover::autodiscover;
pub use self::aux_block::aux_blocks;
pub use self::emsmdb::emsmdb;
pub use self::extended::extended_buffers;
pub use self::http::mapi_http;
pub use self::nspi::nspi;
pub(crate) use self::property::TYPES as PROPERTY_TYPES;
pub use self::property::properties;
