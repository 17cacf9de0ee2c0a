//! MAPI over HTTP, Autodiscover and what else clients ask a server by HTTP.

mod autodiscover;
mod certificate;
mod client;
mod config;
mod connection;
mod downstream;
mod forward;
mod listener;
#[cfg(test)]
mod memory;
mod operation;
mod output;
mod passthrough;
mod peers;
mod pem;
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
mod upstream;

pub use self::certificate::{CertificateFault, certificate_faults};
pub use self::client::{HttpClient, HttpClientError, HttpClientResponse};
pub use self::config::{HttpLimits, HttpListenerConfig};
pub use self::downstream::auth::local::HttpAuthConfig;
pub use self::downstream::routes::{RouteAction, Routes};
pub use self::listener::run_http;
pub use self::operation::pending::Pending;
pub use self::peers::Peers;
pub use self::pem::{Content, FileFault, Role, Unsuitable};
pub use self::reach::{Anonymous, ask_anonymously, sign_in_once};
pub use self::tls::{TlsError, TlsIdentity, TlsTrust, TlsVersion, check_key};
pub use self::tls_failure::TlsFailure;
pub use self::upstream::auth_error::ServiceAuthError;
pub use self::upstream::config::HttpUpstream;
pub use self::upstream::dial::{NotConnected, NotOpened};
pub use self::upstream::forwarding::Via;
