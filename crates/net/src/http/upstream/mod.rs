//! Connections to the server by HTTP, and what of a message changes between it and a client.

pub(crate) mod auth_error;
pub(crate) mod authenticate;
pub(crate) mod config;
pub(crate) mod connection;
pub(crate) mod dial;
pub(crate) mod forwarding;
pub(crate) mod headers;
pub(crate) mod receive;
pub(crate) mod redirect;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod response_event;
pub(crate) mod send;
pub(crate) mod slot;
