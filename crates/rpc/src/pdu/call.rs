//! Request, response and fault PDUs (C706 12.6.4).

use wire::{Decode, DecodeWith, Encode, Guid, Reader, Result, Writer};

use super::codes::{FaultStatus, PfcFlags};

/// Bytes before the stub of a request without an object UUID, of a response, and before a fault's status.
pub const REQUEST_HEADER_SIZE: usize = 24;

/// A fragment of a call (C706 12.6.4.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// The length of the whole stub, or of the rest from this fragment on, in bytes; a hint, zero if unknown.
    pub alloc_hint: u32,
    /// The presentation context.
    pub context_id: u16,
    /// The operation's number.
    pub opnum: u16,
    /// The object that the call is for; present when the header has `OBJECT_UUID`.
    pub object: Option<Guid>,
    /// This fragment's part of the stub.
    pub stub: &'a [u8],
}

impl Encode for Request<'_> {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.alloc_hint).u16(self.context_id).u16(self.opnum);
        if let Some(object) = &self.object {
            object.encode(w)?;
        }
        w.bytes(self.stub);
        Ok(())
    }
}

impl<'a> DecodeWith<'a, PfcFlags> for Request<'a> {
    fn decode_with(r: &mut Reader<'a>, flags: PfcFlags) -> Result<Self> {
        let (alloc_hint, context_id) = (r.u32("alloc_hint")?, r.u16("p_cont_id")?);
        let opnum = r.u16("opnum")?;
        let object = flags.contains(PfcFlags::OBJECT_UUID).then(|| Guid::decode(r)).transpose()?;
        Ok(Self { alloc_hint, context_id, opnum, object, stub: r.rest() })
    }
}

/// A fragment of a response (C706 12.6.4.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response<'a> {
    /// The length of the whole stub, or of the rest from this fragment on, in bytes; a hint, zero if unknown.
    pub alloc_hint: u32,
    /// The presentation context of the call.
    pub context_id: u16,
    /// How many cancels the server has seen.
    pub cancel_count: u8,
    /// Reserved.
    pub reserved: u8,
    /// This fragment's part of the stub.
    pub stub: &'a [u8],
}

impl Encode for Response<'_> {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.alloc_hint).u16(self.context_id).u8(self.cancel_count).u8(self.reserved).bytes(self.stub);
        Ok(())
    }
}

impl<'a> Decode<'a> for Response<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        Ok(Self {
            alloc_hint: r.u32("alloc_hint")?,
            context_id: r.u16("p_cont_id")?,
            cancel_count: r.u8("cancel_count")?,
            reserved: r.u8("reserved")?,
            stub: r.rest(),
        })
    }
}

/// A failed call (C706 12.6.4.7, [MS-RPCE] 2.2.2.8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault<'a> {
    /// The length of extended error information plus 32, if there is any.
    pub alloc_hint: u32,
    /// The presentation context of the call.
    pub context_id: u16,
    /// How many cancels the server has seen.
    pub cancel_count: u8,
    /// Bit 0: whether extended error information follows.
    pub flags: u8,
    /// Why it failed.
    pub status: FaultStatus,
    /// Reserved.
    pub reserved2: u32,
    /// What follows; to be ignored but for extended error information.
    pub stub: &'a [u8],
}

impl Fault<'_> {
    /// The fault `status` for a call in `context_id`, as Windows fills in the rest.
    pub const fn new(context_id: u16, status: FaultStatus) -> Self {
        Self { alloc_hint: 32, context_id, cancel_count: 0, flags: 0, status, reserved2: 0, stub: &[] }
    }
}

impl Encode for Fault<'_> {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.alloc_hint).u16(self.context_id).u8(self.cancel_count).u8(self.flags);
        w.u32(self.status.0).u32(self.reserved2).bytes(self.stub);
        Ok(())
    }
}

impl<'a> Decode<'a> for Fault<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        Ok(Self {
            alloc_hint: r.u32("alloc_hint")?,
            context_id: r.u16("p_cont_id")?,
            cancel_count: r.u8("cancel_count")?,
            flags: r.u8("reserved")?,
            status: FaultStatus(r.u32("status")?),
            reserved2: r.u32("reserved2")?,
            stub: r.rest(),
        })
    }
}
