//! Oracles of DCE/RPC: PDUs, associations, and the interfaces of every server.

mod client;
mod endpoints;
mod rts;
mod server;
mod toy;
mod units;

pub use self::client::client;
pub use self::endpoints::endpoints;
pub use self::rts::rts;
pub use self::server::server;
pub use self::units::units;

pub(crate) use self::toy::{SECRET, TOY};
