//! One association of DCE/RPC, watched from the side.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::BytesMut;
use rpc::SyntaxId;
use rpc::pdu::{
    AuthLevel, Body, ContextResultCode, HEADER_SIZE, Header, Pdu, PduType, PfcFlags, PresentationContext,
    REQUEST_HEADER_SIZE, SecTrailer,
};
use wire::{Decode as _, Reader};

use super::fragments::{Assembly, Fragment, Pdus};
use super::security::{Secrets, Security};
use crate::call::{Envelope, RpcAnswer, RpcCall, SealedReason};
use crate::stream::Side;
use crate::time::Timestamp;

/// How many bytes of a side wait for the other side's.
const MAX_WAITING: usize = 8 << 20;

/// How many calls may be under way; of more, the oldest is given up.
const MAX_CALLS: usize = 256;

/// More contexts than any association has.
const MAX_CONTEXTS: usize = 1024;

/// A call that is done, with the times of its request and of its answer.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) call: RpcCall,
    pub(super) asked: Timestamp,
    pub(super) answered: Option<Timestamp>,
}

/// What both sides said so far.
#[derive(Debug)]
pub(super) struct Association {
    envelope: Envelope,
    secrets: Arc<Secrets>,
    client: Pdus,
    server: Pdus,
    /// The contexts that the last bind or `alter_context` proposed, while it has no answer.
    proposed: Option<Vec<PresentationContext>>,
    contexts: HashMap<u16, SyntaxId>,
    security: HashMap<u32, Security>,
    calls: HashMap<u32, Pending>,
    user: Option<Arc<str>>,
    /// Why security contexts cannot be read, to be reported.
    unsealable: Vec<String>,
    /// Whether what the sides say comes in the order in which they said it.
    ordered: bool,
    /// Whether something of the client is missing, so that answers may be to calls that were not recorded.
    client_lost: bool,
    /// Whether there was a call at all.
    asked: bool,
    /// How many answers there were to calls that were not recorded.
    unasked: u64,
}

/// A call whose answer is not there yet.
#[derive(Debug)]
struct Pending {
    asked: Timestamp,
    context_id: u16,
    opnum: u16,
    request: Assembly,
    complete: bool,
    response: Option<Assembly>,
}

/// Whether bytes that begin so can be an association's.
pub(super) fn is_start(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [5, 0 | 1, kind, ..] => Some(*kind <= 20),
        [] | [5] | [5, 0 | 1] => None,
        _ => Some(false),
    }
}

impl Association {
    /// An association that is read from its start. Where it is not `ordered`, all of one side may come before the
    /// other.
    pub(super) fn new(envelope: Envelope, secrets: Arc<Secrets>, ordered: bool) -> Self {
        Self {
            ordered,
            client_lost: false,
            asked: false,
            unasked: 0,
            envelope,
            secrets,
            client: Pdus::new(),
            server: Pdus::new(),
            proposed: None,
            contexts: HashMap::new(),
            security: HashMap::new(),
            calls: HashMap::new(),
            user: None,
            unsealable: Vec::new(),
        }
    }

    /// The user who authenticated, as far as it is known.
    pub(super) const fn user(&self) -> Option<&Arc<str>> {
        self.user.as_ref()
    }

    /// Takes bytes of one side. Calls that are done are put into `done`; what is wrong, into `problems`.
    pub(super) fn push(
        &mut self,
        side: Side,
        time: Timestamp,
        bytes: &[u8],
        done: &mut Vec<Done>,
        problems: &mut Vec<String>,
    ) {
        let pdus = self.pdus(side);
        if pdus.broken {
            return;
        }
        pdus.push(bytes);
        loop {
            match pdus.framer.next_pdu() {
                Ok(Some((header, pdu))) => {
                    pdus.held = pdus.held.saturating_add(pdu.len());
                    pdus.waiting.push_back((time, header, pdu));
                }
                Ok(None) => break,
                Err(error) => {
                    pdus.broken = true;
                    pdus.framer.clear();
                    problems.push(format!("{side:?}: {error}; nothing more of this side is read"));
                    break;
                }
            }
        }
        self.work(done, problems);
    }

    /// Bytes of one side are missing. What is known to lack a fragment cannot be read; the side is read on from the
    /// next PDU.
    pub(super) fn gap(&mut self, side: Side, done: &mut Vec<Done>, problems: &mut Vec<String>) {
        self.work(done, problems);
        self.pdus(side).lose();
        match side {
            Side::Client => {
                self.client_lost = true;
                for call in self.calls.values_mut().filter(|call| !call.complete) {
                    call.request.lose();
                    call.complete = true;
                }
            }
            Side::Server => {
                for response in self.calls.values_mut().filter_map(|call| call.response.as_mut()) {
                    response.lose();
                }
                // What is proposed is accepted as a rule.
                for context in self.proposed.take().unwrap_or_default() {
                    self.accept(&context);
                }
            }
        }
        self.work(done, problems);
    }

    fn accept(&mut self, context: &PresentationContext) {
        if self.contexts.len() < MAX_CONTEXTS {
            self.contexts.insert(context.context_id, context.abstract_syntax);
        }
    }

    /// Takes what still waits, since nothing more comes; calls without an answer end without one.
    pub(super) fn finish(&mut self, done: &mut Vec<Done>, problems: &mut Vec<String>) {
        while let Some((time, header, pdu)) = self.client.next() {
            self.pdu(Side::Client, time, &header, pdu, done, problems);
        }
        while let Some((time, header, pdu)) = self.server.next() {
            self.pdu(Side::Server, time, &header, pdu, done, problems);
        }
        let mut left: Vec<(u32, Pending)> = self.calls.drain().collect();
        left.sort_by_key(|(call_id, _)| *call_id);
        for (_, pending) in left {
            self.end_call(pending, RpcAnswer::None, None, done);
        }
        if self.unasked > 0 && !self.asked {
            problems.push(format!(
                "RPC: {} answers, but what the client sent is not in the recording; they are not read",
                self.unasked
            ));
        }
    }

    const fn pdus(&mut self, side: Side) -> &mut Pdus {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Takes PDUs for as long as there is one that needs nothing of the other side: the directions of a
    /// recording may be far apart.
    fn work(&mut self, done: &mut Vec<Done>, problems: &mut Vec<String>) {
        loop {
            let client = self.proposed.is_none() || self.client.held > MAX_WAITING;
            // Where the order is known, what is answered and was not asked was not recorded.
            let any = self.client_lost || (self.ordered && self.client.waiting.is_empty());
            let answered = |header: &Header| match header.ptype {
                PduType::RESPONSE | PduType::FAULT => {
                    self.calls.get(&header.call_id).map_or(any, |call| call.complete)
                }
                ptype if ptype.is_setup() => self.proposed.is_some() || any,
                _ => true,
            };
            let server = self.server.waiting.front().is_some_and(|(_, header, _)| answered(header))
                || self.server.held > MAX_WAITING;
            let (side, next) = match (client, server) {
                (_, true) => (Side::Server, self.server.next()),
                (true, false) => (Side::Client, self.client.next()),
                (false, false) => return,
            };
            let Some((time, header, pdu)) = next else { return };
            self.pdu(side, time, &header, pdu, done, problems);
        }
    }

    fn pdu(
        &mut self,
        side: Side,
        time: Timestamp,
        header: &Header,
        mut pdu: BytesMut,
        done: &mut Vec<Done>,
        problems: &mut Vec<String>,
    ) {
        let result = match header.ptype {
            PduType::REQUEST => self.request(time, header, &mut pdu, done),
            PduType::RESPONSE | PduType::FAULT => self.answer(time, header, &mut pdu, done),
            PduType::CO_CANCEL | PduType::ORPHANED | PduType::SHUTDOWN => Ok(()),
            _ => self.setup(side, &pdu),
        };
        problems.append(&mut self.unsealable);
        if let Err(error) = result {
            problems.push(format!("{side:?}, call {}: {:?}: {error}", header.call_id, header.ptype));
        }
    }

    fn setup(&mut self, side: Side, pdu: &[u8]) -> wire::Result<()> {
        let pdu = Pdu::from_bytes(pdu)?;
        if let Some(auth) = &pdu.auth {
            let trailer = auth.trailer;
            if self.security.len() < MAX_CONTEXTS {
                let new = || Security::new(trailer.auth_type);
                let security = self.security.entry(trailer.auth_context_id).or_insert_with(new);
                security.token(side, auth.token);
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
                        self.accept(context);
                    }
                }
            }
            Body::BindNak(_) => self.proposed = None,
            _ => {}
        }
        Ok(())
    }

    fn request(
        &mut self,
        time: Timestamp,
        header: &Header,
        pdu: &mut BytesMut,
        done: &mut Vec<Done>,
    ) -> wire::Result<()> {
        let object = if header.flags.contains(PfcFlags::OBJECT_UUID) { 16 } else { 0 };
        let endian = header.drep.endian()?;
        let mut r = Reader::with_endian(pdu, endian);
        r.bytes(HEADER_SIZE.saturating_add(4), "header")?;
        let (context_id, opnum) = (r.u16("p_cont_id")?, r.u16("opnum")?);
        let fragment = self.open(Side::Client, header, pdu, REQUEST_HEADER_SIZE.saturating_add(object))?;
        self.asked = true;
        let first = header.flags.contains(PfcFlags::FIRST_FRAG);
        let new = || Pending {
            asked: time,
            context_id,
            opnum,
            request: Assembly::default(),
            complete: false,
            response: None,
        };
        if first && let Some(old) = self.calls.insert(header.call_id, new()) {
            self.end_call(old, RpcAnswer::None, None, done);
        }
        if self.calls.len() > MAX_CALLS {
            let oldest = self.calls.iter().min_by_key(|(_, call)| call.asked).map(|(id, _)| *id);
            if let Some(oldest) = oldest.and_then(|id| self.calls.remove(&id)) {
                self.end_call(oldest, RpcAnswer::None, None, done);
            }
        }
        let is_known = self.calls.contains_key(&header.call_id);
        let call = self.calls.entry(header.call_id).or_insert_with(new);
        if !first && !is_known {
            call.request.lose();
        }
        call.request.push(&fragment);
        call.asked = time;
        call.complete = header.flags.contains(PfcFlags::LAST_FRAG);
        Ok(())
    }

    /// A response or a fault.
    fn answer(
        &mut self,
        time: Timestamp,
        header: &Header,
        pdu: &mut BytesMut,
        done: &mut Vec<Done>,
    ) -> wire::Result<()> {
        let fragment = self.open(Side::Server, header, pdu, REQUEST_HEADER_SIZE)?;
        // A fault may be sealed; then its status, behind the fields of every answer, is too.
        let status = match header.ptype {
            PduType::FAULT => Some(Reader::with_endian(fragment.stub, fragment.endian).u32("status")?),
            _ => None,
        };
        // The answer to a call that was made before the recording began tells nothing.
        let Some(call) = self.calls.get_mut(&header.call_id) else {
            self.unasked = self.unasked.saturating_add(1);
            return Ok(());
        };
        if status.is_none() {
            let is_first = header.flags.contains(PfcFlags::FIRST_FRAG);
            let begins = call.response.is_none();
            let response = call.response.get_or_insert_default();
            if begins != is_first {
                response.lose();
            }
            response.push(&fragment);
        }
        if (status.is_some() || header.flags.contains(PfcFlags::LAST_FRAG))
            && let Some(mut call) = self.calls.remove(&header.call_id)
        {
            let answer = match status {
                Some(status) => RpcAnswer::Fault(rpc::FaultStatus(status)),
                None => RpcAnswer::Response(call.response.take().unwrap_or_default().finish(false)),
            };
            self.end_call(call, answer, Some(time), done);
        }
        Ok(())
    }

    fn end_call(
        &self,
        pending: Pending,
        answer: RpcAnswer,
        answered: Option<Timestamp>,
        done: &mut Vec<Done>,
    ) {
        let call = RpcCall {
            envelope: self.envelope,
            interface: self.contexts.get(&pending.context_id).copied(),
            opnum: pending.opnum,
            request: pending.request.finish(true),
            answer,
        };
        done.push(Done { call, asked: pending.asked, answered });
    }

    /// Checks and unseals a PDU in place, and cuts the stub out of it.
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

    /// Why the stub cannot be read; none where it can.
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
                let checked = security.check(side, pdu, (head_size, start), seals, &self.secrets);
                self.unsealable.extend(security.problem().filter(|_| seals));
                checked
            }
            None => Err(SealedReason::MissingBind),
        };
        // What is only signed can be read all the same.
        checked.err().filter(|_| seals)
    }
}
