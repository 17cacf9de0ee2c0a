//! Authentication of client requests over HTTP, without I/O.
//!
//! An [`Authenticator`](authenticator::Authenticator) belongs to one client connection. Calls come in this order for
//! each request:
//!
//! 1. `authenticated`: the context of a request whose credentials were verified with an earlier one. Most requests end
//!    here.
//! 2. `begin`: checks the back-off and the credentials. With pass-through authentication it may return a probe, a
//!    request that the caller sends to the server.
//! 3. `resume`, with the response to each probe, until there is no other.
//!
//! The last of them returns an [`AuthOutcome`](outcome::AuthOutcome): it admits the request, or `respond` writes the
//! response in its place. [`authenticate`](super::authenticate) is the caller, and does the I/O.

pub(crate) mod authenticator;
pub(crate) mod failure;
pub(crate) mod local;
pub(crate) mod outcome;
pub(crate) mod request;
