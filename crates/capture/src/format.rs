//! What our own recordings say in pcapng that other programs' do not: the side of the proxy, and the user.

/// The prefix of interface names in our own recordings; the side of the proxy follows.
pub const INTERFACE_PREFIX: &str = "mapiproxy:";

/// The prefix of the comment on the first packet of a connection in our own recordings; the user who authenticated
/// follows.
pub(crate) const USER_COMMENT: &str = "user: ";
