//! Oracles of authentication.

mod handshake;
mod pass_through;
mod tokens;

pub use self::handshake::handshake;
pub use self::pass_through::pass_through;
pub use self::tokens::tokens;
