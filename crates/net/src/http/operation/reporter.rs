//! Reports operations by MAPI over HTTP to the observer and the log, each once, however it ends.

use std::sync::Arc;

use engine::{Envelope, Finished, OperationKey, Refusal, RefusalKind, RefusedOperation, response_code};
use scopeguard::ScopeGuard;
use tokio::time::Instant;

use crate::http::config::HttpListenerConfig;
use crate::http::downstream::context::RequestContext;
use crate::http::operation::http_operation::{Done, Event, HttpOperation};
use crate::http::operation::state_machine::{NotBegun, Unfinished};

/// Reports one operation.
pub(super) struct Reporter {
    config: Arc<HttpListenerConfig>,
    since: Instant,
}

impl Reporter {
    pub(super) const fn new(config: Arc<HttpListenerConfig>, since: Instant) -> Self {
        Self { config, since }
    }

    /// Guards `step` during a wait. If the guard is dropped meanwhile, the client has disconnected: the operation is
    /// aborted and reported.
    pub(super) fn guard<S: Unfinished>(&self, step: S) -> ScopeGuard<S, impl FnOnce(S)> {
        scopeguard::guard(step, |step| {
            let (mut operation, finished) = step.abandon();
            self.report(&mut operation, &finished);
        })
    }

    /// Reports an operation that is over.
    pub(super) fn done(&self, Done { operation, finished, .. }: &mut Done) {
        self.report(operation, finished);
    }

    fn report(&self, operation: &mut HttpOperation, finished: &Finished) {
        for event in std::mem::take(&mut operation.events) {
            self.log(operation, &event);
        }
        let HttpOperation { request, key, .. } = &*operation;
        let (peer, user) = (request.peer, request.context.principal());
        for undecoded in finished.flight().operation.undecoded() {
            self.config.log.undecoded(peer, user, key.name(), undecoded);
        }
        if let Some(limit) = finished.flight().reached() {
            self.config.log.session_limit(peer, user, key.name(), limit);
        }
        self.config.observer.finished_over_http(finished, self.since.elapsed(), operation);
    }

    fn log(&self, operation: &HttpOperation, event: &Event) {
        let (log, HttpOperation { request, key, .. }) = (&self.config.log, operation);
        let (peer, user) = (request.peer, request.context.principal());
        match event {
            Event::SessionEvicted(key) => log.session_evicted(peer, user, key),
            Event::Refused { code, why } => log.operation_refused(peer, user, key.name(), *code, why),
            Event::TooBusy { why } => log.too_busy(peer, user, key.name(), why),
            Event::NotMapiHttp(refusal) => {
                let advice = status_advice(refusal.http_status());
                log.not_mapi_http(peer, user, key.name(), (*refusal, advice));
            }
            Event::MemoryFull(full) => log.memory_limit(peer, user, key.name(), &full.to_string()),
        }
    }
}

/// What an operator should do about a response to MAPI over HTTP that is not one, with this HTTP `status`.
const fn status_advice(status: Option<u16>) -> &'static str {
    match status {
        Some(401 | 403) => "check whether the server permits MAPI over HTTP to this user",
        Some(300..=399 | 404 | 405) => "check that upstream.http is the server that serves /mapi",
        Some(500..=599) => {
            "check the log and the services of the server, and what it is behind, such as a load balancer"
        }
        _ => "check that upstream.http is the mail server, and that nothing before it changes its responses",
    }
}

/// Reports a request that the engine did not accept as an operation.
#[cold]
pub(super) fn not_begun(config: &HttpListenerConfig, not_begun: &NotBegun) {
    let NotBegun { request, key, request_size, refusal, .. } = not_begun;
    rejected(config, request, *key, *request_size, refusal);
    let (peer, user) = (request.peer, request.context.principal());
    if refusal.kind == RefusalKind::TooBusy {
        config.log.too_busy(peer, user, key.name(), &refusal.why);
    } else {
        config.log.operation_refused(peer, user, key.name(), response_code(refusal.kind), &refusal.why);
    }
}

/// Reports an operation to the observer that was rejected before it reached the engine.
pub(super) fn rejected(
    config: &HttpListenerConfig,
    request: &RequestContext,
    key: OperationKey,
    request_size: usize,
    refusal: &Refusal,
) {
    config.observer.operation_refused(&RefusedOperation {
        context: &request.context,
        peer: request.peer,
        envelope: Envelope::MAPI_HTTP,
        operation: key.name(),
        request_size,
        refusal,
    });
}
