//! Authentication of client requests over HTTP, without I/O.
//!
//! An [`Authenticator`](authenticator::Authenticator) belongs to one client connection. It is called in this order for
//! each request:
//!
//! 1. `authenticated`: the context of a request whose credentials were verified with an earlier one. Most requests end
//!    here.
//! 2. `begin`: checks the back-off and the credentials. With pass-through authentication it may return a probe, a
//!    request that the caller sends to the server.
//! 3. `resume`, with the response to each probe, until it returns no further probe.
//!
//! The last of them returns an [`AuthOutcome`](outcome::AuthOutcome): either the request is admitted, or `respond`
//! writes the proxy's own response to it. [`authenticate`](super::authenticate) is the caller, and does the I/O.

pub(crate) mod authenticator;
pub(crate) mod failure;
pub(crate) mod local;
pub(crate) mod outcome;
pub(crate) mod request;
