//! The state of calls: incomplete calls, whose last fragment is missing, and active calls, which wait for a
//! response.

use wire::{DecodeWith, Endian, Guid, Reader};

use super::event::RequestSecurity;
use crate::association::core::fragment::Assembly;
use crate::pdu::{self, HEADER_SIZE, Header};

/// A call whose last fragment has not arrived.
pub(super) struct Partial {
    pub(super) head: CallHead,
    /// The stub so far. `None` if the call was refused: its other fragments are discarded.
    pub(super) stub: Option<Assembly>,
}

/// The fields that all fragments of a call share.
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
    /// Reads the fields that are not sealed. The security context is added when the verifier was checked.
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

/// An incomplete call: its last fragment has not arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfinished {
    /// The call id.
    pub call_id: u32,
    /// The security context of the caller; `None` for unauthenticated calls.
    pub security: Option<RequestSecurity>,
    /// The length of the stub so far, in bytes.
    pub bytes: usize,
}

/// A call that waits for its response.
pub(super) struct Active {
    pub(super) context_id: u16,
    pub(super) security: Option<RequestSecurity>,
}
