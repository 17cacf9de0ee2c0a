use std::sync::atomic::{AtomicU64, Ordering};

use crate::objects::{ObjectLimits, ObjectTable};
use crate::operation::Incoming;
use crate::session::{Session, SharedSession};
use crate::stack::Stack;

/// The stack, and what it takes to bring operations through it.
#[derive(Debug, Default)]
pub struct Engine {
    stack: Stack,
    numbers: AtomicU64,
}

impl Engine {
    /// An engine with the modules of `stack`.
    pub const fn new(stack: Stack) -> Self {
        Self { stack, numbers: AtomicU64::new(1) }
    }

    /// The modules.
    pub const fn stack(&self) -> &Stack {
        &self.stack
    }

    /// Tells the modules that it is over.
    pub fn shutdown(&self) {
        self.stack.shutdown();
    }

    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn new_session(&self, incoming: &Incoming) -> Session {
        let objects = ObjectTable::new(ObjectLimits::default(), self.stack.reads_content());
        Session::new(
            self.number(),
            incoming.key.interface(),
            incoming.context.clone(),
            incoming.peer,
            objects,
        )
    }

    pub(crate) fn end_session(&self, session: &SharedSession) {
        let mut session = session.lock();
        if session.end() {
            self.stack.unbind(&mut session);
            session.clear();
        }
    }
}
