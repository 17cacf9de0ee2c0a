//! Sign-ins that pass through us: a client proves itself to the server, not to us.
//!
//! We cannot tell whether a password, a token or a response is right. The server can, and says so by what it does
//! with one and the same request, which changes nothing:
//!
//! 1. without credentials it is refused ([`Guarded`]),
//! 2. with them, or on the connection that a handshake signed in, it is carried out ([`Taken`]),
//! 3. without them it is refused again, on a fresh connection ([`Accepted`]).
//!
//! Nothing less makes a context here, in this order and of the same request: each step is made of the one before
//! it. What the client is called is read from its credentials, where the server read it too; credentials
//! without a user name make no context.
//!
//! Two clients are one identity only where the server cannot but take them for one: the same name by the same
//! scheme, the same ticket, a token for the same account of the same issuer.

mod config;
pub(crate) mod handshake;
pub(crate) mod named;
mod proof;
mod sign_in;
pub(crate) mod ticket;
pub(crate) mod transcript;

pub use self::config::Config;
pub use self::named::Named;
pub use self::proof::{Answer, GUARDED_FOR, Guarded, Probe};
pub use self::sign_in::{
    Accepted, Again, Checked, Control, Elsewhere, Outcome, Sent, SignIn, Taken, Unproven,
};
pub use self::transcript::Transcript;

#[cfg(test)]
mod tests;
