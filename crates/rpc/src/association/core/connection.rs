//! A connection, at either end: PDUs in, events and bytes out, and what the bind negotiated.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use wire::{Encode, Result};

use crate::framer::{FrameError, Framer};
use crate::pdu::{Header, Pdu};

/// The phase of an association.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::association) enum Phase {
    /// No bind was sent or received.
    New,
    /// A bind waits for its response.
    Binding,
    /// Calls can be made.
    Bound,
    /// The association has ended.
    Closed,
}

/// How many PDUs in a row may make no progress ([`PeerError::Stalled`](super::peer_error::PeerError::Stalled) lists
/// them). Peers send a few of them at most, such as a cancel for each pending call.
const MAX_IDLE_PDUS: u32 = 256;

/// A connection whose events are `E`.
pub(in crate::association) struct Connection<E> {
    framer: Framer,
    events: VecDeque<E>,
    output: BytesMut,
    pub(in crate::association) phase: Phase,
    /// The largest fragment that the peer accepts, in bytes.
    pub(in crate::association) max_xmit: u16,
    /// Both ends sign headers.
    pub(in crate::association) header_signing: bool,
    /// Concurrent calls are negotiated.
    pub(in crate::association) multiplexing: bool,
    /// Bytes of all stubs that are being assembled.
    pub(in crate::association) assembling: usize,
    /// How many PDUs in a row have made no progress.
    idle_pdus: u32,
    /// The units that were processed, and the number at which processing pauses
    /// ([`set_quota`](Self::set_quota)).
    processed: u64,
    quota: u64,
}

impl<E> Connection<E> {
    /// A new connection. It accepts fragments of up to `max_fragment` bytes, and PDUs of binds and handshakes
    /// of up to `max_setup_fragment`.
    pub(in crate::association) fn new(max_fragment: u16, max_setup_fragment: u16) -> Self {
        Self {
            framer: Framer::new(max_fragment, max_setup_fragment),
            events: VecDeque::new(),
            output: BytesMut::new(),
            phase: Phase::New,
            max_xmit: max_fragment,
            header_signing: false,
            multiplexing: false,
            assembling: 0,
            idle_pdus: 0,
            processed: 0,
            quota: u64::MAX,
        }
    }

    /// Stores received bytes, unless the association has ended.
    pub(in crate::association) fn receive(&mut self, bytes: &[u8]) {
        if !self.is_closed() {
            self.framer.push(bytes);
        }
    }

    /// The next complete PDU, unless the quota is used up.
    pub(in crate::association) fn next_pdu(&mut self) -> Result<Option<(Header, BytesMut)>, FrameError> {
        if self.processed >= self.quota {
            return Ok(None);
        }
        let next = self.framer.next_pdu()?;
        if let Some((header, _)) = &next {
            self.processed = self.processed.saturating_add(1 + u64::from(header.frag_length / 1024));
        }
        Ok(next)
    }

    /// Processes at most `units` until the next call of this function: a PDU is one unit, and each whole KiB
    /// of the PDU another. Before the first call there is no limit.
    pub(in crate::association) const fn set_quota(&mut self, units: u64) {
        self.quota = self.processed.saturating_add(units);
    }

    /// Counts `units` of work beyond that for the PDUs themselves.
    pub(in crate::association) const fn count_work(&mut self, units: u64) {
        self.processed = self.processed.saturating_add(units);
    }

    /// How many units were processed, as [`set_quota`](Self::set_quota) counts them.
    pub(in crate::association) const fn processed(&self) -> u64 {
        self.processed
    }

    /// Whether received bytes wait for the next quota.
    pub(in crate::association) fn is_over_quota(&self) -> bool {
        self.processed >= self.quota && self.framer.buffered() > 0
    }

    /// Sets the largest accepted fragment, once it is negotiated.
    pub(in crate::association) const fn set_max_fragment(&mut self, max_fragment: u16) {
        self.framer.set_max_fragment(max_fragment);
    }

    /// How many received bytes are not processed.
    pub(in crate::association) fn buffered(&self) -> usize {
        self.framer.buffered()
    }

    /// Counts a received PDU, which made no progress if `is_idle`. Returns whether there were too many of those in a
    /// row.
    pub(in crate::association) const fn is_stalled_by(&mut self, is_idle: bool) -> bool {
        self.idle_pdus = if is_idle { self.idle_pdus.saturating_add(1) } else { 0 };
        self.idle_pdus > MAX_IDLE_PDUS
    }

    pub(in crate::association) fn push_event(&mut self, event: E) {
        self.events.push_back(event);
    }

    pub(in crate::association) fn pop_event(&mut self) -> Option<E> {
        self.events.pop_front()
    }

    pub(in crate::association) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Appends a PDU to the output.
    ///
    /// # Errors
    /// When a field does not fit into a PDU. Nothing is appended then.
    pub(in crate::association) fn send(&mut self, pdu: &Pdu<'_>) -> Result<()> {
        let bytes = pdu.to_bytes()?;
        self.output.extend_from_slice(&bytes);
        Ok(())
    }

    /// The output, for fragments that are sealed in place.
    pub(in crate::association) const fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    pub(in crate::association) fn take_output(&mut self) -> Bytes {
        std::mem::take(&mut self.output).freeze()
    }

    pub(in crate::association) fn output_len(&self) -> usize {
        self.output.len()
    }

    pub(in crate::association) fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Ends the association with `event`, and drops received bytes. False if it has ended already.
    pub(in crate::association) fn close(&mut self, event: E) -> bool {
        if self.is_closed() {
            return false;
        }
        self.phase = Phase::Closed;
        self.framer.clear();
        self.assembling = 0;
        self.events.push_back(event);
        true
    }
}
