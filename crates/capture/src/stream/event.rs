//! Connections, their two sides, and what happens on them.

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

    /// What messages call it.
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
    /// The name of the interface that it was first recorded at, where there is one.
    pub interface: Option<Arc<str>>,
}

/// Something that happened to a connection.
#[derive(Debug)]
pub struct Event<'a> {
    /// To which.
    pub connection: &'a Connection,
    /// When.
    pub time: Timestamp,
    /// What.
    pub kind: EventKind<'a>,
}

/// What happened to a connection.
#[derive(Debug)]
pub enum EventKind<'a> {
    /// One side sent these bytes.
    Data(Side, &'a [u8]),
    /// One side sent this many bytes that are not in the recording.
    Gap(Side, u64),
    /// One side sends no more.
    Ended(Side),
    /// The connection is over, or is followed no longer.
    Closed,
}
