//! From streams to calls: detects the protocol of each connection and decodes its calls.

mod association;
mod call_reader;
mod caller;
mod decrypted;
mod detection;
mod exchange;
mod fragments;
mod message;
mod order;
mod problem;
mod recorded_item;
mod rpc_calls;
mod security;
mod start;
mod tracked;
mod tunnel;

pub use self::call_reader::CallReader;
pub(crate) use self::caller::plain_user;
pub(crate) use self::message::path_of;
pub use self::recorded_item::RecordedItem;

#[cfg(test)]
mod tests;
