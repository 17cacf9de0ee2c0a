//! Stubs as they leave: the upstream's context handle in place of ours, and ours in place of the upstream's.

use bytes::Bytes;
use identity::Random;
use mapi::Interface;
use rpc::pdu::FaultStatus;
use wire::{Endian, Guid};

use crate::body::{OperationKey, Request, Response};
use crate::context_handle::{self, HandleUse, handle_use};
use crate::flight::{Flight, called};
use crate::message::Body as _;
use crate::operation::Incoming;
use crate::refusal::{CALL_FAILED, Refusal};
use crate::sessions::conversation::Conversation;
use crate::sessions::handles::{Bound, HandleTable};
use crate::sessions::links;

/// Puts our handle where the upstream's stands in the little-endian `stub`, and remembers or forgets it.
pub(crate) fn exchange_handle(
    conversation: &Conversation,
    flight: &Flight,
    stub: Bytes,
    random: &mut dyn Random,
) -> Result<Bytes, Refusal> {
    let (interface, opnum) = called(flight.operation.key());
    let kind = handle_use(interface, opnum);
    if matches!(kind, HandleUse::None | HandleUse::Reads) {
        return Ok(stub);
    }
    let upstream = context_handle::read_response(interface, opnum, &stub).ok_or_else(|| {
        Refusal::new(CALL_FAILED, "the upstream's answer is too short for its context handle")
    })?;
    let group = conversation.group();
    if upstream.is_nil() {
        if matches!(kind, HandleUse::Passes | HandleUse::Closes) {
            group.remove_session(flight.session());
        }
        return Ok(stub);
    }
    let ours = match (kind, flight.ours) {
        (HandleUse::Passes | HandleUse::Closes, Some(ours)) if flight.handle == Some(upstream) => ours,
        (HandleUse::Passes | HandleUse::Closes, _) => {
            return Err(Refusal::new(
                CALL_FAILED,
                "the upstream answered with another session's context handle",
            ));
        }
        _ => {
            let interface = if kind == HandleUse::Derives { Interface::AsyncEmsmdb } else { interface };
            let index = links::session_index(flight.operation.key(), &stub);
            bind(group, random, Bound { upstream, interface, session: flight.session().clone(), index })?
        }
    };
    let mut stub = Vec::from(stub);
    context_handle::write_response(interface, opnum, &mut stub, ours);
    Ok(Bytes::from(stub))
}

/// Looks at the handle in an answer that a module made: it is the request's, or none, and then the session
/// ends.
pub(crate) fn take_answered_handle(conversation: &Conversation, flight: &Flight) -> Result<(), Refusal> {
    let (interface, opnum) = called(flight.operation.key());
    let kind = handle_use(interface, opnum);
    let Some(response) = flight.operation.response.as_ref() else { return Ok(()) };
    if matches!(kind, HandleUse::None | HandleUse::Reads) {
        return Ok(());
    }
    let refusal = |error: wire::Error| {
        Refusal::new(CALL_FAILED, format!("a module's response can't be encoded: {error}"))
    };
    let (stub, _) = response.leaving().map_err(refusal)?;
    let handle = context_handle::read_response(interface, opnum, &stub).unwrap_or_default();
    match kind {
        HandleUse::Passes | HandleUse::Closes if handle.is_nil() => {
            conversation.group().remove_session(flight.session());
            Ok(())
        }
        HandleUse::Passes | HandleUse::Closes if flight.ours == Some(handle) => Ok(()),
        HandleUse::Opens | HandleUse::Derives if handle.is_nil() => Ok(()),
        _ => Err(Refusal::new(
            CALL_FAILED,
            "a module answered with a context handle that does not stand for a session of the upstream's",
        )),
    }
}

/// Forgets the handle that an operation opened and whose client will not see it.
pub(crate) fn forget_unseen(conversation: &Conversation, flight: &Flight) {
    let (interface, opnum) = called(flight.operation.key());
    if handle_use(interface, opnum) == HandleUse::Opens {
        conversation.group().remove_session(flight.session());
    }
}

/// A response's stub in little-endian, the only byte order in which we answer and exchange handles.
pub(crate) fn little_endian(key: OperationKey, stub: Bytes, endian: Endian) -> Result<Bytes, Refusal> {
    match endian {
        Endian::Little => Ok(stub),
        Endian::Big => Response::decode(key, &stub, endian)
            .and_then(|(response, _)| response.encode())
            .map(Bytes::from)
            .map_err(|error| Refusal::new(CALL_FAILED, format!("the upstream's answer: {error}"))),
    }
}

/// The identity has as many context handles as it may.
pub(crate) fn too_many_handles() -> Refusal {
    let why = "the user has as many context handles as clients.sessions_per_user allows";
    Refusal::new(FaultStatus::RPC_S_SERVER_TOO_BUSY, why)
}

/// Enters `bound` under a new handle of ours.
fn bind(group: &HandleTable, random: &mut dyn Random, bound: Bound) -> Result<Guid, Refusal> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes).map_err(|error| Refusal::new(CALL_FAILED, error.to_string()))?;
    let ours = Guid::from_le(bytes);
    if group.insert(ours, bound) { Ok(ours) } else { Err(too_many_handles()) }
}

pub(crate) fn read_handle(incoming: &Incoming) -> Option<Guid> {
    match incoming.endian {
        Endian::Little => context_handle::read_request(&incoming.stub),
        Endian::Big => {
            let request = Request::decode(incoming.key, &incoming.stub, incoming.endian);
            context_handle::read_request(&request.ok()?.0.encode().ok()?)
        }
    }
}

/// The request as it leaves: little-endian, with the upstream's handle in place of ours.
pub(crate) fn leaving_request(flight: &mut Flight) -> Result<Bytes, Refusal> {
    let bad = |error: wire::Error| Refusal::new(FaultStatus::RPC_X_BAD_STUB_DATA, error.to_string());
    if flight.operation.request.original_endian() == Endian::Big {
        flight.operation.request.change().map_err(bad)?;
    }
    let (stub, _) = flight.operation.request.leaving().map_err(bad)?;
    Ok(with_handle(stub, flight.handle))
}

/// A request that a module wants to send ahead, on the session's own handle.
pub(crate) fn ahead_stub(flight: &Flight, request: &Request) -> Result<Bytes, Refusal> {
    let stub = request.encode().map_err(|error| {
        Refusal::new(CALL_FAILED, format!("a module's request can't be encoded: {error}"))
    })?;
    let (interface, opnum) = called(request.key());
    match (handle_use(interface, opnum), flight.handle) {
        (HandleUse::None, _) => Ok(Bytes::from(stub)),
        (_, Some(handle)) => Ok(with_handle(Bytes::from(stub), Some(handle))),
        (_, None) => {
            Err(Refusal::new(CALL_FAILED, "a module asks ahead on a context handle that there is not yet"))
        }
    }
}

fn with_handle(stub: Bytes, handle: Option<Guid>) -> Bytes {
    let Some(handle) = handle else { return stub };
    let mut stub = Vec::from(stub);
    context_handle::write_request(&mut stub, handle);
    Bytes::from(stub)
}
