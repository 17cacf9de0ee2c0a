//! Exchange operations.

mod aux_block;
mod emsmdb;
mod extended;
mod nspi;
mod property;
mod stubs;

pub use self::aux_block::aux_blocks;
pub use self::emsmdb::emsmdb;
pub use self::extended::extended_buffers;
pub use self::nspi::nspi;
pub(crate) use self::property::TYPES as PROPERTY_TYPES;
pub use self::property::properties;
