//! Connection-oriented DCE/RPC (C706 chapter 12, [MS-RPCE]) without I/O.
//!
//! An association is a state machine: received bytes are inputs, events and bytes to send are outputs. Both ends are
//! here, so that a proxy uses one towards its clients and one towards its servers.
//!
//! | module | what it holds |
//! |---|---|
//! | [`association`] | both ends: [`server::ServerAssociation`] and [`client::ClientAssociation`] |
//! | [`framer`] | splits a byte stream into PDUs |
//! | [`pdu`], [`rts`] | the PDUs, and those that control RPC over HTTP ([MS-RPCH]) |
//! | [`ndr`] | NDR 2.0, the encoding of parameters |
//! | [`security`] | what a security package provides: [`security::Protection`] |
//! | [`verification`] | verification trailers of stubs ([MS-RPCE] 2.2.2.13) |
//! | [`epm`], [`mgmt`] | the endpoint mapper and the management interface |
//!
//! ```
//! use std::sync::Arc;
//!
//! use rpc::client::{self, ClientAssociation, ClientConfig};
//! use rpc::server::{self, GroupTable, Interface, ServerAssociation, ServerConfig};
//! use rpc::{AuthLevel, epm};
//!
//! let interface = Interface { id: epm::INTERFACE, minimum_level: AuthLevel::NONE };
//! let config = ServerConfig { interfaces: vec![interface], ..ServerConfig::default() };
//! let mut server = ServerAssociation::new(Arc::new(config), Arc::new(GroupTable::new()));
//! let mut client = ClientAssociation::new(ClientConfig::default());
//!
//! // Context 0 is the endpoint mapper; without credentials.
//! client.bind(&[(0, epm::INTERFACE)], None)?;
//! server.receive(&client.take_output());
//! assert!(server.poll_event().is_none());
//! client.receive(&server.take_output());
//! assert!(matches!(client.poll_event(), Some(client::Event::Bound { .. })));
//!
//! // A call of opnum 3, and its response.
//! let call_id = client.call(0, 3, None, b"request".to_vec().into())?;
//! server.receive(&client.take_output());
//! let Some(server::Event::Request(request)) = server.poll_event() else { panic!("no request") };
//! assert_eq!((request.opnum, &*request.stub), (3, &b"request"[..]));
//! server.respond(request.call_id, b"response")?;
//! client.receive(&server.take_output());
//! let Some(client::Event::Response(response)) = client.poll_event() else { panic!("no response") };
//! assert_eq!((response.call_id, &*response.stub), (call_id, &b"response"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Architectural invariants
//!
//! - No socket, no clock, no random numbers.
//! - No security package: what signs and seals PDUs is a [`security::Protection`] that is passed in.
//! - No Exchange interface.
//! - A PDU that is out of order results in a fault or in the end of the association, never in waiting.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

pub mod association;
pub mod epm;
pub mod framer;
pub mod mgmt;
pub mod ndr;
pub mod pdu;
pub mod rts;
pub mod security;
pub mod verification;

pub use crate::association::{client, server};
pub use crate::pdu::{AuthLevel, AuthType, FaultStatus, SyntaxId};
