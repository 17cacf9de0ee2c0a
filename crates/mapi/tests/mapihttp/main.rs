//! MAPI over HTTP: bodies against the specification and against recordings.

mod bodies;
mod captures;
mod response_body;
mod strategies;
