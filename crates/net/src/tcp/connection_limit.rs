//! The limits on connections.

/// A limit on connections that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} is reached", self.key())]
pub(crate) enum ConnectionLimit {
    /// The limit on all connections.
    All,
    /// The limit on connections from one address.
    PerAddress,
    /// The limit on unauthenticated connections.
    Unauthenticated,
    /// The user's share of the limit on all connections.
    PerUser,
}

impl ConnectionLimit {
    /// The configuration key of the limit.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::All | Self::PerUser => "clients.connections",
            Self::PerAddress => "clients.connections_per_address",
            Self::Unauthenticated => "clients.unauthenticated_percent",
        }
    }
}
