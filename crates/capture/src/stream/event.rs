//! Connections and their events.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::time::Timestamp;

/// One of the two ends of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The end that opened the connection.
    Client,
    /// The end that accepted it.
    Server,
}

impl Side {
    /// The other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// The name in messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// A TCP connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// A number that no other connection of the recording has.
    pub number: u64,
    /// The client's address.
    pub client: SocketAddr,
    /// The server's address.
    pub server: SocketAddr,
    /// The name of the interface at which the connection was first recorded, if the file has it.
    pub interface: Option<Arc<str>>,
}

/// An event of a connection.
#[derive(Debug)]
pub struct Event<'a> {
    /// The connection.
    pub connection: &'a Connection,
    /// The time at which the event was recorded.
    pub time: Timestamp,
    /// The kind of event.
    pub kind: EventKind<'a>,
}

/// The kind of an event.
#[derive(Debug)]
pub enum EventKind<'a> {
    /// One side sent these bytes.
    Data(Side, &'a [u8]),
    /// One side sent this many bytes that are not in the recording.
    Gap(Side, u64),
    /// One side sends no more.
    Ended(Side),
    /// The connection ended, or is not tracked any more.
    Closed,
}
