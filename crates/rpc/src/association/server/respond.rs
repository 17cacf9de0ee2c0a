//! Responses and faults.

use super::event::{CloseReason, ResponseError};
use super::incoming::Active;
use super::state::ServerAssociation;
use crate::association::core::fragment::{FragmentHead, append_fragments};
use crate::pdu::{FaultStatus, PduType, PfcFlags};

impl ServerAssociation {
    /// Sends the response `stub` to a call, protected like the call, in as many fragments as needed.
    ///
    /// # Errors
    /// When the call is not active, or the response cannot be protected, which ends the association.
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

    /// Sends the fault `status` to a call. `did_not_execute` sets the flag by which the client knows that the call was
    /// not executed and may be sent again (C706 12.6.3.1); a status that implies it sets the flag in any case
    /// ([`FaultStatus::implies_not_executed`]).
    ///
    /// # Errors
    /// When the call is not active.
    pub fn fault(
        &mut self,
        call_id: u32,
        status: FaultStatus,
        did_not_execute: bool,
    ) -> Result<(), ResponseError> {
        let Active { context_id, .. } = self.active.remove(&call_id).ok_or(ResponseError::UnknownCall)?;
        self.send_fault(call_id, context_id, status, did_not_execute || status.implies_not_executed());
        Ok(())
    }
}
