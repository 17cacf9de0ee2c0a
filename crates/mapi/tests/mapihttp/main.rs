//! Tests of MAPI over HTTP bodies against the specification and recordings.

mod bodies;
mod captures;
mod response_body;
mod strategies;
