//! What tests share: oracles, which say of any bytes whether a decoder did right by them, and inputs for them
//! to begin with; recordings of other people's software; and conversations through the engine.

pub mod captures;
mod flight;
pub mod http_auth;
mod input;
mod mailbox;
mod mapi_http_client;
pub mod oracles;
pub mod recorded_executes;
pub mod rops;
mod rpc_client;
pub mod seeds;

pub use crate::flight::{Step, TestFlight};
pub use crate::mailbox::{Mailbox, Sent, batch, connect_ex, replies};
pub use crate::mapi_http_client::MapiHttpClient;
pub use crate::rpc_client::{RpcClient, bind_request, bind_response, caller, incoming};
