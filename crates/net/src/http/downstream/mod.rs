//! Clients' connections by HTTP: what comes on them, where it goes, and what is answered.

pub(crate) mod accumulator;
pub(crate) mod auth;
pub(crate) mod authenticate;
pub(crate) mod body;
pub(crate) mod connection;
pub(crate) mod context;
pub(crate) mod pace;
pub(crate) mod paths;
pub(crate) mod preamble;
pub(crate) mod respond;
pub(crate) mod routes;
