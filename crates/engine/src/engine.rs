//! The engine: the module stack, and the state that its sessions and operations share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use identity::{Identity, SecurityContext};
use mapi::autodiscover::Dialect;

use crate::deferred::{Deferral, Deferred, Work};
use crate::module_state::Slots;
use crate::objects::table::{ObjectLimits, ObjectTable};
use crate::operation::Incoming;
use crate::refusal::{Refusal, RefusalKind};
use crate::session::{Session, SharedSession};
use crate::session_memory::{SessionMemory, SessionShare};
use crate::stack::Stack;

/// Passes operations through a stack of modules. Clones share one engine.
#[derive(Debug, Clone, Default)]
pub struct Engine {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stack: Stack,
    /// The number of the newest session or operation.
    numbers: AtomicU64,
    ended_notification_waits: AtomicU64,
    deferral: OnceLock<Deferral>,
    session_memory: OnceLock<Arc<dyn SessionMemory>>,
}

impl Engine {
    /// Creates an engine that passes operations through `stack`.
    pub fn new(stack: Stack) -> Self {
        Self { shared: Arc::new(Shared { stack, ..Shared::default() }) }
    }

    /// Sets the pool to which modules may defer work. Without a pool, an operation that a module defers is refused. A
    /// second call has no effect.
    #[must_use]
    pub fn with_deferral(self, deferral: Deferral) -> Self {
        let _ = self.shared.deferral.set(deferral);
        self
    }

    /// Sets the limits on the memory of the state of sessions. Objects that exceed them are not tracked, and a session
    /// of which modules keep too much ends. A second call has no effect.
    #[must_use]
    pub fn with_session_memory(self, memory: Arc<dyn SessionMemory>) -> Self {
        let _ = self.shared.session_memory.set(memory);
        self
    }

    /// The pool for deferred work, if there is one.
    pub fn deferral(&self) -> Option<&Deferral> {
        self.shared.deferral.get()
    }

    /// The modules.
    pub fn stack(&self) -> &Stack {
        &self.shared.stack
    }

    /// How many waits for notifications the proxy ended
    /// ([`AwaitsUpstream::end_notification_wait`](crate::AwaitsUpstream::end_notification_wait)).
    pub fn ended_notification_waits(&self) -> u64 {
        self.shared.ended_notification_waits.load(Ordering::Relaxed)
    }

    /// Passes a response of Autodiscover to the modules. Returns the changed response, if a module changed it.
    ///
    /// # Errors
    /// If a module refuses the response, or panics.
    pub fn autodiscover(
        &self,
        dialect: Dialect,
        response: &[u8],
        context: &SecurityContext,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        self.stack().autodiscover(dialect, response, context)
    }

    /// Calls the modules' [`shutdown`](crate::Module::shutdown).
    pub fn shutdown(&self) {
        self.stack().shutdown();
    }

    /// A number that no other session or operation of this engine has. Numbers start at 1.
    pub(crate) fn next_id(&self) -> u64 {
        self.shared.numbers.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    pub(crate) fn count_ended_notification_wait(&self) {
        self.shared.ended_notification_waits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn new_session(&self, incoming: &Incoming) -> SharedSession {
        let share = || self.session_share(incoming.context.identity());
        let objects = ObjectTable::new(ObjectLimits::default(), self.stack().reads_content());
        SharedSession::new(Session::new(
            self.next_id(),
            incoming.key.interface(),
            incoming.context.clone(),
            incoming.peer,
            Slots::counted_in(share()),
            objects.counted_in(share()),
        ))
    }

    /// An empty share of the memory of the user of `identity`.
    pub(crate) fn session_share(&self, identity: &Identity) -> SessionShare {
        let memory = self.shared.session_memory.get();
        memory.map_or_else(SessionShare::default, |memory| {
            SessionShare::new(Arc::clone(memory), identity.user().clone())
        })
    }

    /// Ends a session, and calls [`unbind`](crate::Module::unbind) of the modules. A second call has no effect.
    pub(crate) fn end_session(&self, session: &SharedSession) {
        let mut session = session.lock();
        if session.end() {
            self.stack().unbind(&mut session);
            session.clear();
        }
    }

    /// Submits work of the module with this number on the stack to the pool.
    pub(crate) fn submit<D: 'static>(
        &self,
        context: &SecurityContext,
        work: Work<D>,
        module: usize,
    ) -> Result<Deferred<D>, Refusal> {
        let name = self.stack().name(module);
        let deferral = self.deferral().ok_or_else(|| {
            let why = format!("the module {name} defers work, and there is no pool for deferred work");
            Refusal::new(RefusalKind::Failed, why)
        })?;
        deferral.submit(context, work, (module, name))
    }
}
