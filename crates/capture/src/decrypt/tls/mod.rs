//! TLS 1.2 and 1.3, decrypted by the secrets of a key log (RFC 5246, RFC 8446, RFC 9850).
//!
//! A [`KeyLog`] holds what clients or servers logged; a [`Tls`] follows one connection. What it decrypts
//! flows on as if it had been sent in the clear.

mod cipher;
mod direction;
mod handshake;
mod keylog;
mod negotiated;
mod resync;
mod schedule;
mod session;
mod step;
mod suite;

pub use self::keylog::{KeyLog, KeyLogError, KeyLogReader, LineProblem};
pub use self::session::Tls;
pub use self::step::Output;
