//! TCP for every protocol: accepting, admission, worker threads, connecting, reading and writing.

pub(crate) mod accept;
pub(crate) mod admission;
pub(crate) mod connect;
pub(crate) mod connection_counts;
pub(crate) mod network;
pub(crate) mod proxy_protocol;
pub(crate) mod read;
pub(crate) mod stream;
pub(crate) mod thread_time;
mod unauthenticated;
mod work_by_address;
pub(crate) mod workers;
