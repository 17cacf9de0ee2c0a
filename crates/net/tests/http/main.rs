//! HTTP through the proxy, from socket to socket.

mod deferred;
mod early;
mod edge;
mod operations;
mod recorded;
mod revoked;
mod streaming;
mod strict;
#[allow(dead_code)]
mod support;
