//! Begins the operations of RPC calls, whose sessions are found by context handles, and ends these sessions.

use std::sync::Arc;

use crate::advance;
use crate::body::OperationKey;
use crate::context_handle::{HandleUse, handle_use};
use crate::engine::Engine;
use crate::flight::{Binding, Flight};
use crate::next::Next;
use crate::operation::Incoming;
use crate::refusal::{Refusal, RefusalKind};
use crate::session::SharedSession;
use crate::sessions::handle_binding::{
    HandleBinding, NamedHandle, handle_limit_refusal, read_handle, rpc_call,
};
use crate::sessions::handles::{HandleEntry, HandlePlace, HandleTable};
use crate::sessions::links;
use crate::sessions::rpc_sessions::RpcSessions;

impl Engine {
    /// Begins the operation of an RPC call, and passes its request to the modules.
    ///
    /// # Errors
    /// If the operation or its parameters are unknown, if the request is too short for its context handle or is a
    /// Connect that cannot be decoded, if the handle identifies no session of the caller, or if the user has too many
    /// open context handles.
    pub fn begin(&self, sessions: &mut RpcSessions, incoming: Incoming) -> Result<Next, Refusal> {
        let place = reserve(sessions.group(), incoming.key)?;
        let (session, named) = self.session_of(sessions, &incoming)?;
        let binding = HandleBinding::new(Arc::clone(sessions.group()), named, place);
        let mut flight = Box::new(Flight::new(self, incoming, session, Binding::Handle(binding)));
        links::remove_foreign_link(self.store_sessions(), sessions.group(), &mut flight.operation)?;
        Ok(advance::begin(flight))
    }

    /// Ends the sessions of a connection that closed: those without a context handle and, if the connection was the
    /// last one of its association group, those of the group.
    pub fn end(&self, sessions: &mut RpcSessions, is_last: bool) {
        for session in sessions.handleless.drain().flat_map(|(_, sessions)| sessions) {
            self.end_session(&session);
        }
        if is_last {
            self.end_group(sessions.group());
        }
    }

    /// Ends the sessions of an association group whose last connection closed. `group` has its handles.
    pub fn end_group(&self, group: &HandleTable) {
        for session in group.drain() {
            self.end_session(&session);
        }
    }

    /// Ends the sessions of an association group whose context handles the upstream has closed with its association
    /// group `upstream_group` ([`AwaitsUpstream::received_in`](crate::AwaitsUpstream::received_in)). `group` has the
    /// handles of the clients' group.
    pub fn end_lost(&self, group: &HandleTable, upstream_group: u64) {
        for session in group.remove_upstream_group(upstream_group) {
            self.end_session(&session);
            group.remove_derived(&session);
        }
    }

    /// Ends the sessions without a context handle whose security context was revoked.
    pub fn end_revoked(&self, sessions: &mut RpcSessions) {
        for sessions in sessions.handleless.values_mut() {
            for session in sessions.extract_if(.., |session| session.is_revoked()) {
                self.end_session(&session);
            }
        }
    }

    /// Ends the sessions of an association group whose security context was revoked. Their handles in `group` are
    /// orphaned ([`HandleTable::take_orphaned`]).
    pub fn end_revoked_of_group(&self, group: &HandleTable) {
        for session in group.sessions().iter().filter(|session| session.is_revoked()) {
            self.end_session(session);
            group.orphan_session(session);
        }
    }

    /// The session of a call, and the context handle in its request.
    fn session_of(
        &self,
        sessions: &mut RpcSessions,
        incoming: &Incoming,
    ) -> Result<(SharedSession, Option<NamedHandle>), Refusal> {
        let OperationKey::Call(interface, opnum) = incoming.key else {
            return Err(Refusal::new(
                RefusalKind::UnknownOperation,
                "the request is a request of MAPI over HTTP, not an RPC call",
            ));
        };
        if interface.operation(opnum).is_none() {
            return Err(Refusal::new(
                RefusalKind::UnknownOperation,
                format!("the interface {} does not have operation {opnum}", interface.name()),
            ));
        }
        match handle_use(interface, opnum) {
            HandleUse::Unknown => Err(Refusal::new(
                RefusalKind::UnknownOperation,
                format!(
                    "the parameters of operation {opnum} of the interface {} are not known",
                    interface.name()
                ),
            )),
            HandleUse::None => Ok((self.handleless_session(sessions, incoming), None)),
            HandleUse::Opens => Ok((self.new_session(incoming), None)),
            _ => {
                let mismatch = |why| Refusal::new(RefusalKind::NoSession, why);
                let local = read_handle(incoming).ok_or_else(|| {
                    Refusal::new(RefusalKind::BadRequest, "the request is too short for a context handle")
                })?;
                let bound = sessions.group().get(local);
                let bound = bound
                    .ok_or_else(|| mismatch("the association group does not have this context handle"))?;
                if bound.interface != interface {
                    return Err(mismatch("the context handle belongs to another interface"));
                }
                if !bound.session.is_of(incoming.context.identity()) {
                    return Err(mismatch("the context handle belongs to another identity"));
                }
                // A new account with the same name must not continue the session.
                if bound.session.is_revoked() {
                    self.end_session(&bound.session);
                    sessions.group().orphan_session(&bound.session);
                    return Err(mismatch("the account with which the context handle was opened was revoked"));
                }
                let HandleEntry { upstream, upstream_group, session, .. } = bound;
                Ok((session, Some(NamedHandle { local, upstream, upstream_group })))
            }
        }
    }

    /// The session of the caller's calls without context handles on the interface; begins one if necessary.
    fn handleless_session(&self, sessions: &mut RpcSessions, incoming: &Incoming) -> SharedSession {
        let sessions = sessions.handleless.entry(incoming.key.interface()).or_default();
        for revoked in sessions.extract_if(.., |session| session.is_revoked()) {
            self.end_session(&revoked);
        }
        sessions.retain(|session| !session.is_closed());
        let own = |session: &&SharedSession| session.is_of(incoming.context.identity());
        if let Some(session) = sessions.iter().find(own) {
            return session.clone();
        }
        let session = self.new_session(incoming);
        sessions.push(session.clone());
        session
    }
}

/// Reserves a place for the handle that the operation opens, if it does, so that the server opens no more than the user
/// may have.
fn reserve(group: &HandleTable, key: OperationKey) -> Result<Option<Arc<HandlePlace>>, Refusal> {
    let (interface, opnum) = rpc_call(key);
    if !matches!(handle_use(interface, opnum), HandleUse::Opens | HandleUse::Derives) {
        return Ok(None);
    }
    group.reserve().map(Some).ok_or_else(handle_limit_refusal)
}
