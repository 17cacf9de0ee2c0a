//! What both ends of an association share: the connection, its fragments, and its security contexts.

pub(super) mod connection;
pub(super) mod fragment;
pub(super) mod security_context;
