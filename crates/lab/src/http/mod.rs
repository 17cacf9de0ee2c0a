//! The HTTP side of the lab: MAPI over HTTP ([MS-OXCMAPIHTTP]) and Autodiscover ([MS-OXDSCLI], [MS-OXWSADISC]).
//!
//! HTTP is that of `hyper`, and nothing of `net::http` or `http1` is used: an error of the proxy is not hidden by the
//! same error in the server with which it is tested.
//!
//! [`listener`] accepts connections, [`service`] authenticates ([`authenticate`]) and routes each request, and
//! [`mapi`] checks the headers of a request of MAPI over HTTP, finds its Session Context ([`sessions`]) and calls
//! [`address_book`] or [`mailbox`].

mod address_book;
mod authenticate;
mod autodiscover;
mod config;
mod listener;
mod mailbox;
mod mapi;
mod operation;
mod reply;
mod server;
mod service;
mod sessions;
#[cfg(test)]
mod tests;
mod tls;

pub use self::config::{HttpLimits, HttpServer};
pub(crate) use self::listener::HttpListener;
pub use self::tls::{CertificateError, ServerCertificate};
