//! How RPC calls become operations: sessions are found by context handles. Also how these sessions end.

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
use crate::sessions::handle_binding::{HandleBinding, NamedHandle, handle_limit_refusal, read_handle};
use crate::sessions::handles::HandleTable;
use crate::sessions::links;
use crate::sessions::rpc_sessions::RpcSessions;

impl Engine {
    /// Begins the operation of an RPC call, and brings its request through the modules.
    ///
    /// # Errors
    /// If the operation is unknown, if the call names no session of its caller, or if a limit of sessions is reached.
    pub fn begin(&self, sessions: &mut RpcSessions, incoming: Incoming) -> Result<Next, Refusal> {
        let (session, named) = self.session_of(sessions, &incoming)?;
        let binding = HandleBinding::new(Arc::clone(sessions.group()), named);
        let mut flight = Box::new(Flight::new(self, incoming, session, Binding::Handle(binding)));
        links::remove_foreign_link(sessions.group(), &mut flight.operation)?;
        Ok(advance::begin(flight))
    }

    /// Ends what `sessions` holds: its own sessions, and those of its group where `last` says that it was
    /// the group's last connection.
    pub fn end(&self, sessions: &mut RpcSessions, last: bool) {
        for session in sessions.handleless.drain().flat_map(|(_, sessions)| sessions) {
            self.end_session(&session);
        }
        if last {
            self.end_group(sessions.group());
        }
    }

    /// Ends the sessions of an association group, whose handles are in `group`: its last connection has ended.
    pub fn end_group(&self, group: &HandleTable) {
        for session in group.drain() {
            self.end_session(&session);
        }
    }

    /// Ends those sessions of `sessions` itself, without its group, whose security context was revoked.
    pub fn end_revoked(&self, sessions: &mut RpcSessions) {
        for sessions in sessions.handleless.values_mut() {
            for session in sessions.extract_if(.., |session| session.is_revoked()) {
                self.end_session(&session);
            }
        }
    }

    /// Ends those sessions of an association group, whose handles are in `group`, whose security context was revoked:
    /// their handles are not known any more.
    pub fn end_revoked_of_group(&self, group: &HandleTable) {
        for session in group.sessions().iter().filter(|session| session.is_revoked()) {
            group.remove_session(session);
            self.end_session(session);
        }
    }

    /// The session that `incoming` belongs to; with the handle that it names, the proxy's and the upstream's.
    fn session_of(
        &self,
        sessions: &mut RpcSessions,
        incoming: &Incoming,
    ) -> Result<(SharedSession, Option<NamedHandle>), Refusal> {
        let OperationKey::Call(interface, opnum) = incoming.key else {
            return Err(Refusal::new(
                RefusalKind::UnknownOperation,
                "the request is one of MAPI over HTTP, not an RPC call",
            ));
        };
        if interface.operation(opnum).is_none() {
            return Err(Refusal::new(
                RefusalKind::UnknownOperation,
                format!("the interface {} does not have operation {opnum}", interface.name()),
            ));
        }
        match handle_use(interface, opnum) {
            HandleUse::Opens | HandleUse::Derives if sessions.group().is_full() => {
                Err(handle_limit_refusal())
            }
            HandleUse::None => Ok((self.handleless_session(sessions, incoming), None)),
            HandleUse::Opens => Ok((self.new_session(incoming), None)),
            _ => {
                let mismatch = |why| Refusal::new(RefusalKind::NoSession, why);
                let local = read_handle(incoming).ok_or_else(|| {
                    Refusal::new(RefusalKind::BadRequest, "the request is too short to have a context handle")
                })?;
                let bound = sessions.group().get(local);
                let bound = bound
                    .ok_or_else(|| mismatch("the association group does not have this context handle"))?;
                if bound.interface != interface {
                    return Err(mismatch("the context handle belongs to another interface"));
                }
                if bound.session.lock().context().identity() != incoming.context.identity() {
                    return Err(mismatch("the context handle belongs to another identity"));
                }
                // A new account of the same name does not continue the session.
                if bound.session.is_revoked() {
                    sessions.group().remove_session(&bound.session);
                    self.end_session(&bound.session);
                    return Err(mismatch("the account with which the context handle was opened was revoked"));
                }
                Ok((bound.session, Some(NamedHandle { local, upstream: bound.upstream })))
            }
        }
    }

    fn handleless_session(&self, sessions: &mut RpcSessions, incoming: &Incoming) -> SharedSession {
        let sessions = sessions.handleless.entry(incoming.key.interface()).or_default();
        for revoked in sessions.extract_if(.., |session| session.is_revoked()) {
            self.end_session(&revoked);
        }
        sessions.retain(|session| !session.lock().is_ended());
        let own =
            |session: &&SharedSession| session.lock().context().identity() == incoming.context.identity();
        if let Some(session) = sessions.iter().find(own) {
            return session.clone();
        }
        let session = self.new_session(incoming);
        sessions.push(session.clone());
        session
    }
}
