//! Tests of the store through its public interface.

mod common;
mod durability;
mod folders;
mod messages;
