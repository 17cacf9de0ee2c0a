//! Detects the protocol and the client of a connection.

use super::start::Start;
use crate::decrypt::tls::detect;
use crate::stream::Side;

/// The number of bytes of the server after which the protocol is decided.
const MAX_START: usize = 64;

/// What the first bytes of both sides show. `swapped` states that the side recorded as the server is the
/// client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detection {
    /// More bytes are needed.
    Undecided,
    Rpc {
        swapped: bool,
    },
    Http {
        swapped: bool,
        /// Only the bytes of the server were recognized.
        server_only: bool,
    },
    /// The beginning of TLS.
    Tls {
        swapped: bool,
    },
    /// Records of TLS, whose handshake is missing.
    TlsWithoutHandshake,
    /// Another protocol.
    Other,
}

impl Detection {
    /// Detects the protocol by the first bytes recorded as client's and server's. `decrypted` states that
    /// they were decrypted from TLS.
    pub(super) fn of(client: &[u8], server: &[u8], decrypted: bool) -> Self {
        let (first, second) = (Start::of(client), Start::of(server));
        let has_enough = server.len() >= MAX_START;
        // A recognized message shows which side sends it.
        let (start, swapped) = match (first, second) {
            (Start::Rpc(side) | Start::Http(side), _) => (first, side == Side::Server),
            // The client's first message is incomplete; wait for the rest.
            (Start::TooShort, Start::Rpc(Side::Server) | Start::Http(Side::Server))
                if !client.is_empty() && !has_enough =>
            {
                (Start::TooShort, false)
            }
            (_, Start::Rpc(side) | Start::Http(side)) => (second, side == Side::Client),
            (Start::TooShort, _) if !has_enough => (Start::TooShort, false),
            _ => (Start::Other, false),
        };
        match start {
            Start::Rpc(_) => Self::Rpc { swapped },
            Start::Http(_) => Self::Http { swapped, server_only: start != first },
            _ if !decrypted && detect::is_start(client) == Some(true) => Self::Tls { swapped: false },
            _ if !decrypted && detect::is_client_hello(server) => Self::Tls { swapped: true },
            Start::TooShort => Self::Undecided,
            Start::Other if detect::is_start(client).is_none() && !has_enough => Self::Undecided,
            Start::Other => {
                let is_tls =
                    |bytes| detect::is_after_handshake(bytes) || detect::is_start(bytes) == Some(true);
                let is_tls = !decrypted && (is_tls(client) || is_tls(server));
                if is_tls { Self::TlsWithoutHandshake } else { Self::Other }
            }
        }
    }
}
