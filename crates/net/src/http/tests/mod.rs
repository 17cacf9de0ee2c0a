//! Tests of HTTP connections as conversations, without sockets and real time.
//!
//! A test causes an event on a client's connection, `client >> event`, and states the bytes that the client must have
//! received by then, `client << bytes`, or the state of its request, `client << State`. The proxy is the product's own
//! code from the client's bytes to the server's bytes ([`serve_established`](crate::http::server::serve_established)).
//! Pipes stand in for the two sockets, and the clock is moved by the test.

mod authentication;
mod backoff;
mod closing;
mod connections;
mod deferred;
mod early;
mod failures;
mod fairness;
mod late_responses;
mod long_responses;
mod mechanisms;
mod memory;
mod messages;
mod modules;
mod pass_through;
mod playbook;
mod reassigned;
mod requests;
mod reverse_proxies;
mod sessions;
mod setup;
mod shutdown;
mod streaming;
mod upstream;
mod waiting_requests;
mod waits;
