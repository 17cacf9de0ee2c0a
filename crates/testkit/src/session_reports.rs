//! Records the reports of sessions that end because of the server.

use std::sync::{Arc, Mutex, PoisonError};

use engine::{Engine, Reissued, SecurityContext, SessionReports};
use identity::Identity;

/// The reports of an engine.
#[derive(Debug, Default)]
pub struct RecordedReports(Mutex<Vec<(Identity, Reissued)>>);

impl RecordedReports {
    /// Records the reports of `engine` from now on.
    pub fn of(engine: &Engine) -> Arc<Self> {
        let reports = Arc::<Self>::default();
        engine.report_sessions_to(Arc::clone(&reports) as _);
        reports
    }

    /// Takes the reports: the identity of each session, and what it lost.
    pub fn take(&self) -> Vec<(Identity, Reissued)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SessionReports for RecordedReports {
    fn reissued(&self, context: &SecurityContext, lost: Reissued) {
        let report = (context.identity().clone(), lost);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(report);
    }
}
