//! Our end of an association towards a client (C706 9.3, [MS-RPCE] 3.3.3).
//!
//! ```text
//! receive(bytes) → poll_event() until None → take_output()
//!                       │
//!                       ├ Authenticate → auth_reply(…)
//!                       └ Request      → respond(…) or fault(…)
//! ```
//! [`receive`](ServerAssociation::receive) only stores; units are read one by one as events are polled, so
//! that a handshake, or a driver that is busy, holds the client back.

mod bind;
mod call;
mod config;
mod event;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use wire::Encode;

pub use self::call::Unfinished;
pub use self::config::{AssociationGroups, GroupTable, Interface, ServerConfig};
pub use self::event::{AnswerError, AuthOutcome, CloseReason, Event, Request, RequestSecurity};

use self::bind::{PendingAuth, PresentedContext, SecurityContext};
use self::call::{Active, Partial};
use crate::framer::{FrameError, Framer};
use crate::pdu::{
    BindNak, BindTimeFeatures, Body, Fault, FaultStatus, Header, Pdu, PduType, PfcFlags, RejectReason,
};

/// Our end of one connection.
pub struct ServerAssociation {
    config: Arc<ServerConfig>,
    groups: Arc<dyn AssociationGroups>,
    framer: Framer,
    events: VecDeque<Event>,
    output: BytesMut,
    phase: Phase,
    group: Option<u32>,
    /// The call id of the bind, once it came.
    bind_call_id: Option<u32>,
    /// The largest fragment that the client takes.
    max_xmit: u16,
    /// The largest fragment that the `bind_ack` names, for both directions.
    agreed_fragment: u16,
    /// The bind came without a verifier: calls without one may follow, whoever signs in later.
    bound_unauthenticated: bool,
    /// Both sides sign headers.
    header_signing: bool,
    /// The client said that it could sign headers.
    client_header_signing: bool,
    multiplexing: bool,
    features: BindTimeFeatures,
    contexts: Vec<PresentedContext>,
    security: Vec<SecurityContext>,
    pending: Option<PendingAuth>,
    partial: HashMap<u32, Partial>,
    /// Bytes of all partial stubs.
    assembling: usize,
    /// Fragments that were taken of calls that were let in.
    fragments: u64,
    active: HashMap<u32, Active>,
    /// What was taken, and how much may be ([`allow`](ServerAssociation::allow)).
    taken: u64,
    may_take: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Waits for a bind.
    New,
    /// The bind waits for its handshake's first answer.
    Binding,
    /// Takes calls.
    Bound,
    /// Over.
    Closed,
}

impl ServerAssociation {
    /// The server's end of a connection on which nothing was said yet.
    pub fn new(config: Arc<ServerConfig>, groups: Arc<dyn AssociationGroups>) -> Self {
        let framer = Framer::new(config.fragment_limit(), config.max_setup_fragment);
        Self {
            max_xmit: config.fragment_limit(),
            agreed_fragment: config.fragment_limit(),
            bound_unauthenticated: false,
            config,
            groups,
            framer,
            events: VecDeque::new(),
            output: BytesMut::new(),
            phase: Phase::New,
            group: None,
            bind_call_id: None,
            header_signing: false,
            client_header_signing: false,
            multiplexing: false,
            features: BindTimeFeatures::NONE,
            contexts: Vec::new(),
            security: Vec::new(),
            pending: None,
            partial: HashMap::new(),
            assembling: 0,
            fragments: 0,
            active: HashMap::new(),
            taken: 0,
            may_take: u64::MAX,
        }
    }

    /// Stores bytes that arrived. Poll events afterwards.
    pub fn receive(&mut self, bytes: &[u8]) {
        if self.phase != Phase::Closed {
            self.framer.push(bytes);
        }
    }

    /// Whether more bytes should be read from the client: not while a handshake waits for its answer, while
    /// units wait to be read, while too much waits to be sent, nor after the end.
    pub fn wants_input(&self) -> bool {
        self.phase != Phase::Closed && self.pending.is_none() && self.output.len() < self.config.max_output
    }

    /// Whether a unit, or a call of several, has begun to arrive and is not whole.
    pub fn is_mid_unit(&self) -> bool {
        self.framer.buffered() > 0 || !self.partial.is_empty()
    }

    /// How many fragments of calls that were let in have come as a whole. Short ones without a sign-in do not
    /// count: an unauthenticated client could send a call byte by byte.
    pub const fn fragments(&self) -> u64 {
        self.fragments
    }

    /// Takes no more than `units` until this is called again, of which a PDU is one and each whole KiB of it another.
    /// At first there is no limit.
    pub const fn allow(&mut self, units: u64) {
        self.may_take = self.taken.saturating_add(units);
    }

    /// How many units were taken, as [`allow`](ServerAssociation::allow) counts them.
    pub const fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether bytes wait for nothing but that more is [allowed](ServerAssociation::allow).
    pub fn is_held_back(&self) -> bool {
        self.taken >= self.may_take && self.wants_input() && self.framer.buffered() > 0
    }

    /// What happened next. `None` until more bytes arrive, a handshake's answer comes, output is taken, or more is
    /// allowed.
    pub fn poll_event(&mut self) -> Option<Event> {
        while self.events.is_empty() && self.wants_input() && self.taken < self.may_take {
            match self.framer.next_unit() {
                Ok(Some((header, unit))) => {
                    self.taken = self.taken.saturating_add(1 + u64::from(header.frag_length / 1024));
                    self.unit(&header, unit);
                }
                Ok(None) => break,
                Err(error) => self.bad_frame(error),
            }
        }
        self.events.pop_front()
    }

    /// Takes what is to be sent, with all of its memory.
    pub fn take_output(&mut self) -> Bytes {
        std::mem::take(&mut self.output).freeze()
    }

    /// Bytes that wait to be sent.
    pub fn output_len(&self) -> usize {
        self.output.len()
    }

    /// Whether the association is over.
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// The association group, once a bind named or founded one.
    pub fn assoc_group_id(&self) -> Option<u32> {
        self.group
    }

    /// The call id of the bind, once it came.
    pub fn bind_call_id(&self) -> Option<u32> {
        self.bind_call_id
    }

    /// How many calls wait for their answer.
    pub fn active_calls(&self) -> usize {
        self.active.len()
    }

    /// Asks the client to let the connection go once its calls are answered (C706 12.6.4.11).
    pub fn shutdown(&mut self) {
        if self.phase != Phase::Closed {
            self.send(&Pdu::new(0, Body::Shutdown));
        }
    }

    fn unit(&mut self, header: &Header, unit: BytesMut) {
        if !header.version_supported() {
            if header.ptype == PduType::BIND {
                return self.reject(header.call_id, RejectReason::PROTOCOL_VERSION_NOT_SUPPORTED);
            }
            return self.protocol_error(header, "a protocol version that is not spoken here");
        }
        match header.ptype {
            PduType::BIND | PduType::ALTER_CONTEXT | PduType::AUTH3 => self.setup(header, unit),
            PduType::REQUEST => self.request(header, unit),
            PduType::CO_CANCEL | PduType::ORPHANED => self.cancel(header, unit),
            PduType::BIND_ACK
            | PduType::BIND_NAK
            | PduType::ALTER_CONTEXT_RESP
            | PduType::RESPONSE
            | PduType::FAULT
            | PduType::SHUTDOWN => self.protocol_error(header, "a PDU that only servers send"),
            _ => self.protocol_error(header, "a PDU type that connection-oriented RPC does not have"),
        }
    }

    fn bad_frame(&mut self, error: FrameError) {
        match &error {
            FrameError::Verifier { header, .. }
                if header.ptype == PduType::BIND && self.phase == Phase::New =>
            {
                let nak = BindNak::new(RejectReason::PROTOCOL_VERSION_NOT_SUPPORTED);
                self.send(&Pdu::new(header.call_id, Body::BindNak(nak)));
            }
            FrameError::TooLong { header, .. } | FrameError::Verifier { header, .. } => {
                let setup = header.ptype.is_setup();
                self.send_fault(header.call_id, 0, FaultStatus::NCA_S_PROTO_ERROR, setup);
            }
            // Not even which call it is of is known.
            FrameError::Header(_) => {}
        }
        self.close(CloseReason::Frame(error));
    }

    fn protocol_error(&mut self, header: &Header, what: &'static str) {
        self.refuse(header.call_id, FaultStatus::NCA_S_PROTO_ERROR, CloseReason::Protocol(what));
    }

    /// Answers a call with a fault that does not say whether it was begun, and ends the association.
    fn refuse_call(&mut self, call_id: u32, context_id: u16, status: FaultStatus, reason: CloseReason) {
        self.send_fault(call_id, context_id, status, false);
        self.close(reason);
    }

    /// Answers a unit that is no call, or comes too early, with a fault, and ends the association.
    fn refuse(&mut self, call_id: u32, status: FaultStatus, reason: CloseReason) {
        self.send_fault(call_id, 0, status, true);
        self.close(reason);
    }

    /// Rejects the bind, and ends the association.
    fn reject(&mut self, call_id: u32, reason: RejectReason) {
        self.reject_for(call_id, reason, CloseReason::Rejected(reason));
    }

    /// Rejects the bind, and ends the association for a reason that the client's does not tell.
    fn reject_for(&mut self, call_id: u32, reason: RejectReason, closed: CloseReason) {
        self.send(&Pdu::new(call_id, Body::BindNak(BindNak::new(reason))));
        self.close(closed);
    }

    fn send_fault(&mut self, call_id: u32, context_id: u16, status: FaultStatus, did_not_execute: bool) {
        let flags = if did_not_execute { PfcFlags::DID_NOT_EXECUTE } else { PfcFlags::NONE };
        self.send(&Pdu::new(call_id, Body::Fault(Fault::new(context_id, status))).with_flags(flags));
    }

    /// Appends a unit of ours; says whether it fits.
    fn send(&mut self, pdu: &Pdu<'_>) -> bool {
        let bytes = pdu.to_bytes();
        bytes.is_ok_and(|bytes| {
            self.output.extend_from_slice(&bytes);
            true
        })
    }

    fn close(&mut self, reason: CloseReason) {
        if self.phase == Phase::Closed {
            return;
        }
        self.phase = Phase::Closed;
        self.framer.clear();
        self.partial.clear();
        self.assembling = 0;
        self.active.clear();
        self.pending = None;
        self.security.clear();
        self.leave_group();
        self.events.push_back(Event::Closed { reason });
    }

    fn leave_group(&mut self) {
        if let Some(group) = self.group.take() {
            self.groups.leave(group);
        }
    }
}

impl Drop for ServerAssociation {
    fn drop(&mut self) {
        self.leave_group();
    }
}

impl fmt::Debug for ServerAssociation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerAssociation")
            .field("phase", &self.phase)
            .field("group", &self.group)
            .field("contexts", &self.contexts.len())
            .field("security", &self.security.len())
            .field("active", &self.active.len())
            .finish_non_exhaustive()
    }
}
