use wire::{Encode, Error, Reader, Result, Writer};

use super::{HandleRole, RequestBody, RopId};

/// A ROP as a client sends it ([MS-OXCROPS] 2.2.1): three bytes that all have, and its own fields.
#[derive(Debug, Clone, PartialEq)]
pub struct RopRequest {
    /// The logon that the ROP belongs to.
    pub logon_id: u8,
    /// Where in the server object handle table the object is that the ROP acts on (`InputHandleIndex`,
    /// `SourceHandleIndex`). For `RopLogon`, where the new logon's handle goes (`OutputHandleIndex`).
    pub handle_index: u8,
    /// What it asks.
    pub body: RequestBody,
}

impl RopRequest {
    /// Which ROP it is.
    pub const fn id(&self) -> RopId {
        self.body.id()
    }

    /// Reads a ROP from where `r` stands.
    ///
    /// # Errors
    /// When the ROP is not known, or its bytes are not its fields.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let id = RopId(r.u8("RopId")?);
        let logon_id = r.u8("LogonId")?;
        let handle_index = r.u8("InputHandleIndex")?;
        Ok(Self { logon_id, handle_index, body: RequestBody::read(id, r)? })
    }

    /// Calls `visit` with every handle index that the ROP has, and what it is for.
    pub fn handle_indexes(&mut self, visit: &mut dyn FnMut(HandleRole, &mut u8)) {
        let role = if self.id() == RopId::RopLogon { HandleRole::Output } else { HandleRole::Input };
        visit(role, &mut self.handle_index);
        self.body.handle_index(visit);
    }
}

impl Encode for RopRequest {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u8(self.id().0).u8(self.logon_id).u8(self.handle_index);
        self.body.write(w)
    }
}

/// The ROPs of a request, as far as they can be decoded.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RopRequests {
    /// The ROPs, in order.
    pub rops: Vec<RopRequest>,
    /// What follows them: empty, or a ROP that can't be decoded and all behind it.
    pub rest: Vec<u8>,
    /// Why the rest can't be decoded.
    pub error: Option<Error>,
}

impl RopRequests {
    /// The ROPs that `bytes` hold.
    pub fn decode(bytes: &[u8]) -> Self {
        let mut r = Reader::new(bytes);
        let mut rops = Vec::new();
        while !r.is_empty() {
            let before = r.peek();
            match RopRequest::decode(&mut r) {
                Ok(rop) => rops.push(rop),
                Err(error) => return Self { rops, rest: before.to_vec(), error: Some(error) },
            }
        }
        Self { rops, rest: Vec::new(), error: None }
    }
}

impl Encode for RopRequests {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        self.rops.iter().try_for_each(|rop| rop.encode(w))?;
        w.bytes(&self.rest);
        Ok(())
    }
}
