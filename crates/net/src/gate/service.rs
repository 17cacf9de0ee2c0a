//! A service of the upstream (an RPC interface or a virtual directory), for which authentications are counted
//! separately.

use super::protocol::UpstreamProtocol;

/// A part of the upstream with its own configuration of authentication: an interface, or a virtual directory of HTTP.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) protocol: UpstreamProtocol,
    pub(super) name: Box<str>,
}
