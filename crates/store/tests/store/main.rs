//! Tests of the store through its public interface.

mod common;
mod durability;
mod events;
mod folders;
mod imports;
mod messages;
mod verifying;
