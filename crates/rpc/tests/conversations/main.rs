//! Conversations between both ends of an association, and with peers that break the rules.

mod bad_input;
mod binding;
mod calls;
mod examples;
mod protection;
mod support;
