//! Responses and faults.

use bytes::BytesMut;
use wire::{Decode, Reader};

use super::event::{CloseReason, Event, Response};
use super::state::ClientAssociation;
use crate::association::PeerError;
use crate::association::core::connection::Phase;
use crate::association::core::fragment::{Assembly, Sealed, cut_stub};
use crate::association::core::security_context::UnsealError;
use crate::pdu::{Fault, HEADER_SIZE, Header, PfcFlags, REQUEST_HEADER_SIZE};

/// The least average length of a response's fragments, in bytes of the stub. A server that fills its fragments sends
/// more: the least fragment size is 1432 bytes (C706 12.6.3.1 `MustRecvFragSize`).
const AVERAGE_FRAGMENT: usize = 256;

/// How many fragments a response may have beyond those of the least average length.
const SHORT_FRAGMENTS: usize = 256;

impl ClientAssociation {
    pub(super) fn response(&mut self, header: &Header, mut bytes: BytesMut) {
        if self.connection.phase != Phase::Bound {
            return self.protocol_error("response before a bind");
        }
        let end = match self.open(header, &mut bytes) {
            Ok(end) => end,
            Err(reason) => return self.close(reason),
        };
        if bytes.len() < REQUEST_HEADER_SIZE {
            return self.protocol_error("truncated response");
        }
        let hint = alloc_hint(header, &bytes);
        let stub = cut_stub(bytes, REQUEST_HEADER_SIZE, end);
        let limit = self.config.max_stub;
        let Some(outstanding) = self.outstanding.get_mut(&header.call_id) else {
            return self.discard(header.call_id, stub.len());
        };
        if stub.len().saturating_add(self.connection.assembling) > limit {
            return self.close(CloseReason::Peer(PeerError::StubTooLong));
        }
        self.connection.assembling = self.connection.assembling.saturating_add(stub.len());
        let first = header.flags.contains(PfcFlags::FIRST_FRAG);
        match &mut outstanding.response {
            none @ None if first => *none = Some((header.drep, Assembly::new(stub))),
            Some((drep, assembly)) if !first && *drep == header.drep => {
                assembly.push(&stub, hint, limit);
                outstanding.fragments = outstanding.fragments.saturating_add(1);
                if outstanding.fragments > SHORT_FRAGMENTS.saturating_add(assembly.len() / AVERAGE_FRAGMENT) {
                    return self.close(CloseReason::Peer(PeerError::ShortFragments));
                }
            }
            _ => return self.protocol_error("response fragment out of order"),
        }
        if header.flags.contains(PfcFlags::LAST_FRAG) {
            self.complete(header.call_id);
        }
    }

    /// Discards a fragment with `bytes` of a stub: the call was given up.
    fn discard(&mut self, call_id: u32, bytes: usize) {
        let Some(orphan) = self.orphaned.iter_mut().find(|orphan| orphan.call_id == call_id) else {
            return self.protocol_error("response to an unknown call");
        };
        orphan.received = orphan.received.saturating_add(bytes.max(AVERAGE_FRAGMENT));
        if orphan.received > self.config.max_stub {
            self.close(CloseReason::Peer(PeerError::StubTooLong));
        }
    }

    fn complete(&mut self, call_id: u32) {
        let Some(outstanding) = self.outstanding.remove(&call_id) else { return };
        self.release(&outstanding);
        if let Some((drep, assembly)) = outstanding.response {
            let endian = drep.endian().unwrap_or_default();
            self.connection.push_event(Event::Response(Response {
                call_id,
                stub: assembly.finish(),
                endian,
            }));
        }
    }

    pub(super) fn fault(&mut self, header: &Header, mut bytes: BytesMut) {
        // Windows and Samba send faults unprotected. The protection of a protected fault is checked.
        let end = if header.auth_length == 0 { Ok(bytes.len()) } else { self.open(header, &mut bytes) };
        let end = match end {
            Ok(end) => end,
            Err(reason) => return self.close(reason),
        };
        let fields = cut_stub(bytes, HEADER_SIZE, end);
        let endian = header.drep.endian().unwrap_or_default();
        let fault = match read_fault(&fields, endian) {
            Ok(fault) => fault,
            Err(error) => return self.close(CloseReason::Peer(PeerError::Malformed(error))),
        };
        let call_id = header.call_id;
        if let Some(outstanding) = self.outstanding.remove(&call_id) {
            self.release(&outstanding);
            let did_not_execute = header.flags.contains(PfcFlags::DID_NOT_EXECUTE);
            self.connection.push_event(Event::Fault { call_id, status: fault.status, did_not_execute });
        } else if self.proposed.is_some() || self.connection.phase != Phase::Bound {
            self.close(CloseReason::SetupFault(fault.status));
        } else if !self.is_orphaned(call_id) {
            self.protocol_error("fault for an unknown call");
        }
    }

    /// Checks the protection of the PDU in `bytes`, and unseals it in place. Returns the offset of the end of
    /// its stub.
    fn open(&mut self, header: &Header, bytes: &mut BytesMut) -> Result<usize, CloseReason> {
        let sealed = Sealed::find(header, bytes, REQUEST_HEADER_SIZE).map_err(PeerError::Malformed)?;
        let Some(security) = &mut self.security else {
            return sealed.map_or(Ok(bytes.len()), |_| Err(CloseReason::Peer(PeerError::NotProtected)));
        };
        if !security.is_established() {
            return Err(CloseReason::Peer(PeerError::NotProtected));
        }
        let Some(sealed) = sealed else {
            return if security.level.protects() {
                Err(CloseReason::Peer(PeerError::NotProtected))
            } else {
                Ok(bytes.len())
            };
        };
        if !security.is_named_by(sealed.trailer) {
            return Err(CloseReason::Peer(PeerError::NotProtected));
        }
        security.unseal(&sealed, bytes, self.connection.header_signing).map_err(|error| match error {
            UnsealError::Signature => CloseReason::Peer(PeerError::BadSignature),
            UnsealError::Running | UnsealError::Failed | UnsealError::Unprotected => {
                CloseReason::Peer(PeerError::NotProtected)
            }
        })?;
        Ok(sealed.stub_end())
    }
}

fn alloc_hint(header: &Header, bytes: &[u8]) -> usize {
    let endian = header.drep.endian().unwrap_or_default();
    let mut r = Reader::with_endian(bytes.get(HEADER_SIZE..).unwrap_or_default(), endian);
    r.u32("alloc_hint").ok().and_then(|hint| usize::try_from(hint).ok()).unwrap_or(0)
}

fn read_fault(fields: &[u8], endian: wire::Endian) -> Result<Fault<'_>, wire::Error> {
    Fault::decode(&mut Reader::with_endian(fields, endian).at_offset(HEADER_SIZE))
}
