//! Oracles of DCE/RPC: PDUs, associations, and the interfaces of every server.

mod client;
mod endpoints;
mod pdus;
mod rts;
mod server;
mod toy;

pub use self::client::client;
pub use self::endpoints::endpoints;
pub use self::pdus::pdus;
pub use self::rts::rts;
pub use self::server::server;

pub(crate) use self::toy::{SECRET, TOY};
