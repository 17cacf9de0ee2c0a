//! Connection-oriented DCE/RPC (C706 chapter 12, [MS-RPCE]) without I/O.
//!
//! An association is a state machine: received bytes are inputs, events and bytes to send are outputs. The
//! crate has both ends. A proxy uses the server end for its clients, and the client end for its upstream
//! servers.
//!
//! # Modules
//!
//! | module | content |
//! |---|---|
//! | [`association`] | both ends: [`server::ServerAssociation`] and [`client::ClientAssociation`] |
//! | [`framer`] | splits a byte stream into PDUs |
//! | [`pdu`], [`rts`] | PDUs, and the PDUs that control RPC over HTTP ([MS-RPCH]) |
//! | [`ndr`] | NDR 2.0, the encoding of parameters |
//! | [`security`] | the interface of security packages: [`security::Protection`] |
//! | [`verification`] | verification trailers of stubs ([MS-RPCE] 2.2.2.13) |
//! | [`epm`], [`mgmt`] | the endpoint mapper and the management interface |
//!
//! # Example
//!
//! Both ends of an association, without a network:
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
//! # Errors
//!
//! The peer's violations of the protocol are [`association::PeerError`]s. They end the association with an
//! event `Closed`, whose reason each end has as a type of its own: [`server::CloseReason`],
//! [`client::CloseReason`]. Misuse by the caller is reported as a [`server::ResponseError`] or a
//! [`client::CallError`].
//!
//! # Architectural invariants
//!
//! - No socket, no clock, no random numbers.
//! - No security package: the caller provides a [`security::Protection`], which signs and seals PDUs.
//! - No Exchange interface.
//! - A PDU that is out of order results in a fault or in the end of the association. The association never
//!   waits for another PDU because of it.
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
