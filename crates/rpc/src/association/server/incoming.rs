//! State of calls: of those that have not arrived whole, and of those that wait for their response.

use wire::{DecodeWith, Endian, Guid, Reader};

use super::event::RequestSecurity;
use crate::association::core::fragment::Assembly;
use crate::pdu::{self, HEADER_SIZE, Header};

/// A call whose last fragment has not come yet.
pub(super) struct Partial {
    pub(super) head: CallHead,
    /// `None` when the call was refused already; then its other fragments are passed over.
    pub(super) stub: Option<Assembly>,
}

/// What all fragments of one call have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CallHead {
    pub(super) context_id: u16,
    pub(super) opnum: u16,
    pub(super) object: Option<Guid>,
    pub(super) endian: Endian,
    pub(super) drep: pdu::DataRepresentation,
    pub(super) alloc_hint: u32,
    pub(super) security: Option<RequestSecurity>,
}

impl CallHead {
    /// What the fields say that nothing seals; under which security context they came is still to be found out.
    pub(super) fn read(header: &Header, bytes: &[u8]) -> Result<Self, wire::Error> {
        let endian = header.drep.endian()?;
        let mut r = Reader::with_endian(bytes, endian);
        r.bytes(HEADER_SIZE, "header")?;
        let request = pdu::Request::decode_with(&mut r, header.flags)?;
        Ok(Self {
            context_id: request.context_id,
            opnum: request.opnum,
            object: request.object,
            endian,
            drep: header.drep,
            alloc_hint: request.alloc_hint,
            security: None,
        })
    }
}

/// What is held of a call that has not come whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfinished {
    /// The call.
    pub call_id: u32,
    /// Who calls; `None` for unauthenticated calls.
    pub security: Option<RequestSecurity>,
    /// How much of its stub is here, in bytes.
    pub bytes: usize,
}

/// A call that waits for its answer.
pub(super) struct Active {
    pub(super) context_id: u16,
    pub(super) security: Option<RequestSecurity>,
}
