//! The client end of an association, towards a server (C706 9.3, [MS-RPCE] 3.3.2).
//!
//! ```text
//! bind(…) → take_output()      receive(bytes) → poll_event() until None → take_output()
//!                                                     │
//!                                                     ├ AuthToken → resume_handshake(…)
//!                                                     ├ Bound     → call(…)
//!                                                     └ Response, Fault
//! ```

mod bind;
mod call;
mod dispatch;
mod event;
mod outgoing;
mod response;
mod state;

pub use self::event::{CallError, ClientConfig, CloseReason, Credentials, Event, HandshakeReply, Response};
pub use self::state::ClientAssociation;
