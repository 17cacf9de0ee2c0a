//! HTTP: MAPI over HTTP, Autodiscover, and the other virtual directories of an Exchange server.
//!
//! # Overview
//!
//! [`run_http`] accepts the connections of a listener. Each is one task, which does the following for each request:
//!
//! ```text
//! client ──▶ downstream ──▶ services ──▶ downstream::authenticate ──▶ a service ──▶ upstream ──▶ server
//!            read the head   route        admit, or respond            │
//!                                                                      ├ operation: through the engine
//!                                                                      ├ autodiscover: responses through the modules
//!                                                                      └ forward: streamed
//! ```
//!
//! | module | what it does |
//! |---|---|
//! | `server` | serves one client connection |
//! | `services` | the services with their targets; routes requests |
//! | `downstream` | the client side: reads requests, authenticates them, writes responses |
//! | `pass_through` | pass-through authentication: the server verifies the clients' credentials |
//! | `operation` | MAPI over HTTP |
//! | `services::{autodiscover, forward}` | the other services |
//! | `upstream` | connections to the server, and what is changed of a request or a response |
//! | `tls`, `pem`, `certificate` | certificates and keys |
//! | `account_probe` | permits authentications of the service account, and probes whether the server accepts it |
//! | `reach`, `client` | requests of the proxy's own: to probe the service account, to check a configuration, to replay a recording |
//!
//! # Configuration
//!
//! An [`HttpListenerConfig`] is shared by all connections of a listener. Its main parts are an [`HttpAuthConfig`]
//! (how clients authenticate), an [`HttpUpstream`] (the server, and whose credentials requests have there),
//! [`Routes`] (what is done with the virtual directories), and the engine with its sessions.
//!
//! # Architectural invariants
//!
//! - No request reaches the server or a module before its client is authenticated, except GET and HEAD requests of JSON
//!   Autodiscover, which may be anonymous (`services`), and the handshakes of pass-through authentication.
//! - Headers and cookies by which servers trust one another are removed from clients' requests (`server_only`).
//! - A target that servers could map to another directory than the proxy is refused (`downstream::paths`).
//! - Decisions are made without I/O: authentication (`downstream::auth`, `pass_through::step`) and operations
//!   (`operation`) take input, time and randomness as arguments, and return what to do.

mod account_probe;
mod certificate;
mod client;
mod client_connection;
mod config;
mod downstream;
mod listener;
#[cfg(test)]
mod memory_stream;
mod operation;
mod output;
mod pass_through;
mod pem;
mod ping;
mod reach;
mod server;
mod server_only;
mod services;
mod shutdown;
#[cfg(test)]
mod tests;
mod tls;
mod tls_failure;
mod transport;
mod trusted_proxies;
mod upstream;

pub use self::certificate::{CertificateFault, certificate_faults};
pub use self::client::{HttpClient, HttpClientError, HttpClientResponse};
pub use self::config::*;
pub use self::downstream::auth::local::HttpAuthConfig;
pub use self::downstream::routes::{RouteAction, Routes};
pub use self::listener::run_http;
pub use self::operation::pending::Pending;
pub use self::pem::{Content, FileFault, Role, Unsuitable};
pub use self::reach::{Anonymous, authenticate_once, probe_anonymously};
pub use self::tls::{TlsError, TlsIdentity, TlsTrust, TlsVersion, check_key};
pub use self::tls_failure::TlsFailure;
pub use self::trusted_proxies::TrustedProxies;
pub use self::upstream::auth_error::ServiceAuthError;
pub use self::upstream::config::HttpUpstream;
pub use self::upstream::dial::{NotConnected, NotOpened};
pub use self::upstream::forwarding::Via;
