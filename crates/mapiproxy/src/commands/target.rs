//! The server of a command, by its RPC binding or by its URL.

use std::path::Path;

use client::HttpServer;
use net::http::TlsError;

use crate::config::{Binding, NoServer, Url};

/// The server to which a command sends requests.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Rpc(Binding),
    Http(Url),
}

impl Target {
    pub(crate) fn parse(text: &str) -> Result<Self, NoServer> {
        if text.contains("://") {
            return Url::try_from(text.to_owned()).map(Self::Http);
        }
        Binding::try_from(text.to_owned()).map(Self::Rpc)
    }
}

/// The server with this URL, for the client library. Its certificate is verified with the certificates in `ca_file`, or
/// else those of the system.
///
/// # Errors
/// As [`HttpServer::new`].
pub(crate) fn http_server(url: &Url, ca_file: Option<&Path>) -> Result<HttpServer, TlsError> {
    if url.tls {
        return HttpServer::new(&url.host, url.port, ca_file);
    }
    Ok(HttpServer::without_tls(&url.host, url.port))
}
