//! The engine: the module stack, and the state that its sessions and operations share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use identity::{Identity, SecurityContext};
use mapi::autodiscover::Dialect;

use crate::deferred::{Deferral, Deferred, Work};
use crate::module_state::ModuleStates;
use crate::objects::table::{ObjectLimits, ObjectTable};
use crate::operation::Incoming;
use crate::refusal::{Refusal, RefusalKind};
use crate::session::{Session, SharedSession};
use crate::sessions::reissued::{Reissued, SessionReports};
use crate::sessions::store_sessions::StoreSessions;
use crate::stack::Stack;
use crate::user_memory::{MemoryShare, MemoryUse, UserMemory};

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
    user_memory: OnceLock<Arc<dyn UserMemory>>,
    store_sessions: StoreSessions,
    reports: OnceLock<Arc<dyn SessionReports>>,
}

impl Engine {
    /// Creates an engine that passes operations through `stack`.
    pub fn new(stack: Stack) -> Self {
        Self { shared: Arc::new(Shared { stack, ..Shared::default() }) }
    }

    /// Sets the pool to which modules may defer work, and whose threads decode long messages. Without a pool, an
    /// operation that a module defers is refused, and long messages are decoded on the thread of their connection. A
    /// second call has no effect.
    #[must_use]
    pub fn with_deferral(self, deferral: Deferral) -> Self {
        let _ = self.shared.deferral.set(deferral);
        self
    }

    /// Sets the limits on the memory of users. Objects that exceed them are not tracked, a session for which
    /// modules keep too much state ends, and an operation that decodes to too much is refused. A second call has no
    /// effect.
    #[must_use]
    pub fn with_user_memory(self, memory: Arc<dyn UserMemory>) -> Self {
        let _ = self.shared.user_memory.set(memory);
        self
    }

    /// Reports sessions that end because of the server to `reports`. A second call has no effect.
    pub fn report_sessions_to(&self, reports: Arc<dyn SessionReports>) {
        let _ = self.shared.reports.set(reports);
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

    /// What the server issued to sessions of the mailbox store.
    pub(crate) fn store_sessions(&self) -> &StoreSessions {
        &self.shared.store_sessions
    }

    pub(crate) fn count_ended_notification_wait(&self) {
        self.shared.ended_notification_waits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn new_session(&self, incoming: &Incoming) -> SharedSession {
        let share = || self.share(incoming.context.identity(), MemoryUse::Sessions);
        let objects = ObjectTable::new(ObjectLimits::default(), self.stack().reads_content());
        SharedSession::new(Session::new(
            self.next_id(),
            incoming.key.interface(),
            incoming.context.clone(),
            incoming.peer,
            ModuleStates::counted_in(share()),
            objects.counted_in(share()),
        ))
    }

    /// An empty share of the memory of the user of `identity`, for `purpose`.
    pub(crate) fn share(&self, identity: &Identity, purpose: MemoryUse) -> MemoryShare {
        let memory = self.shared.user_memory.get();
        memory.map_or_else(MemoryShare::default, |memory| {
            MemoryShare::new(Arc::clone(memory), identity.user().clone(), purpose)
        })
    }

    /// Ends a session, and calls [`unbind`](crate::Module::unbind) of the modules. A second call has no effect. If
    /// another thread has the session locked, that thread ends it as soon as it unlocks it.
    pub(crate) fn end_session(&self, session: &SharedSession) {
        session.close();
        session.request_end();
        let Some(mut session) = session.try_lock() else { return };
        if session.end() {
            if let Some(index) = session.index() {
                self.store_sessions().forget_index(index, session.id());
            }
            self.stack().unbind(&mut session);
            session.clear();
        }
    }

    /// Ends a session that lost what identifies it, and reports that.
    #[cold]
    pub(crate) fn end_reissued(&self, session: &SharedSession, lost: Reissued) {
        self.report_reissued(session, lost);
        self.end_session(session);
    }

    /// Reports that a session, which ends, lost what identifies it.
    #[cold]
    pub(crate) fn report_reissued(&self, session: &SharedSession, lost: Reissued) {
        if let Some(reports) = self.shared.reports.get() {
            reports.reissued(&session.newest_context(), lost);
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
