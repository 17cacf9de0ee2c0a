//! Reports of sessions that end since the server issued what identifies them to other sessions.

use std::fmt::Debug;

use identity::SecurityContext;

/// What a session lost, since the server issued it to another session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reissued {
    /// Its context handle, which belongs to the other session now.
    ContextHandle,
    /// Its context handle. It is not known to which of the two sessions the server issued it last, and both lose it.
    ContextHandleInUnknownOrder,
    /// The cookies that identify it, which belong to a session of another identity now, or to a new one of the same.
    Cookies,
}

/// Receives reports of sessions that end because of the server. Methods are called on the data path: they must return
/// quickly, and must not block.
pub trait SessionReports: Debug + Send + Sync {
    /// A session of the caller `context` ends, since the server issued what identifies it to another session.
    fn reissued(&self, context: &SecurityContext, lost: Reissued);
}
