//! MAPI over HTTP: bodies against the specification and against recordings.

mod captures;
mod response_body;
