//! Our end of an association towards a server (C706 9.3, [MS-RPCE] 3.3.2).
//!
//! ```text
//! bind(…) → take_output()      receive(bytes) → poll_event() until None → take_output()
//!                                                     │
//!                                                     ├ AuthToken → auth_reply(…)
//!                                                     ├ Bound     → call(…)
//!                                                     └ Response, Fault
//! ```

mod bind;
mod call;
mod event;

use std::collections::{HashMap, VecDeque};
use std::fmt;

use bytes::{Bytes, BytesMut};
use wire::Encode;

pub use self::event::{CallError, ClientConfig, CloseReason, Credentials, Event, NextLeg, Response};

use self::bind::{Accepted, Proposed, Security};
use self::call::{Outstanding, Waiting};
use crate::framer::Framer;
use crate::pdu::{Header, Pdu, PduType};

/// Our end of one connection to a server.
pub struct ClientAssociation {
    config: ClientConfig,
    framer: Framer,
    events: VecDeque<Event>,
    output: BytesMut,
    phase: Phase,
    group: u32,
    max_xmit: u16,
    header_signing: bool,
    multiplexing: bool,
    last_call_id: u32,
    contexts: Vec<Accepted>,
    proposed: Option<Proposed>,
    security: Option<Security>,
    /// A token waits for the driver's answer.
    pending_token: bool,
    outstanding: HashMap<u32, Outstanding>,
    waiting: VecDeque<Waiting>,
    /// Calls that were given up, whose answers may still come.
    orphaned: VecDeque<u32>,
    /// Bytes of all unfinished answers.
    assembling: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Binding,
    Bound,
    Closed,
}

impl ClientAssociation {
    /// The client's end of a connection on which nothing was said yet.
    pub fn new(config: ClientConfig) -> Self {
        Self {
            framer: Framer::new(config.fragment_limit(), config.max_setup_fragment),
            events: VecDeque::new(),
            output: BytesMut::new(),
            phase: Phase::New,
            group: 0,
            max_xmit: config.fragment_limit(),
            header_signing: false,
            multiplexing: false,
            last_call_id: config.first_call_id.saturating_sub(1),
            contexts: Vec::new(),
            proposed: None,
            security: None,
            pending_token: false,
            outstanding: HashMap::new(),
            waiting: VecDeque::new(),
            orphaned: VecDeque::new(),
            assembling: 0,
            config,
        }
    }

    /// Stores bytes that arrived. Poll events afterwards.
    pub fn receive(&mut self, bytes: &[u8]) {
        if self.phase != Phase::Closed {
            self.framer.push(bytes);
        }
    }

    /// Whether more bytes should be read from the server.
    pub fn wants_input(&self) -> bool {
        self.phase != Phase::Closed && !self.pending_token
    }

    /// What happened next. `None` until more bytes arrive, or a handshake's answer comes.
    pub fn poll_event(&mut self) -> Option<Event> {
        while self.events.is_empty() && self.wants_input() {
            match self.framer.next_unit() {
                Ok(Some((header, unit))) => self.unit(&header, unit),
                Ok(None) => break,
                Err(error) => self.close(CloseReason::Frame(error)),
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

    /// Whether calls can be made.
    pub fn is_bound(&self) -> bool {
        self.phase == Phase::Bound && self.security.as_ref().is_none_or(Security::is_established)
    }

    /// The association group; zero before a `bind_ack`.
    pub fn assoc_group_id(&self) -> u32 {
        self.group
    }

    /// How many calls wait for their answer, or for their turn.
    pub fn calls(&self) -> usize {
        self.outstanding.len().saturating_add(self.waiting.len())
    }

    fn unit(&mut self, header: &Header, unit: BytesMut) {
        if !header.version_supported() {
            return self.protocol_error("a protocol version that is not spoken here");
        }
        match header.ptype {
            PduType::BIND_ACK | PduType::BIND_NAK | PduType::ALTER_CONTEXT_RESP => self.setup(header, unit),
            PduType::RESPONSE => self.response(header, unit),
            PduType::FAULT => self.fault(header, unit),
            PduType::SHUTDOWN => self.events.push_back(Event::Shutdown),
            _ => self.protocol_error("a unit that only clients send"),
        }
    }

    fn protocol_error(&mut self, what: &'static str) {
        self.close(CloseReason::Protocol(what));
    }

    fn next_call_id(&mut self) -> u32 {
        loop {
            self.last_call_id = self.last_call_id.checked_add(1).unwrap_or(1);
            let id = self.last_call_id;
            if !self.outstanding.contains_key(&id) && !self.orphaned.contains(&id) {
                return id;
            }
        }
    }

    fn send(&mut self, pdu: &Pdu<'_>) -> Result<(), CallError> {
        let bytes = pdu.to_bytes().map_err(|_| CallError::TooLong)?;
        self.output.extend_from_slice(&bytes);
        Ok(())
    }

    fn close(&mut self, reason: CloseReason) {
        if self.phase == Phase::Closed {
            return;
        }
        self.phase = Phase::Closed;
        self.framer.clear();
        self.outstanding.clear();
        self.waiting.clear();
        self.assembling = 0;
        self.security = None;
        self.pending_token = false;
        self.events.push_back(Event::Closed { reason });
    }
}

impl fmt::Debug for ClientAssociation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientAssociation")
            .field("phase", &self.phase)
            .field("group", &self.group)
            .field("contexts", &self.contexts.len())
            .field("outstanding", &self.outstanding.len())
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}
