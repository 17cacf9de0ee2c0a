//! From streams to calls: detects the protocol of each connection, and finds the calls in it.

mod association;
mod caller;
mod decrypted;
mod exchange;
mod found;
mod fragments;
mod message;
mod order;
mod security;
mod start;
mod tracked;
mod tunnel;
mod watcher;

pub(crate) use self::caller::named;
pub use self::found::Found;
pub(crate) use self::message::path_of;
pub use self::watcher::Watcher;

#[cfg(test)]
mod tests;
