//! The protocols that carry handshakes.

use std::fmt;

/// The protocol that carries a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// DCE/RPC, with a third leg and header signing in mechanisms of GSS-API (`GSS_C_DCE_STYLE`).
    Rpc,
    /// HTTP, in which no messages are protected.
    Http,
}

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rpc => "RPC",
            Self::Http => "HTTP",
        })
    }
}
