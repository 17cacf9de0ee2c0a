//! HTTP through the proxy, from socket to socket.

mod recorded;
#[allow(dead_code)]
mod support;
