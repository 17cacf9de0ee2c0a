//! The names module in conversations: no server's name reaches a client, in whatever operation and field, and the
//! proxy's name in a request becomes the server's.

mod aux;
mod calls;
mod http;
mod http_store;
mod rops;
mod setup;
