//! The additions of MAPIProxy's recordings to pcapng: the side of the proxy, and the user.

/// The prefix of interface names in MAPIProxy's recordings. The side of the proxy follows it.
pub const INTERFACE_PREFIX: &str = "mapiproxy:";

/// The prefix of the comment on the first packet of a connection in MAPIProxy's recordings. The authenticated
/// user follows it.
pub(crate) const USER_COMMENT: &str = "user: ";
