//! Decodes one recorded association of DCE/RPC.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::BytesMut;
use rpc::pdu::{
    AuthLevel, Body, ContextResult, ContextResultCode, HEADER_SIZE, Header, Pdu, PduType, PfcFlags,
    PresentationContext, ProviderReason, REQUEST_HEADER_SIZE, SecTrailer,
};
use wire::{Decode as _, Guid, Reader};

use super::fragments::{Fragment, PduStream, RecordedPdu};
use super::problem::ConversationProblem;
use super::recorded_item::Decoded;
use super::rpc_calls::{MAX_CONTEXTS, RpcCalls};
use super::security::{ContextSecurity, Secrets};
use crate::call::{Envelope, SealedReason};
use crate::stream::Side;
use crate::time::Timestamp;

/// The maximum number of bytes of a side that wait for the other side.
const MAX_WAITING: usize = 8 << 20;

/// The state of a recorded association.
#[derive(Debug)]
pub(super) struct Association {
    secrets: Arc<Secrets>,
    client: PduStream,
    server: PduStream,
    /// The contexts that the last `bind` or `alter_context` proposed, until the response for it.
    proposed: Option<Vec<PresentationContext>>,
    security: HashMap<u32, ContextSecurity>,
    calls: RpcCalls,
    user: Option<Arc<str>>,
    /// Problems of binds and security contexts that were not reported yet.
    setup_problems: Vec<ConversationProblem>,
    /// Whether the bytes of both sides arrive in the order in which they were sent.
    ordered: bool,
    /// Whether bytes of the client are missing, so that responses may belong to calls that were not recorded.
    client_gap: bool,
}

/// Whether `bytes` can begin an association; `None` if they are too few.
pub(super) fn is_start(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [5, 0 | 1, kind, ..] => Some(*kind <= 20),
        [] | [5] | [5, 0 | 1] => None,
        _ => Some(false),
    }
}

/// The interfaces among the `proposed` contexts of which the server accepted none. Contexts with other transfer
/// syntaxes are usually proposed in addition, and refused.
fn refused(proposed: &[PresentationContext], results: &[ContextResult]) -> Vec<ConversationProblem> {
    let mut refused: Vec<(Guid, ProviderReason)> = Vec::new();
    let all = || proposed.iter().zip(results);
    for (context, result) in all() {
        let uuid = context.abstract_syntax.uuid;
        let is_refusal =
            !matches!(result.result, ContextResultCode::ACCEPTANCE | ContextResultCode::NEGOTIATE_ACK);
        let accepted = all().any(|(other, result)| {
            other.abstract_syntax.uuid == uuid && result.result == ContextResultCode::ACCEPTANCE
        });
        if is_refusal && !accepted && refused.iter().all(|(known, _)| *known != uuid) {
            refused.push((uuid, result.reason));
        }
    }
    let problem = |(uuid, reason)| ConversationProblem::InterfaceRefused { uuid, reason };
    refused.into_iter().map(problem).collect()
}

impl Association {
    /// A new association. Unless it is `ordered`, all bytes of one side may precede those of the other.
    pub(super) fn new(envelope: Envelope, secrets: Arc<Secrets>, ordered: bool) -> Self {
        Self {
            secrets,
            client: PduStream::new(),
            server: PduStream::new(),
            proposed: None,
            security: HashMap::new(),
            calls: RpcCalls::new(envelope),
            user: None,
            setup_problems: Vec::new(),
            ordered,
            client_gap: false,
        }
    }

    /// The authenticated user, if known.
    pub(super) const fn user(&self) -> Option<&Arc<str>> {
        self.user.as_ref()
    }

    /// Takes bytes of one side. Adds ended calls and problems to `out`.
    pub(super) fn push(&mut self, side: Side, time: Timestamp, bytes: &[u8], out: &mut Decoded) {
        let stream = self.stream(side);
        if stream.is_unusable() {
            return;
        }
        if let Err(error) = stream.push(time, bytes) {
            out.problems.push(ConversationProblem::RpcFraming { side, error });
        }
        self.process(out);
    }

    /// Bytes of one side are missing. A stub that lacks a fragment cannot be read. Reading continues at the
    /// next PDU of the side.
    pub(super) fn gap(&mut self, side: Side, out: &mut Decoded) {
        self.process(out);
        self.stream(side).gap();
        self.calls.gap(side);
        match side {
            Side::Client => self.client_gap = true,
            // Servers usually accept the proposed contexts.
            Side::Server => {
                for context in self.proposed.take().unwrap_or_default() {
                    self.calls.accept(&context);
                }
            }
        }
        self.process(out);
    }

    /// Ends the association: processes the waiting PDUs, and ends pending calls without a response.
    pub(super) fn finish(&mut self, out: &mut Decoded) {
        for side in [Side::Client, Side::Server] {
            while let Some(pdu) = self.stream(side).next() {
                self.pdu(side, pdu, out);
            }
        }
        if let Some(responses) = self.calls.finish(&mut out.ended) {
            out.problems.push(ConversationProblem::RpcRequestsMissing(responses));
        }
    }

    const fn stream(&mut self, side: Side) -> &mut PduStream {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Processes PDUs while there is one that does not depend on a PDU of the other side: the directions of a
    /// recording may be far apart.
    fn process(&mut self, out: &mut Decoded) {
        loop {
            let client = self.proposed.is_none() || self.client.buffered() > MAX_WAITING;
            // If the order is known, a response without a request belongs to a call that was not recorded.
            let any = self.client_gap || (self.ordered && self.client.front().is_none());
            let is_ready = |header: &Header| match header.ptype {
                PduType::RESPONSE | PduType::FAULT => self.calls.is_complete(header.call_id).unwrap_or(any),
                ptype if ptype.is_setup() => self.proposed.is_some() || any,
                _ => true,
            };
            let server = self.server.front().is_some_and(is_ready) || self.server.buffered() > MAX_WAITING;
            let (side, next) = match (client, server) {
                (_, true) => (Side::Server, self.server.next()),
                (true, false) => (Side::Client, self.client.next()),
                (false, false) => return,
            };
            let Some(pdu) = next else { return };
            self.pdu(side, pdu, out);
        }
    }

    fn pdu(&mut self, side: Side, pdu: RecordedPdu, out: &mut Decoded) {
        let RecordedPdu { time, header, mut bytes } = pdu;
        let result = match header.ptype {
            PduType::REQUEST => self.request(time, &header, &mut bytes, out),
            PduType::RESPONSE | PduType::FAULT => self.response(time, &header, &mut bytes, out),
            PduType::CO_CANCEL | PduType::ORPHANED | PduType::SHUTDOWN => Ok(()),
            _ => self.setup(side, &bytes),
        };
        out.problems.append(&mut self.setup_problems);
        if let Err(error) = result {
            let (call_id, ptype) = (header.call_id, header.ptype);
            out.problems.push(ConversationProblem::Pdu { side, call_id, ptype, error });
        }
    }

    fn setup(&mut self, side: Side, pdu: &[u8]) -> wire::Result<()> {
        let pdu = Pdu::from_bytes(pdu)?;
        if let Some(auth) = &pdu.auth {
            let trailer = auth.trailer;
            if self.security.len() < MAX_CONTEXTS {
                let new = || ContextSecurity::new(trailer.auth_type);
                let security = self.security.entry(trailer.auth_context_id).or_insert_with(new);
                security.observe_token(side, auth.token);
                if let Some(user) = security.user(&self.secrets) {
                    self.user = Some(user);
                }
            }
        }
        match pdu.body {
            Body::Bind(bind) | Body::AlterContext(bind) => self.proposed = Some(bind.contexts),
            Body::BindAck(ack) | Body::AlterContextResp(ack) => {
                let proposed = self.proposed.take().unwrap_or_default();
                for (context, result) in proposed.iter().zip(&ack.results) {
                    if result.result == ContextResultCode::ACCEPTANCE {
                        self.calls.accept(context);
                    }
                }
                self.setup_problems.extend(refused(&proposed, &ack.results));
            }
            Body::BindNak(nak) => {
                self.proposed = None;
                self.setup_problems.push(ConversationProblem::BindRefused { reason: nak.reason });
            }
            _ => {}
        }
        Ok(())
    }

    fn request(
        &mut self,
        time: Timestamp,
        header: &Header,
        pdu: &mut BytesMut,
        out: &mut Decoded,
    ) -> wire::Result<()> {
        let object = if header.flags.contains(PfcFlags::OBJECT_UUID) { 16 } else { 0 };
        let endian = header.drep.endian()?;
        let mut r = Reader::with_endian(pdu, endian);
        r.bytes(HEADER_SIZE.saturating_add(4), "header")?;
        let target = (r.u16("p_cont_id")?, r.u16("opnum")?);
        let fragment = self.open(Side::Client, header, pdu, REQUEST_HEADER_SIZE.saturating_add(object))?;
        self.calls.request(time, header, target, &fragment, &mut out.ended);
        Ok(())
    }

    /// A response or a fault.
    fn response(
        &mut self,
        time: Timestamp,
        header: &Header,
        pdu: &mut BytesMut,
        out: &mut Decoded,
    ) -> wire::Result<()> {
        let fragment = self.open(Side::Server, header, pdu, REQUEST_HEADER_SIZE)?;
        self.calls.response(time, header, &fragment, &mut out.ended)
    }

    /// Verifies and decrypts a PDU in place, and returns its part of the stub.
    fn open<'a>(
        &mut self,
        side: Side,
        header: &Header,
        pdu: &'a mut BytesMut,
        head_size: usize,
    ) -> wire::Result<Fragment<'a>> {
        let endian = header.drep.endian()?;
        let Some((start, trailer)) = SecTrailer::find(header, pdu)? else {
            return Ok(Fragment { stub: pdu.get(head_size..).unwrap_or_default(), endian, sealed: None });
        };
        let stub_end = start.saturating_sub(usize::from(trailer.auth_pad_length)).max(head_size);
        let sealed = self.unseal(side, pdu, (head_size, start), trailer);
        let stub = pdu.get(head_size..stub_end).unwrap_or_default();
        Ok(Fragment { stub, endian, sealed })
    }

    /// Why the stub cannot be read; `None` if it can.
    fn unseal(
        &mut self,
        side: Side,
        pdu: &mut [u8],
        (head_size, start): (usize, usize),
        trailer: SecTrailer,
    ) -> Option<SealedReason> {
        let level = trailer.auth_level;
        let seals = level == AuthLevel::PKT_PRIVACY;
        if !matches!(level, AuthLevel::CALL | AuthLevel::PKT | AuthLevel::PKT_INTEGRITY) && !seals {
            return None;
        }
        let checked = match self.security.get_mut(&trailer.auth_context_id) {
            Some(security) => {
                let checked = security.verify_or_unseal(side, pdu, (head_size, start), seals, &self.secrets);
                let problem = security.take_problem().filter(|_| seals);
                self.setup_problems.extend(problem.map(ConversationProblem::Kerberos));
                checked
            }
            None => Err(SealedReason::MissingBind),
        };
        // A stub that is only signed can be read even if its signature is wrong.
        checked.err().filter(|_| seals)
    }
}
