//! What every protocol does with TCP: accept, admit, serve on a thread, connect, read and write.

pub(crate) mod accept;
pub(crate) mod admission;
pub(crate) mod connect;
pub(crate) mod network;
pub(crate) mod proxy_protocol;
pub(crate) mod read;
pub(crate) mod stream;
mod work_by_address;
pub(crate) mod workers;
