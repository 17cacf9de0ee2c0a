//! The way in for remote calls, whose sessions are found by context handle, and the end of their sessions.

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
use crate::sessions::conversation::RpcSessions;
use crate::sessions::handle_binding::{HandleBinding, NamedHandle, read_handle, too_many_handles};
use crate::sessions::links;

impl Engine {
    /// Takes in a remote call, and brings its request through the modules.
    ///
    /// # Errors
    /// When there is no such operation, or no session of the caller's that it could belong to: then it never becomes
    /// an operation, and the caller gets the refusal.
    pub fn begin(&self, conversation: &mut RpcSessions, incoming: Incoming) -> Result<Next, Refusal> {
        let (session, named) = self.session_of(conversation, &incoming)?;
        let binding = HandleBinding::new(Arc::clone(conversation.group()), named);
        let mut flight = Box::new(Flight::new(self, incoming, session, Binding::Handle(binding)));
        links::unlink_others(conversation.group(), &mut flight.operation)?;
        Ok(advance::begin(flight))
    }

    /// Ends what `conversation` holds: its own sessions, and those of its group where `last` says that it was
    /// the group's last connection.
    pub fn end(&self, conversation: &mut RpcSessions, last: bool) {
        for session in conversation.plain.drain().flat_map(|(_, sessions)| sessions) {
            self.end_session(&session);
        }
        if last {
            for session in conversation.group().drain() {
                self.end_session(&session);
            }
        }
    }

    /// Ends those sessions of `conversation` and of its group whose security context was revoked: their handles
    /// are not known any more.
    pub fn end_revoked(&self, conversation: &mut RpcSessions) {
        for sessions in conversation.plain.values_mut() {
            for session in sessions.extract_if(.., |session| session.is_revoked()) {
                self.end_session(&session);
            }
        }
        for session in conversation.group().sessions().iter().filter(|session| session.is_revoked()) {
            conversation.group().remove_session(session);
            self.end_session(session);
        }
    }

    /// The session that `incoming` belongs to; with the handle that it names, ours and the upstream's.
    fn session_of(
        &self,
        conversation: &mut RpcSessions,
        incoming: &Incoming,
    ) -> Result<(SharedSession, Option<NamedHandle>), Refusal> {
        let OperationKey::Call(interface, opnum) = incoming.key else {
            return Err(Refusal::new(RefusalKind::UnknownOperation, "no remote call"));
        };
        if interface.operation(opnum).is_none() {
            return Err(Refusal::new(RefusalKind::UnknownOperation, "the interface has no such operation"));
        }
        match handle_use(interface, opnum) {
            HandleUse::Opens | HandleUse::Derives if conversation.group().is_full() => {
                Err(too_many_handles())
            }
            HandleUse::None => Ok((self.plain_session(conversation, incoming), None)),
            HandleUse::Opens => Ok((self.new_session(incoming), None)),
            _ => {
                let mismatch = |why| Refusal::new(RefusalKind::NoSession, why);
                let ours = read_handle(incoming).ok_or_else(|| {
                    Refusal::new(RefusalKind::BadRequest, "the request is too short for its context handle")
                })?;
                let bound = conversation.group().get(ours);
                let bound =
                    bound.ok_or_else(|| mismatch("no such context handle on this association group"))?;
                if bound.interface != interface {
                    return Err(mismatch("the context handle belongs to another interface"));
                }
                if bound.session.lock().context().identity() != incoming.context.identity() {
                    return Err(mismatch("the context handle belongs to another identity"));
                }
                // Who signed in anew, with an account of the same name, does not go on with it.
                if bound.session.is_revoked() {
                    conversation.group().remove_session(&bound.session);
                    self.end_session(&bound.session);
                    return Err(mismatch("the account that the context handle was opened with was revoked"));
                }
                Ok((bound.session, Some(NamedHandle { ours, upstream: bound.upstream })))
            }
        }
    }

    fn plain_session(&self, conversation: &mut RpcSessions, incoming: &Incoming) -> SharedSession {
        let sessions = conversation.plain.entry(incoming.key.interface()).or_default();
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
