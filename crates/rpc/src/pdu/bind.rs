//! Bind, `alter_context` and their responses (C706 12.6.4).

use wire::{Decode, Encode, Reader, Result, Writer};

use super::codes::{ContextResultCode, ProviderReason, RejectReason};
use super::syntax::SyntaxId;

/// A bind or an `alter_context` (C706 12.6.4.3, 12.6.4.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bind {
    /// The largest PDU that the sender sends, in bytes. Ignored in an `alter_context`.
    pub max_xmit_frag: u16,
    /// The largest PDU that the sender accepts, in bytes. Ignored in an `alter_context`.
    pub max_recv_frag: u16,
    /// The association group to join; zero for a new one.
    pub assoc_group_id: u32,
    /// The proposed contexts; at most 255.
    pub contexts: Vec<PresentationContext>,
}

/// A proposed presentation context: an interface and its transfer syntaxes (C706 12.6.3.1 `p_cont_elem_t`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentationContext {
    /// The number of the context in requests.
    pub context_id: u16,
    /// The interface.
    pub abstract_syntax: SyntaxId,
    /// The transfer syntaxes, of which the server selects one; at most 255.
    pub transfer_syntaxes: Vec<SyntaxId>,
}

impl Encode for PresentationContext {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u16(self.context_id).len8(self.transfer_syntaxes.len(), "n_transfer_syn")?.u8(0);
        self.abstract_syntax.encode(w)?;
        self.transfer_syntaxes.iter().try_for_each(|syntax| syntax.encode(w))
    }
}

impl<'a> Decode<'a> for PresentationContext {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let context_id = r.u16("p_cont_id")?;
        let count = r.u8("n_transfer_syn")?;
        r.u8("reserved")?;
        let abstract_syntax = SyntaxId::decode(r)?;
        let count = r.count(u32::from(count), 20, 255, "n_transfer_syn")?;
        let transfer_syntaxes = (0..count).map(|_| SyntaxId::decode(r)).collect::<Result<_>>()?;
        Ok(Self { context_id, abstract_syntax, transfer_syntaxes })
    }
}

impl Encode for Bind {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u16(self.max_xmit_frag).u16(self.max_recv_frag).u32(self.assoc_group_id);
        w.len8(self.contexts.len(), "n_context_elem")?.u8(0).u16(0);
        self.contexts.iter().try_for_each(|context| context.encode(w))
    }
}

impl<'a> Decode<'a> for Bind {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let (max_xmit_frag, max_recv_frag) = (r.u16("max_xmit_frag")?, r.u16("max_recv_frag")?);
        let assoc_group_id = r.u32("assoc_group_id")?;
        let count = r.u8("n_context_elem")?;
        // Some clients omit this padding if nothing follows.
        if count != 0 {
            r.bytes(3, "reserved")?;
        }
        let count = r.count(u32::from(count), 24, 255, "n_context_elem")?;
        let contexts = (0..count).map(|_| PresentationContext::decode(r)).collect::<Result<_>>()?;
        Ok(Self { max_xmit_frag, max_recv_frag, assoc_group_id, contexts })
    }
}

/// A `bind_ack` or an `alter_context_resp` (C706 12.6.4.4, 12.6.4.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BindAck {
    /// The largest PDU that the server sends, in bytes.
    pub max_xmit_frag: u16,
    /// The largest PDU that the server accepts, in bytes.
    pub max_recv_frag: u16,
    /// The association group.
    pub assoc_group_id: u32,
    /// The secondary address, with the terminating zero byte; empty in an `alter_context_resp`.
    pub secondary_address: Vec<u8>,
    /// The result of each proposed context, in their order; at most 255.
    pub results: Vec<ContextResult>,
}

/// The result of one context (C706 12.6.3.1 `p_result_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextResult {
    /// Accepted or not.
    pub result: ContextResultCode,
    /// The reason of a rejection; for [`ContextResultCode::NEGOTIATE_ACK`], the common features.
    pub reason: ProviderReason,
    /// The selected transfer syntax; all zero for a rejection.
    pub transfer_syntax: SyntaxId,
}

impl ContextResult {
    /// A context rejected by the provider for `reason`.
    pub const fn rejected(reason: ProviderReason) -> Self {
        Self { result: ContextResultCode::PROVIDER_REJECTION, reason, transfer_syntax: SyntaxId::NIL }
    }
}

impl Encode for ContextResult {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u16(self.result.0).u16(self.reason.0);
        self.transfer_syntax.encode(w)
    }
}

impl<'a> Decode<'a> for ContextResult {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        Ok(Self {
            result: ContextResultCode(r.u16("result")?),
            reason: ProviderReason(r.u16("reason")?),
            transfer_syntax: SyntaxId::decode(r)?,
        })
    }
}

impl Encode for BindAck {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u16(self.max_xmit_frag).u16(self.max_recv_frag).u32(self.assoc_group_id);
        w.len16(self.secondary_address.len(), "sec_addr.length")?.bytes(&self.secondary_address).align(4);
        w.len8(self.results.len(), "n_results")?.u8(0).u16(0);
        self.results.iter().try_for_each(|result| result.encode(w))
    }
}

impl<'a> Decode<'a> for BindAck {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let (max_xmit_frag, max_recv_frag) = (r.u16("max_xmit_frag")?, r.u16("max_recv_frag")?);
        let assoc_group_id = r.u32("assoc_group_id")?;
        let length = r.u16("sec_addr.length")?;
        let secondary_address = r.bytes(usize::from(length), "sec_addr")?.to_vec();
        r.align(4, "pad2")?;
        let count = r.u8("n_results")?;
        r.bytes(3, "reserved")?;
        let count = r.count(u32::from(count), 24, 255, "n_results")?;
        let results = (0..count).map(|_| ContextResult::decode(r)).collect::<Result<_>>()?;
        Ok(Self { max_xmit_frag, max_recv_frag, assoc_group_id, secondary_address, results })
    }
}

/// A `bind_nak` (C706 12.6.4.5, [MS-RPCE] 2.2.2.9).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BindNak<'a> {
    /// Why.
    pub reason: RejectReason,
    /// The protocol versions that the server speaks, as (major, minor); at most 255.
    pub versions: Vec<(u8, u8)>,
    /// What follows: padding, and extended error information with its signature.
    pub rest: &'a [u8],
}

impl BindNak<'_> {
    /// A rejection for `reason` by a server that supports version 5.0, padded to a multiple of four as [MS-RPCE]
    /// 2.2.2.9 has it.
    pub fn new(reason: RejectReason) -> Self {
        Self { reason, versions: vec![(5, 0)], rest: &[0; 3] }
    }
}

impl Encode for BindNak<'_> {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u16(self.reason.0).len8(self.versions.len(), "n_protocols")?;
        for (major, minor) in &self.versions {
            w.u8(*major).u8(*minor);
        }
        w.bytes(self.rest);
        Ok(())
    }
}

impl<'a> Decode<'a> for BindNak<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let reason = RejectReason(r.u16("provider_reject_reason")?);
        // Some servers leave the versions out.
        let count = if r.is_empty() { 0 } else { r.u8("n_protocols")? };
        let count = r.count(u32::from(count), 2, 255, "n_protocols")?;
        let versions = (0..count).map(|_| Ok((r.u8("major")?, r.u8("minor")?))).collect::<Result<_>>()?;
        Ok(Self { reason, versions, rest: r.rest() })
    }
}
