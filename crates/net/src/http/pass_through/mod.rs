//! Pass-through authentication: the server verifies the credentials of the proxy's clients.
//!
//! The modules process an operation before the server does, and must know which user sent it. So the proxy verifies
//! credentials before the first request that they authenticate, with requests that change nothing, called probes
//! (`identity::pass_through` says why the server's responses prove an identity):
//!
//! 1. A probe without credentials finds a *protected resource*: one for which the server requires authentication, and
//!    offers the client's scheme.
//! 2. The same probe with the client's credentials has to succeed. A handshake takes several requests; all go on the
//!    connection that will carry the client's requests, and a last probe without credentials shows that the server
//!    authenticated the connection.
//! 3. The same probe without credentials has to fail again, on another connection. A probe whose success a gateway
//!    could imitate has to fail with random credentials, too.
//!
//! [`step`] is the state machine, without I/O. [`transport`] sends the probes.

pub(crate) mod authenticator;
pub(crate) mod challenges;
pub(crate) mod pending;
pub(crate) mod probe;
pub(crate) mod protected;
pub(crate) mod response;
mod search;
pub(crate) mod step;
pub(crate) mod transport;
mod verify;
