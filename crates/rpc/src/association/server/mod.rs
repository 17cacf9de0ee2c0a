//! The server end of an association, towards a client (C706 9.3, [MS-RPCE] 3.3.3).
//!
//! ```text
//! receive(bytes) → poll_event() until None → take_output()
//!                       │
//!                       ├ Authenticate → resume_handshake(…)
//!                       └ Request      → respond(…) or fault(…)
//! ```
//! [`receive`](ServerAssociation::receive) only stores bytes. PDUs are decoded one by one as events are
//! polled, so that a handshake, or a busy caller, delays the client.

mod bind;
mod call;
mod config;
mod dispatch;
mod event;
mod handshake;
mod incoming;
mod pending;
mod respond;
mod state;

pub use self::config::{AssociationGroups, GroupTable, Interface, ServerConfig};
pub use self::event::{AuthOutcome, CloseReason, Event, Request, RequestSecurity, ResponseError};
pub use self::incoming::Unfinished;
pub use self::respond::UnsentResponse;
pub use self::state::ServerAssociation;
