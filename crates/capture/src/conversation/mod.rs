//! From streams to calls: which protocol a connection speaks, and who asked what of whom in it.

mod association;
mod decrypted;
mod exchange;
mod security;
mod tunnel;
mod watcher;

pub(crate) use self::exchange::{named, path_of};
pub use self::watcher::{Found, Watcher};

#[cfg(test)]
mod tests;
