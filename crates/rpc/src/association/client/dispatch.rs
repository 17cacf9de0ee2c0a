//! Dispatches received PDUs, one per polled event.

use bytes::BytesMut;

use super::event::{CloseReason, Event};
use super::state::ClientAssociation;
use crate::association::PeerError;
use crate::pdu::{Header, PduType};

impl ClientAssociation {
    /// The next event. `None` until more bytes arrive, a handshake is resumed, or the quota is raised.
    pub fn poll_event(&mut self) -> Option<Event> {
        while !self.connection.has_events() && self.wants_input() {
            match self.connection.next_pdu() {
                Ok(Some((header, bytes))) => self.pdu(&header, bytes),
                Ok(None) => break,
                Err(error) => self.close(CloseReason::Peer(PeerError::Frame(error))),
            }
        }
        self.connection.pop_event()
    }

    fn pdu(&mut self, header: &Header, bytes: BytesMut) {
        if !header.version_supported() {
            return self.protocol_error("unsupported protocol version");
        }
        // Short fragments of responses are counted for each call.
        if self.connection.is_stalled_by(header.ptype == PduType::SHUTDOWN) {
            return self.close(CloseReason::Peer(PeerError::Stalled));
        }
        match header.ptype {
            PduType::BIND_ACK | PduType::BIND_NAK | PduType::ALTER_CONTEXT_RESP => self.setup(header, bytes),
            PduType::RESPONSE => self.response(header, bytes),
            PduType::FAULT => self.fault(header, bytes),
            PduType::SHUTDOWN => self.connection.push_event(Event::Shutdown),
            _ => self.protocol_error("PDU that servers do not send over a connection"),
        }
    }
}
