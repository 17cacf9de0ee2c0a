//! Authentication of client requests over HTTP.

pub(crate) mod local;
