//! The server of a command, by its RPC binding or by its URL.

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
