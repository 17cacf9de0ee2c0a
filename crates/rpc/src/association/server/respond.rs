//! Responses and faults.

use super::event::{CloseReason, ResponseError};
use super::incoming::Active;
use super::state::ServerAssociation;
use crate::association::core::fragment::{FragmentHead, append_fragments};
use crate::pdu::{FaultStatus, PduType, PfcFlags};

impl ServerAssociation {
    /// Answers a call with `stub`, in as many fragments as it takes, protected as the call was.
    ///
    /// # Errors
    /// When the call does not wait for an answer, or the answer cannot be protected; then the association is
    /// over.
    pub fn respond(&mut self, call_id: u32, stub: &[u8]) -> Result<(), ResponseError> {
        let Active { context_id, security } =
            self.active.remove(&call_id).ok_or(ResponseError::UnknownCall)?;
        let head = FragmentHead {
            ptype: PduType::RESPONSE,
            flags: PfcFlags::NONE,
            call_id,
            context_id,
            opnum: 0,
            object: None,
        };
        let header_signing = self.connection.header_signing;
        let mut seal = match security.filter(|security| security.level.protects()) {
            None => None,
            Some(security) => {
                let context = self.security.iter_mut().find(|context| context.id == security.auth_context_id);
                let seal = context.and_then(|context| context.seal(header_signing));
                Some(seal.ok_or(ResponseError::Protection)?)
            }
        };
        let max_xmit = self.connection.max_xmit;
        let sent = append_fragments(self.connection.output(), &head, (stub, &[]), max_xmit, seal.as_mut());
        sent.map_err(|_| {
            self.close(CloseReason::ProtectionFailed);
            ResponseError::Protection
        })
    }

    /// Answers a call with the fault `status`. `did_not_execute` says that nothing was done, so that the
    /// client may try again; where there is no such operation it is said in any case.
    ///
    /// # Errors
    /// When the call does not wait for an answer.
    pub fn fault(
        &mut self,
        call_id: u32,
        status: FaultStatus,
        did_not_execute: bool,
    ) -> Result<(), ResponseError> {
        let Active { context_id, .. } = self.active.remove(&call_id).ok_or(ResponseError::UnknownCall)?;
        self.send_fault(call_id, context_id, status, did_not_execute || status.is_rejection());
        Ok(())
    }
}
