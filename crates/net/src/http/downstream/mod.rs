//! The client side of HTTP: connections, their authentication, and the responses that the proxy makes itself.

pub(crate) mod accumulator;
pub(crate) mod auth;
pub(crate) mod authenticate;
pub(crate) mod connection;
pub(crate) mod context;
pub(crate) mod cookie_limits;
pub(crate) mod minimum_rate;
pub(crate) mod paths;
pub(crate) mod preamble;
pub(crate) mod read;
pub(crate) mod request_rules;
pub(crate) mod respond;
pub(crate) mod routes;
pub(crate) mod work_quota;
