//! Pass-through authentication: clients authenticate to the server through the proxy.
//!
//! The proxy cannot verify a password, a token or a handshake's last message. The server can, and the proxy infers
//! the result from the server's responses to one request, the [`Probe`], which changes nothing on the server:
//!
//! 1. Without credentials the server rejects it with 401 ([`RejectedProbe`]).
//! 2. With the credentials, or on the connection that a handshake authenticated, the server executes it
//!    ([`CredentialsAccepted`]).
//! 3. Without credentials, on a new connection, the server rejects it again ([`Authenticated`]). If the probe's
//!    response could be a gateway's, the server must reject invalid credentials too ([`ControlRequest`]).
//!
//! Each step is a type that is created from the previous one, so that no other order of steps yields a security
//! context. The user's name is read from the credentials, from the same field as the server reads it. Credentials
//! without a name yield no context.
//!
//! Two clients have equal identities only if the server cannot distinguish them: the same name by the same scheme,
//! the same Kerberos ticket, or tokens for the same account of the same issuer.

mod attempt;
mod config;
pub(crate) mod handshake_transcript;
pub(crate) mod named_user;
mod negoex;
mod probe;
pub(crate) mod ticket;
pub(crate) mod transcript;

pub use self::attempt::{
    AuthAttempt, Authenticated, AwaitsResponse, Checked, ControlRequest, CredentialsAccepted, OtherProbe,
    Outcome, ProofError, RepeatRequest,
};
pub use self::config::Config;
pub use self::named_user::NamedUser;
pub use self::probe::{Probe, REJECTED_PROBE_VALID_FOR, RejectedProbe, Response};
pub use self::transcript::Transcript;

#[cfg(test)]
mod tests;
