//! What tests share: oracles, which say of any bytes whether a decoder did right by them, and inputs for them
//! to begin with; recordings of other people's software; and conversations through the engine.

pub mod captures;
pub mod executes;
mod flight;
mod input;
mod mailbox;
pub mod oracles;
pub mod rops;
pub mod seeds;
mod talk;
mod web;

pub use crate::flight::{Step, TestFlight};
pub use crate::mailbox::{Mailbox, Sent, batch, connect_ex, replies};
pub use crate::talk::{Talk, bind_request, bind_response, caller, incoming};
pub use crate::web::Web;
