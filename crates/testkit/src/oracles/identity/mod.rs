//! Signing in.

mod handshake;
mod tokens;

pub use self::handshake::handshake;
pub use self::tokens::tokens;
