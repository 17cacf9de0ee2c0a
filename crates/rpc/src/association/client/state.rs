//! The state of an association with a server, and its end.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use bytes::Bytes;
use wire::Endian;

use super::event::{CallError, ClientConfig, CloseReason, Event};
use super::outgoing::{Accepted, Orphan, Outstanding, Proposed};
use crate::association::PeerError;
use crate::association::core::connection::{Connection, Phase};
use crate::association::core::security_context::SecurityContext;
use crate::pdu::Pdu;

/// The client end of an association. See the [module](crate::client) for the order of calls.
pub struct ClientAssociation {
    pub(super) config: ClientConfig,
    pub(super) connection: Connection<Event>,
    pub(super) group: u32,
    pub(super) last_call_id: u32,
    pub(super) contexts: Vec<Accepted>,
    pub(super) proposed: Option<Proposed>,
    pub(super) security: Option<SecurityContext>,
    /// A token waits for [`resume_handshake`](ClientAssociation::resume_handshake).
    pub(super) pending_token: bool,
    pub(super) outstanding: HashMap<u32, Outstanding>,
    /// Orphaned calls, whose responses may still arrive.
    pub(super) orphaned: VecDeque<Orphan>,
}

impl ClientAssociation {
    /// An association over a new connection.
    pub fn new(config: ClientConfig) -> Self {
        Self {
            connection: Connection::new(config.fragment_limit(), config.max_setup_fragment),
            group: 0,
            last_call_id: config.first_call_id.saturating_sub(1),
            contexts: Vec::new(),
            proposed: None,
            security: None,
            pending_token: false,
            outstanding: HashMap::new(),
            orphaned: VecDeque::new(),
            config,
        }
    }

    /// Stores received bytes. Poll events afterwards.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.connection.receive(bytes);
    }

    /// Whether more bytes should be read from the server.
    pub fn wants_input(&self) -> bool {
        !self.is_closed() && !self.pending_token
    }

    /// Processes at most `units` until the next call of this function: a PDU is one unit, and each whole KiB
    /// of the PDU another. Before the first call there is no limit.
    pub const fn set_quota(&mut self, units: u64) {
        self.connection.set_quota(units);
    }

    /// How many units were processed, as [`set_quota`](ClientAssociation::set_quota) counts them.
    pub const fn processed(&self) -> u64 {
        self.connection.processed()
    }

    /// Whether received bytes wait only for the next [quota](ClientAssociation::set_quota).
    pub fn is_over_quota(&self) -> bool {
        self.connection.is_over_quota() && self.wants_input()
    }

    /// Takes the bytes to send, with their memory.
    pub fn take_output(&mut self) -> Bytes {
        self.connection.take_output()
    }

    /// How many bytes wait to be sent.
    pub fn output_len(&self) -> usize {
        self.connection.output_len()
    }

    /// Whether the association has ended.
    pub fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }

    /// Whether the association is bound and authenticated, so that calls can be made.
    pub fn is_bound(&self) -> bool {
        self.connection.phase == Phase::Bound
            && self.security.as_ref().is_none_or(SecurityContext::is_established)
    }

    /// The association group; zero before a `bind_ack`.
    pub fn assoc_group_id(&self) -> u32 {
        self.group
    }

    /// How many calls wait for their response.
    pub fn calls(&self) -> usize {
        self.outstanding.len()
    }

    /// The bytes of all incomplete responses together.
    pub const fn unfinished_bytes(&self) -> usize {
        self.connection.assembling
    }

    /// The incomplete responses: the ids of their calls, and how many bytes of each have arrived.
    pub fn unfinished(&self) -> impl Iterator<Item = (u32, usize)> {
        self.outstanding.iter().filter_map(|(id, call)| Some((*id, call.response.as_ref()?.1.len())))
    }

    /// What has arrived of the incomplete response to the call `call_id`, with its byte order.
    pub fn beginning(&self, call_id: u32) -> Option<(&[u8], Endian)> {
        let (drep, assembly) = self.outstanding.get(&call_id)?.response.as_ref()?;
        Some((assembly.as_slice(), drep.endian().unwrap_or_default()))
    }

    pub(super) fn protocol_error(&mut self, what: &'static str) {
        self.close(CloseReason::Peer(PeerError::Protocol(what)));
    }

    pub(super) fn next_call_id(&mut self) -> u32 {
        loop {
            self.last_call_id = self.last_call_id.checked_add(1).unwrap_or(1);
            let id = self.last_call_id;
            if !self.outstanding.contains_key(&id) && !self.is_orphaned(id) {
                return id;
            }
        }
    }

    pub(super) fn is_orphaned(&self, call_id: u32) -> bool {
        self.orphaned.iter().any(|orphan| orphan.call_id == call_id)
    }

    pub(super) fn send(&mut self, pdu: &Pdu<'_>) -> Result<(), CallError> {
        self.connection.send(pdu).map_err(|_| CallError::TooLong)
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
        if !self.connection.close(Event::Closed { reason }) {
            return;
        }
        self.outstanding.clear();
        self.security = None;
        self.pending_token = false;
    }
}

impl fmt::Debug for ClientAssociation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientAssociation")
            .field("phase", &self.connection.phase)
            .field("group", &self.group)
            .field("contexts", &self.contexts.len())
            .field("outstanding", &self.outstanding.len())
            .finish_non_exhaustive()
    }
}
