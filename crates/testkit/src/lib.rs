//! Shared by tests: oracles, which check a decoder with arbitrary bytes, and their seeds; recordings of third-party
//! software; and conversations through the engine.

mod budget;
pub mod captures;
mod counter;
pub mod deferred;
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
mod session_reports;

pub use crate::budget::Budget;
pub use crate::counter::Counter;
pub use crate::flight::{Step, TestFlight};
pub use crate::mailbox::{Mailbox, Sent, batch, connect_ex, connect_ex_response, replies};
pub use crate::mapi_http_client::MapiHttpClient;
pub use crate::rpc_client::{RpcClient, bind_request, bind_response, caller, incoming};
pub use session_reports::RecordedReports;
