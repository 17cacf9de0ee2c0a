//! The session binding of RPC calls, by context handles. The proxy issues its own handles to clients: it replaces
//! them by the upstream's in requests, and the upstream's by its own in responses.

use std::sync::Arc;

use bytes::Bytes;
use identity::{Random, SecurityContext};
use mapi::Interface;
use mapi::ndr::ContextHandle;
use rpc::pdu::FaultStatus;
use wire::{Endian, Guid};

use crate::ahead::AheadRequest;
use crate::body::{OperationKey, Request, Response};
use crate::context_handle::{self, HandleUse, handle_use};
use crate::engine::Engine;
use crate::message::Body as _;
use crate::operation::{Incoming, Operation};
use crate::refusal::{Refusal, RefusalKind};
use crate::session::SharedSession;
use crate::sessions::binding::{SessionBinding, cannot_encode_ahead};
use crate::sessions::handles::{HandleEntry, HandlePlace, HandleTable, IssueOrder, IssuedHandle};
use crate::sessions::links;
use crate::sessions::reissued::Reissued;

/// The context handles of an association group, and the one in an operation's request.
#[derive(Debug)]
pub(crate) struct HandleBinding {
    pub(crate) group: Arc<HandleTable>,
    /// The handle in the request, if it has one.
    pub(crate) named: Option<NamedHandle>,
    /// The place in the budget of the user for the handle that the operation opens, if it does.
    pub(crate) place: Option<Arc<HandlePlace>>,
    /// The number of the upstream's association group in which the upstream responded.
    pub(crate) upstream_group: u64,
}

/// The context handle in a request: `local` is the proxy's, which the client sent, and `upstream` the upstream's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NamedHandle {
    pub(crate) local: Guid,
    pub(crate) upstream: ContextHandle,
    /// The number of the upstream's association group in which the upstream opened it.
    pub(crate) upstream_group: u64,
}

impl HandleBinding {
    pub(crate) const fn new(
        group: Arc<HandleTable>,
        named: Option<NamedHandle>,
        place: Option<Arc<HandlePlace>>,
    ) -> Self {
        Self { group, named, place, upstream_group: 0 }
    }

    /// Adds `bound` to the table under a new random handle, and returns that.
    pub(crate) fn bind(&self, random: &mut dyn Random, bound: HandleEntry) -> Result<Guid, Refusal> {
        let mut bytes = [0; 16];
        if let Err(error) = random.fill(&mut bytes) {
            self.group.orphan(bound);
            return Err(Refusal::new(RefusalKind::Failed, error.to_string()));
        }
        let local = Guid::from_le(bytes);
        self.group.insert(local, bound);
        Ok(local)
    }

    /// Records that the upstream issued `handle`, of `interface`, to `session`. A session of the mailbox store that had
    /// it before ends, or loses it if it is a derived handle. Returns the record.
    ///
    /// # Errors
    /// If the upstream may have issued the handle to that session later, so that `session` must not use it.
    fn issued(
        &self,
        engine: &Engine,
        session: &SharedSession,
        (interface, handle): (Interface, Guid),
        order: IssueOrder,
    ) -> Result<Arc<IssuedHandle>, Refusal> {
        let (issued, earlier) =
            engine.store_sessions().issue_handle((interface, handle), session, &self.group, order);
        let is_order_known = interface == Interface::Nspi || issued.is_newest();
        if let Some(earlier) = earlier {
            let lost =
                if is_order_known { Reissued::ContextHandle } else { Reissued::ContextHandleInUnknownOrder };
            engine.end_reissued(&earlier, lost);
        }
        if is_order_known {
            return Ok(issued);
        }
        // A derived handle is not the session's only one.
        if interface == Interface::Emsmdb {
            engine.report_reissued(session, Reissued::ContextHandleInUnknownOrder);
        }
        let why = "the upstream issued the context handle to another session, too, and it is not known to which last: \
                   neither may use it";
        Err(Refusal::new(RefusalKind::Failed, why))
    }

    /// Records the handle that the upstream opened for `session` or derived from it, by its response `stub` to the call
    /// `key`, the operation with the number `begun`. The response may be incomplete. `None` if there is no handle in
    /// it.
    ///
    /// # Errors
    /// If `session` must not use the handle.
    pub(crate) fn opened(
        &self,
        engine: &Engine,
        (key, begun): (OperationKey, u64),
        session: &SharedSession,
        (stub, endian): (Bytes, Endian),
    ) -> Result<Option<HandleEntry>, Refusal> {
        let Some(place) = self.place.clone() else { return Ok(None) };
        let (interface, opnum) = rpc_call(key);
        let upstream = context_handle::read_response(interface, opnum, &stub, endian);
        let Some(upstream) = upstream.filter(|upstream| !upstream.is_null()) else { return Ok(None) };
        let order = IssueOrder { begun, received: engine.next_id() };
        let is_derived = handle_use(interface, opnum) == HandleUse::Derives;
        let interface = if is_derived { Interface::AsyncEmsmdb } else { interface };
        let issued = self.issued(engine, session, (interface, upstream.uuid), order);
        let index = little_endian(key, stub, endian).ok().and_then(|stub| links::session_index(key, &stub));
        if let Some(index) = index {
            engine.store_sessions().issue_index(index, session, &self.group, order);
        }
        let (session, upstream_group, issued) = (session.clone(), self.upstream_group, issued?);
        Ok(Some(HandleEntry { upstream, interface, session, upstream_group, issued, _place: place }))
    }

    /// Replaces the upstream's handle in a little-endian response by the proxy's, and updates the handle table.
    fn replace_handle(
        &self,
        engine: &Engine,
        operation: &Operation,
        session: &SharedSession,
        stub: Bytes,
        random: &mut dyn Random,
    ) -> Result<Bytes, Refusal> {
        let (interface, opnum) = rpc_call(operation.key());
        let kind = handle_use(interface, opnum);
        let upstream = context_handle::read_response(interface, opnum, &stub, Endian::Little);
        let upstream = upstream.ok_or_else(|| {
            Refusal::new(RefusalKind::Failed, "the upstream's response is too short for a context handle")
        })?;
        if upstream.is_null() {
            if matches!(kind, HandleUse::Passes | HandleUse::Closes) {
                self.group.remove_session(session);
            }
            return Ok(stub);
        }
        let local = match (kind, self.named) {
            (HandleUse::Passes | HandleUse::Closes, Some(named)) if named.upstream.uuid == upstream.uuid => {
                named.local
            }
            (HandleUse::Passes | HandleUse::Closes, _) => {
                return Err(Refusal::new(
                    RefusalKind::Failed,
                    "the upstream's response has the context handle of another session",
                ));
            }
            _ => {
                let response = (stub.clone(), Endian::Little);
                let call = (operation.key(), operation.id());
                let entry = self.opened(engine, call, session, response)?;
                self.bind(random, entry.ok_or_else(handle_limit_refusal)?)?
            }
        };
        let mut stub = Vec::from(stub);
        let local = ContextHandle { uuid: local, ..upstream };
        context_handle::write_response(interface, opnum, &mut stub, local);
        Ok(Bytes::from(stub))
    }
}

impl SessionBinding for HandleBinding {
    fn upstream_request(&self, operation: &mut Operation) -> Result<Bytes, Refusal> {
        let bad = |error: wire::Error| Refusal::new(RefusalKind::BadRequest, error.to_string());
        let request = &mut operation.request;
        if request.original_endian() == Endian::Big {
            request.change().map_err(bad)?;
        }
        // The original is kept unchanged: the handle is replaced in the only copy that is made of it.
        let stub = match self.named {
            Some(_) if !request.is_changed() => request.original().to_vec().into(),
            _ => request.outgoing().map_err(bad)?.0,
        };
        Ok(with_handle(stub, self.named))
    }

    fn check_request(
        &self,
        engine: &Engine,
        context: &SecurityContext,
        (key, stub): (OperationKey, &[u8]),
    ) -> Result<(), Refusal> {
        // Handles may end while their session goes on. The proxy's handles are never used again.
        if self.named.is_some_and(|named| self.group.get(named.local).is_none()) {
            let why = "the context handle ended before the call was sent to the server";
            return Err(Refusal::new(RefusalKind::NoSession, why));
        }
        let client = (context.identity(), &self.group);
        links::check_link(engine.store_sessions(), client, key, stub)
    }

    fn ahead_request(
        &self,
        operation: &Operation,
        request: &AheadRequest,
    ) -> Result<(OperationKey, Bytes), Refusal> {
        let Some(named) = self.named else {
            return Err(Refusal::new(
                RefusalKind::Failed,
                "a module sent a request ahead of a call without a context handle",
            ));
        };
        let encoded = request
            .to_call(operation.opnum())
            .and_then(|body| Ok((body.key(), body.encode()?)))
            .map_err(|error| cannot_encode_ahead(&error));
        encoded.map(|(key, stub)| (key, with_handle(Bytes::from(stub), Some(named))))
    }

    /// The handle in the response must be the request's, or null. With null the session ends.
    fn check_local_response(&self, operation: &Operation, session: &SharedSession) -> Result<(), Refusal> {
        let (interface, opnum) = rpc_call(operation.key());
        let kind = handle_use(interface, opnum);
        let Some(response) = operation.response.as_ref() else { return Ok(()) };
        if matches!(kind, HandleUse::None | HandleUse::Reads) {
            return Ok(());
        }
        let refusal = |error: wire::Error| {
            Refusal::new(RefusalKind::Failed, format!("cannot encode the response of a module: {error}"))
        };
        let (stub, _) = response.outgoing().map_err(refusal)?;
        let handle = context_handle::read_response(interface, opnum, &stub, Endian::Little);
        let handle = handle.unwrap_or_default().uuid;
        match kind {
            // The server has not received the request.
            HandleUse::Passes | HandleUse::Closes if handle.is_nil() => {
                self.group.orphan_session(session);
                Ok(())
            }
            HandleUse::Passes | HandleUse::Closes
                if self.named.is_some_and(|named| named.local == handle) =>
            {
                Ok(())
            }
            HandleUse::Opens | HandleUse::Derives if handle.is_nil() => Ok(()),
            _ => Err(Refusal::new(
                RefusalKind::Failed,
                "the response of a module has a context handle that is not the session's",
            )),
        }
    }

    fn upstream_response(
        &self,
        engine: &Engine,
        operation: &Operation,
        session: &SharedSession,
        (stub, endian): (Bytes, Endian),
        random: &mut dyn Random,
    ) -> Result<(Bytes, Endian), Refusal> {
        let key = operation.key();
        let (interface, opnum) = rpc_call(key);
        if matches!(handle_use(interface, opnum), HandleUse::None | HandleUse::Reads) {
            return Ok((stub, endian));
        }
        let decoded = match little_endian(key, stub.clone(), endian) {
            Ok(decoded) => decoded,
            Err(refusal) => {
                if let Some(entry) = self.opened(engine, (key, operation.id()), session, (stub, endian))? {
                    self.group.orphan(entry);
                }
                return Err(refusal);
            }
        };
        let replaced = self.replace_handle(engine, operation, session, decoded, random)?;
        Ok((replaced, Endian::Little))
    }
}

/// The call failed, and may have been executed (`RPC_S_CALL_FAILED`, [MS-ERREF] 2.2).
pub const CALL_FAILED: FaultStatus = FaultStatus(0x0000_06be);

/// A time limit was exceeded (`ERROR_TIMEOUT`, [MS-ERREF] 2.2).
pub const TIMED_OUT: FaultStatus = FaultStatus(0x0000_05b4);

/// The fault status of a refusal, for an RPC client ([MS-RPCE] 3.1.1.5.5, C706 N.2, [MS-ERREF] 2.2).
pub const fn fault_status(kind: RefusalKind) -> FaultStatus {
    match kind {
        RefusalKind::UnknownOperation => FaultStatus::NCA_S_OP_RNG_ERROR,
        RefusalKind::BadRequest | RefusalKind::TooLarge => FaultStatus::RPC_X_BAD_STUB_DATA,
        RefusalKind::NoSession | RefusalKind::SessionBroken => FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH,
        // `ERROR_INVALID_PARAMETER`
        RefusalKind::BadCookies => FaultStatus(0x0000_0057),
        // `RPC_S_CALL_IN_PROGRESS`
        RefusalKind::OutOfSequence => FaultStatus(0x0000_06ff),
        RefusalKind::AccessDenied => FaultStatus::ACCESS_DENIED,
        RefusalKind::TooBusy => FaultStatus::RPC_S_SERVER_TOO_BUSY,
        RefusalKind::TimedOut => TIMED_OUT,
        RefusalKind::Unavailable => FaultStatus::RPC_S_SERVER_UNAVAILABLE,
        RefusalKind::NotExecuted => FaultStatus::RPC_S_CALL_FAILED_DNE,
        RefusalKind::Failed => CALL_FAILED,
    }
}

/// The interface and operation number of an RPC call. A request over HTTP has no context handle, so its number here
/// is 65535, which is no call's.
pub(crate) const fn rpc_call(key: OperationKey) -> (Interface, u16) {
    match key {
        OperationKey::Call(interface, opnum) => (interface, opnum),
        OperationKey::Http(endpoint, _) => (endpoint.interface(), u16::MAX),
    }
}

/// Converts a response to little-endian, the only byte order in which the proxy replaces handles and responds.
pub(crate) fn little_endian(key: OperationKey, stub: Bytes, endian: Endian) -> Result<Bytes, Refusal> {
    match endian {
        Endian::Little => Ok(stub),
        Endian::Big => Response::decode(key, &stub, endian)
            .and_then(|(response, _)| response.encode())
            .map(Bytes::from)
            .map_err(|error| {
                Refusal::new(RefusalKind::Failed, format!("cannot decode the upstream's response: {error}"))
            }),
    }
}

/// The refusal of a call that would open more context handles than the user may have.
pub(crate) fn handle_limit_refusal() -> Refusal {
    let why = "limit clients.sessions_per_user is reached (context handles of the user)";
    Refusal::new(RefusalKind::TooBusy, why)
}

/// The UUID of the context handle in a request, if the request is long enough.
pub(crate) fn read_handle(incoming: &Incoming) -> Option<Guid> {
    let handle = match incoming.endian {
        Endian::Little => context_handle::read_request(&incoming.stub),
        Endian::Big => {
            let request = Request::decode(incoming.key, &incoming.stub, incoming.endian);
            context_handle::read_request(&request.ok()?.0.encode().ok()?)
        }
    };
    handle.map(|handle| handle.uuid)
}

fn with_handle(stub: Bytes, named: Option<NamedHandle>) -> Bytes {
    let Some(named) = named else { return stub };
    let mut stub = Vec::from(stub);
    context_handle::write_request(&mut stub, named.upstream);
    Bytes::from(stub)
}
