//! Dispatches received PDUs, one per polled event.

use bytes::BytesMut;

use super::event::{CloseReason, Event};
use super::state::ServerAssociation;
use crate::association::PeerError;
use crate::association::core::connection::Phase;
use crate::framer::FrameError;
use crate::pdu::{BindNak, Body, FaultStatus, Header, Pdu, PduType, RejectReason};

impl ServerAssociation {
    /// The next event. `None` until more bytes arrive, a handshake is resumed, output is taken, or the quota
    /// is raised.
    pub fn poll_event(&mut self) -> Option<Event> {
        while !self.connection.has_events() && self.wants_input() {
            match self.connection.next_pdu() {
                Ok(Some((header, bytes))) => self.pdu(&header, bytes),
                Ok(None) => break,
                Err(error) => self.bad_frame(error),
            }
        }
        self.connection.pop_event()
    }

    fn pdu(&mut self, header: &Header, bytes: BytesMut) {
        if !header.version_supported() {
            if header.ptype == PduType::BIND {
                return self.reject(header.call_id, RejectReason::PROTOCOL_VERSION_NOT_SUPPORTED);
            }
            return self.protocol_error(header, "unsupported protocol version");
        }
        // Fragments of requests are counted when their stubs are known. Of the other PDUs only a bind and those that
        // end a call make progress: a client could send any number of `alter_context`, `co_cancel` and `orphaned` PDUs.
        let ends_call = header.ptype == PduType::ORPHANED && self.has_call(header.call_id);
        let is_idle = header.ptype != PduType::BIND && !ends_call;
        if header.ptype != PduType::REQUEST && self.connection.is_stalled_by(is_idle) {
            return self.stalled(header.call_id);
        }
        match header.ptype {
            PduType::BIND | PduType::ALTER_CONTEXT | PduType::AUTH3 => self.setup(header, bytes),
            PduType::REQUEST => self.request(header, bytes),
            PduType::CO_CANCEL | PduType::ORPHANED => self.cancel(header, bytes),
            PduType::BIND_ACK
            | PduType::BIND_NAK
            | PduType::ALTER_CONTEXT_RESP
            | PduType::RESPONSE
            | PduType::FAULT
            | PduType::SHUTDOWN => self.protocol_error(header, "PDU that only servers send"),
            _ => self.protocol_error(header, "PDU type that is not connection-oriented"),
        }
    }

    fn has_call(&self, call_id: u32) -> bool {
        self.active.contains_key(&call_id) || self.partial.contains_key(&call_id)
    }

    fn bad_frame(&mut self, error: FrameError) {
        match &error {
            FrameError::Verifier { header, .. }
                if header.ptype == PduType::BIND && self.connection.phase == Phase::New =>
            {
                let nak = BindNak::new(RejectReason::PROTOCOL_VERSION_NOT_SUPPORTED);
                self.send(&Pdu::new(header.call_id, Body::BindNak(nak)));
            }
            FrameError::TooLong { header, .. } | FrameError::Verifier { header, .. } => {
                let setup = header.ptype.is_setup();
                self.send_fault(header.call_id, 0, FaultStatus::NCA_S_PROTO_ERROR, setup);
            }
            // The call id is unknown.
            FrameError::Header(_) => {}
        }
        self.close(CloseReason::Peer(PeerError::Frame(error)));
    }
}
