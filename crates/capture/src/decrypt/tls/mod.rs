//! TLS 1.2 and 1.3, decrypted by the secrets of a key log (RFC 5246, RFC 8446, RFC 9850).
//!
//! A [`KeyLog`] holds the secrets that clients or servers logged. A [`Tls`] follows one connection and
//! returns its plaintext.

mod cbc;
mod cipher;
pub(crate) mod detect;
mod direction;
mod handshake;
mod keylog;
mod negotiated;
mod problem;
mod resync;
mod schedule;
mod session;
mod step;
mod suite;

pub use self::keylog::{KeyLog, KeyLogError, KeyLogReader, LineProblem};
pub use self::problem::{TlsError, TlsFailure, TlsProblem};
pub use self::session::Tls;
pub use self::step::Output;
