//! From streams to calls: which protocol a connection speaks, and who asked what of whom in it.

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
