//! TCP for every protocol: accepting, admission, worker threads, connecting, reading and writing.

pub(crate) mod accept;
pub(crate) mod admission;
mod authenticated;
pub(crate) mod connect;
mod connection_counts;
pub(crate) mod connection_limit;
pub(crate) mod network;
pub(crate) mod proxy_protocol;
mod ranking;
pub(crate) mod read;
pub(crate) mod stream;
mod thread_queue;
pub(crate) mod thread_time;
mod work_by_address;
pub(crate) mod workers;
