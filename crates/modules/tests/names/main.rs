//! The names module in conversations: clients receive no server's name in any operation and field, and the proxy's
//! name in a request is replaced by the server's.

mod aux;
mod calls;
mod http;
mod http_store;
mod rops;
mod setup;
