//! Oracles of authentication.

mod handshake;
mod relayed;
mod tokens;

pub use self::handshake::handshake;
pub use self::relayed::relayed;
pub use self::tokens::tokens;
