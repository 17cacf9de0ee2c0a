//! Connections to the server by HTTP, and how messages are rewritten between it and a client.

pub(crate) mod auth_error;
pub(crate) mod config;
pub(crate) mod connection;
pub(crate) mod dial;
pub(crate) mod forwarding;
pub(crate) mod hop_by_hop;
pub(crate) mod receive;
pub(crate) mod request_head;
pub(crate) mod response_event;
pub(crate) mod response_head;
pub(crate) mod send;
pub(crate) mod service_auth;
