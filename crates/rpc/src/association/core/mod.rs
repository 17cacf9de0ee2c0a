//! What both ends of an association share: the connection, its fragments, its security contexts, and the
//! errors of the peer.

pub(super) mod connection;
pub(super) mod fragment;
pub(super) mod peer_error;
pub(super) mod security_context;
