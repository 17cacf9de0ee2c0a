//! Responses and faults.

use bytes::{Buf, Bytes};

use super::event::{CloseReason, RequestSecurity, ResponseError};
use super::incoming::Active;
use super::state::ServerAssociation;
use crate::association::core::fragment::{FragmentHead, Fragments};
use crate::pdu::{FaultStatus, PduType, PfcFlags};

/// A response of which fragments are left to be sent.
#[derive(Debug)]
pub struct UnsentResponse {
    head: FragmentHead,
    /// `None` if the response is not protected.
    security: Option<RequestSecurity>,
    fragments: Fragments<Bytes>,
}

impl ServerAssociation {
    /// Sends the response `stub` to a call, protected like the call, in as many fragments as needed.
    ///
    /// # Errors
    /// When the call is not active, or the response cannot be protected, which ends the association.
    pub fn respond(&mut self, call_id: u32, stub: &[u8]) -> Result<(), ResponseError> {
        let (head, security) = self.response_head(call_id)?;
        self.append_response(&head, security, &mut Fragments::new(stub), usize::MAX).map(drop)
    }

    /// Begins to send the response `stub` to a call. [`ServerAssociation::continue_response`] appends its fragments to
    /// the output. Until it is complete, nothing else may be sent.
    ///
    /// # Errors
    /// When the call is not active.
    pub fn begin_response(&mut self, call_id: u32, stub: Bytes) -> Result<UnsentResponse, ResponseError> {
        let (head, security) = self.response_head(call_id)?;
        Ok(UnsentResponse { head, security, fragments: Fragments::new(stub) })
    }

    /// Sends fragments of a response with at least `enough` bytes of its stub, or all that are left. Returns whether
    /// it is complete.
    ///
    /// # Errors
    /// When the response cannot be protected, which ends the association.
    pub fn continue_response(
        &mut self,
        response: &mut UnsentResponse,
        enough: usize,
    ) -> Result<bool, ResponseError> {
        let UnsentResponse { head, security, fragments } = response;
        self.append_response(head, *security, fragments, enough)
    }

    /// The fields of the response to a call, and how it is protected. The call ends.
    fn response_head(
        &mut self,
        call_id: u32,
    ) -> Result<(FragmentHead, Option<RequestSecurity>), ResponseError> {
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
        Ok((head, security.filter(|security| security.level.protects())))
    }

    fn append_response<B: Buf>(
        &mut self,
        head: &FragmentHead,
        security: Option<RequestSecurity>,
        fragments: &mut Fragments<B>,
        enough: usize,
    ) -> Result<bool, ResponseError> {
        let header_signing = self.connection.header_signing;
        let mut seal = match security {
            None => None,
            Some(security) => {
                let context = self.security.iter_mut().find(|context| context.id == security.auth_context_id);
                let seal = context.and_then(|context| context.seal(header_signing));
                Some(seal.ok_or(ResponseError::Protection)?)
            }
        };
        let max_xmit = self.connection.max_xmit;
        let sent = fragments.append(self.connection.output(), head, max_xmit, seal.as_mut(), enough);
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
