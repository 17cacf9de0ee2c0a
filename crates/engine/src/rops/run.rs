//! Passes a ROP batch to the module stack.

use std::borrow::Cow;

use mapi::rop::RopReply;
use wire::FileTime;

use super::batch::RopBatch;
use super::exchange::OperationRops;
use super::payload;
use super::reading::read_responses;
use super::replies::BatchResponses;
use super::reply_pass::ReplyPass;
use super::view::{RopDecision, RopView};
use crate::message::Message;
use crate::module::Module;
use crate::objects::slots::BatchObjects;
use crate::objects::table::ObjectTable;
use crate::operation::Operation;
use crate::refusal::{Refusal, RefusalKind};
use crate::session::Session;

/// Whether any ROP is left to forward to the upstream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BatchOutcome {
    /// The request is forwarded to the upstream.
    Continue,
    /// Modules responded to all ROPs, so the operation has a response.
    RespondedLocally,
}

/// Decodes the ROPs of a request, and passes each to the modules that process single ROPs, from first to last.
pub(crate) fn request(
    modules: &[Box<dyn Module>],
    operation: &mut Operation,
    session: &mut Session,
) -> Result<BatchOutcome, Refusal> {
    if !payload::carries_rops(operation.key()) {
        return Ok(BatchOutcome::Continue);
    }
    let Ok(request) = operation.request.view() else { return Ok(BatchOutcome::Continue) };
    let room = payload::room(request);
    let Some(buffers) = payload::request_buffers(request) else { return Ok(BatchOutcome::Continue) };
    let mut batch = match buffers.and_then(|buffers| RopBatch::decode(buffers, session.objects())) {
        Ok(batch) => batch,
        // A request without a valid ROP buffer is forwarded unchanged; the upstream rejects it.
        Err(error) => {
            operation.undecoded = [Some(error), None];
            return Ok(BatchOutcome::Continue);
        }
    };
    operation.rop_work.add(batch.work);
    batch.work.check_request()?;
    batch.room = room;
    let interface = operation.interface();
    let mut objects = session.take_objects();
    for (number, module) in modules.iter().enumerate() {
        if module.interests().include_rops(interface) {
            let mut notes = Vec::new();
            let pass = Pass { number, module: &**module, at: operation.at(), notes: &mut notes };
            pass.batch(&mut batch, &mut objects, session);
            for note in notes {
                operation.note(module.name(), note);
            }
        }
    }
    session.put_objects(objects);
    batch.refuse_dependents();
    let outcome = if batch.edited { encode_edited(operation, &mut batch)? } else { BatchOutcome::Continue };
    operation.rops = Some(OperationRops { batch, responses: None });
    Ok(outcome)
}

/// The pass of one module over the requests of a batch.
struct Pass<'a> {
    number: usize,
    module: &'a dyn Module,
    at: FileTime,
    notes: &'a mut Vec<Cow<'static, str>>,
}

impl Pass<'_> {
    fn batch(self, batch: &mut RopBatch, table: &mut ObjectTable, session: &mut Session) {
        let Self { number, module, at, notes } = self;
        let mut objects = BatchObjects::new(table, batch.handles());
        let mut position = 0;
        while let Some(entry) = batch.entries().get(position) {
            let mut after = Vec::new();
            if entry.is_forwarded() && !entry.is_added() {
                let objects = &objects;
                let mut view =
                    RopView { batch, position, module: number, objects, after: Vec::new(), at, notes };
                let decision = module.rop_request(&mut view, session);
                position = view.position;
                after = view.after;
                decide(batch, position, number, decision);
            }
            objects.grow(batch.handles());
            if let Some(entry) = batch.entries().get(position)
                && entry.is_forwarded()
            {
                objects.assume(&entry.request);
            }
            position = position.saturating_add(1);
            for request in after {
                // A ROP that refers to a slot outside of the handle table is not added.
                if batch.insert(position, request, number).is_ok() {
                    position = position.saturating_add(1);
                }
            }
        }
    }
}

fn decide(batch: &mut RopBatch, position: usize, module: usize, decision: RopDecision) {
    match decision {
        RopDecision::Forward => {}
        RopDecision::Respond(reply) => batch.respond(position, reply, module),
        RopDecision::Refuse(error) => {
            let reply = RopReply::refused(batch.request(position), error);
            batch.respond(position, reply, module);
        }
    }
}

/// Encodes a batch that modules edited into its operation, or creates the response if no ROP is left to forward.
fn encode_edited(operation: &mut Operation, batch: &mut RopBatch) -> Result<BatchOutcome, Refusal> {
    let bad = |error: wire::Error| {
        Refusal::new(RefusalKind::Failed, format!("cannot encode the ROPs that modules changed: {error}"))
    };
    if batch.has_nothing_to_forward() {
        // The responses of modules are added when the response is processed, as for a batch that was forwarded.
        let buffers = [BatchResponses::empty_buffer(batch).map_err(bad)?];
        let key = operation.key();
        let request = operation.request.view().map_err(bad)?;
        if let Some(response) = payload::local_response(request, &buffers) {
            operation.response = Some(Message::from_body(key, response.map_err(bad)?));
            return Ok(BatchOutcome::RespondedLocally);
        }
    }
    let buffers = batch.outgoing().map_err(bad)?;
    let change = (batch.reserved(), batch.added());
    let request = operation.request.change().map_err(bad)?;
    payload::set_request(request, &buffers, change).map_err(bad)?;
    Ok(BatchOutcome::Continue)
}

/// Decodes the ROPs of a response, and passes each to the modules that process single ROPs, from last to first.
pub(crate) fn response(
    modules: &[Box<dyn Module>],
    operation: &mut Operation,
    session: &mut Session,
) -> Result<(), Refusal> {
    let (interface, at) = (operation.interface(), operation.at());
    if !payload::carries_rops(operation.key()) {
        return Ok(());
    }
    let Some(message) = &mut operation.response else { return Ok(()) };
    let Some(buffers) = message.view().ok().and_then(payload::response_buffers) else { return Ok(()) };
    let Some(mut exchange) = operation.rops.take() else { return Ok(()) };
    let bad = |error: wire::Error| {
        Refusal::new(RefusalKind::Failed, format!("cannot read or encode the responses to the ROPs: {error}"))
    };
    let buffers = match buffers {
        Ok(buffers) => buffers,
        // A response without a valid ROP buffer is forwarded unchanged, unless modules edited the request.
        Err(error) if exchange.batch.edited => return Err(bad(error)),
        Err(error) => {
            operation.undecoded = [None, Some(error)];
            operation.rops = Some(exchange);
            return Ok(());
        }
    };
    let mut objects = session.take_objects();
    let mut pass = ReplyPass {
        modules,
        interface,
        session,
        objects: BatchObjects::new(&mut objects, exchange.batch.handles()),
        at,
        notes: Vec::new(),
    };
    let responses = read_responses(buffers, &mut exchange.batch, &mut pass);
    let notes = std::mem::take(&mut pass.notes);
    drop(pass);
    session.put_objects(objects);
    match responses {
        Ok(responses) => {
            operation.rop_work.add(responses.work);
            responses.work.check_response()?;
            if exchange.batch.edited || responses.changed {
                let outgoing = responses.outgoing(&exchange.batch).map_err(bad)?;
                let response = message.change().map_err(bad)?;
                payload::set_response(response, &outgoing).map_err(bad)?;
                let too_much = exchange.batch.room.is_some_and(|room| payload::size(response) > room);
                if too_much && responses.stopped().is_none() {
                    let why = "modules made the responses to the ROPs longer than the client accepts";
                    return Err(Refusal::new(RefusalKind::Failed, why));
                }
            }
            exchange.responses = Some(responses);
        }
        Err(error) if exchange.batch.edited => return Err(bad(error)),
        Err(error) => operation.undecoded = [None, Some(error)],
    }
    operation.rops = Some(exchange);
    for (module, note) in notes {
        operation.note(module, note);
    }
    Ok(())
}
