//! The state of an association with a client, and its end.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::config::{AssociationGroups, ServerConfig};
use super::event::{CloseReason, Event};
use super::incoming::{Active, Partial};
use super::pending::{PendingAuth, PresentedContext};
use crate::association::PeerError;
use crate::association::core::connection::Connection;
use crate::association::core::security_context::SecurityContext;
use crate::pdu::{BindNak, BindTimeFeatures, Body, Fault, FaultStatus, Header, Pdu, PfcFlags, RejectReason};

/// The server end of an association. See the [module](crate::server) for the order of calls.
pub struct ServerAssociation {
    pub(super) config: Arc<ServerConfig>,
    pub(super) groups: Arc<dyn AssociationGroups>,
    pub(super) connection: Connection<Event>,
    pub(super) group: Option<u32>,
    /// The call id of the bind, once it arrived.
    pub(super) bind_call_id: Option<u32>,
    /// The largest fragment in both directions, as stated in the `bind_ack`.
    pub(super) agreed_fragment: u16,
    /// The bind had no verifier, so that calls without a verifier may follow, also after a later context
    /// authenticated.
    pub(super) bound_unauthenticated: bool,
    /// The client offered header signing.
    pub(super) client_header_signing: bool,
    pub(super) features: BindTimeFeatures,
    pub(super) contexts: Vec<PresentedContext>,
    pub(super) security: Vec<SecurityContext>,
    pub(super) pending: Option<PendingAuth>,
    pub(super) partial: HashMap<u32, Partial>,
    /// How many fragments of accepted calls arrived.
    pub(super) fragments: u64,
    pub(super) active: HashMap<u32, Active>,
}

impl ServerAssociation {
    /// An association over a new connection.
    pub fn new(config: Arc<ServerConfig>, groups: Arc<dyn AssociationGroups>) -> Self {
        Self {
            connection: Connection::new(config.fragment_limit(), config.max_setup_fragment),
            agreed_fragment: config.fragment_limit(),
            bound_unauthenticated: false,
            config,
            groups,
            group: None,
            bind_call_id: None,
            client_header_signing: false,
            features: BindTimeFeatures::NONE,
            contexts: Vec::new(),
            security: Vec::new(),
            pending: None,
            partial: HashMap::new(),
            fragments: 0,
            active: HashMap::new(),
        }
    }

    /// Stores received bytes. Poll events afterwards.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.connection.receive(bytes);
    }

    /// Whether more bytes should be read from the client: not while [`Event::Authenticate`] is pending, while
    /// the output exceeds [`ServerConfig::max_output`], or after the end.
    pub fn wants_input(&self) -> bool {
        !self.is_closed() && self.pending.is_none() && self.output_len() < self.config.max_output
    }

    /// Whether a PDU, or a call of several PDUs, is incomplete.
    pub fn is_mid_pdu(&self) -> bool {
        self.connection.buffered() > 0 || !self.partial.is_empty()
    }

    /// How many received bytes are not processed.
    pub fn buffered(&self) -> usize {
        self.connection.buffered()
    }

    /// How many fragments of accepted calls arrived: a larger number than before shows activity of the client, for time
    /// limits. Short fragments of unauthenticated calls do not count, since a client could send a call byte by byte.
    pub const fn fragments(&self) -> u64 {
        self.fragments
    }

    /// Processes at most `units` until the next call of this function: a PDU is one unit, and each whole KiB
    /// of the PDU another. Before the first call there is no limit.
    pub const fn set_quota(&mut self, units: u64) {
        self.connection.set_quota(units);
    }

    /// Counts `units` of work for what a PDU contained as processed, so that the quota is used up earlier.
    pub const fn count_work(&mut self, units: u64) {
        self.connection.count_work(units);
    }

    /// How many units were processed, as [`set_quota`](ServerAssociation::set_quota) counts them.
    pub const fn processed(&self) -> u64 {
        self.connection.processed()
    }

    /// Whether received bytes wait only for the next [quota](ServerAssociation::set_quota).
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

    /// The association group, once a bind joined or created it.
    pub fn assoc_group_id(&self) -> Option<u32> {
        self.group
    }

    /// The call id of the bind, once it arrived.
    pub fn bind_call_id(&self) -> Option<u32> {
        self.bind_call_id
    }

    /// How many calls wait for their response.
    pub fn active_calls(&self) -> usize {
        self.active.len()
    }

    /// Sends a `shutdown` PDU, which requests that the client close the connection after its calls (C706
    /// 12.6.4.11).
    pub fn shutdown(&mut self) {
        if !self.is_closed() {
            self.send(&Pdu::new(0, Body::Shutdown));
        }
    }

    /// The client has sent too many PDUs in a row that make no progress.
    pub(super) fn stalled(&mut self, call_id: u32) {
        self.refuse(call_id, FaultStatus::NCA_S_PROTO_ERROR, CloseReason::Peer(PeerError::Stalled));
    }

    pub(super) fn protocol_error(&mut self, header: &Header, what: &'static str) {
        self.refuse(
            header.call_id,
            FaultStatus::NCA_S_PROTO_ERROR,
            CloseReason::Peer(PeerError::Protocol(what)),
        );
    }

    /// Responds to a call with a fault that does not state whether the call was executed, and ends the
    /// association.
    pub(super) fn refuse_call(
        &mut self,
        call_id: u32,
        context_id: u16,
        status: FaultStatus,
        reason: CloseReason,
    ) {
        self.send_fault(call_id, context_id, status, false);
        self.close(reason);
    }

    /// Responds to a PDU that is not a call, or is too early, with a fault, and ends the association.
    pub(super) fn refuse(&mut self, call_id: u32, status: FaultStatus, reason: CloseReason) {
        self.send_fault(call_id, 0, status, true);
        self.close(reason);
    }

    /// Rejects the bind, and ends the association.
    pub(super) fn reject(&mut self, call_id: u32, reason: RejectReason) {
        self.reject_for(call_id, reason, CloseReason::Rejected(reason));
    }

    /// Rejects the bind with `reason`, and ends the association because of `closed`.
    pub(super) fn reject_for(&mut self, call_id: u32, reason: RejectReason, closed: CloseReason) {
        self.send(&Pdu::new(call_id, Body::BindNak(BindNak::new(reason))));
        self.close(closed);
    }

    pub(super) fn send_fault(
        &mut self,
        call_id: u32,
        context_id: u16,
        status: FaultStatus,
        did_not_execute: bool,
    ) {
        let flags = if did_not_execute { PfcFlags::DID_NOT_EXECUTE } else { PfcFlags::NONE };
        self.send(&Pdu::new(call_id, Body::Fault(Fault::new(context_id, status))).with_flags(flags));
    }

    /// Appends a PDU to the output; false if its fields do not fit.
    pub(super) fn send(&mut self, pdu: &Pdu<'_>) -> bool {
        self.connection.send(pdu).is_ok()
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
        if !self.connection.close(Event::Closed { reason }) {
            return;
        }
        self.partial.clear();
        self.active.clear();
        self.pending = None;
        self.security.clear();
        self.leave_group();
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
            .field("phase", &self.connection.phase)
            .field("group", &self.group)
            .field("contexts", &self.contexts.len())
            .field("security", &self.security.len())
            .field("active", &self.active.len())
            .finish_non_exhaustive()
    }
}
