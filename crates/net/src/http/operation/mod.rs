//! MAPI over HTTP ([MS-OXCMAPIHTTP]): reads an operation from the client, and performs its steps on the client's and
//! the upstream connection.
//!
//! The [`state_machine`] decides the order of the steps, and does no I/O. The loop in [`run`] performs each [`Step`],
//! and passes the result to the transition that consumes the step, until the operation is [`Done`].

pub(crate) mod disconnect;
mod http_operation;
mod late_response;
mod local_response;
pub(crate) mod pending;
mod reporter;
mod request;
mod response;
mod state_machine;

use std::sync::Arc;

use engine::{OperationKey, Refusal, RefusalKind, response_code};
use http1::Framing;
use identity::OsRandom;
use mapi::mapihttp::ResponseCode;
use scopeguard::ScopeGuard;
use tokio::time::Instant;

use crate::clock;
use crate::gate::FailedRequest;
use crate::http::client_connection::{ClientConnection, ForwardError, OutgoingRequest, SentRequest};
use crate::http::downstream::connection::{Downstream, WaitLimits, Waited};
use crate::http::downstream::context::{ConnectionError, KeepAlive, RequestContext, revoked};
use crate::http::downstream::read::{BodyError, BufferedBody};
use crate::http::operation::http_operation::{Done, End, Settings};
use crate::http::operation::reporter::Reporter;
use crate::http::operation::request::{claimed_type, operation_key};
use crate::http::operation::state_machine::{Arrived, Env, Receiving, ResponseEnd, Sending, Step, Waiting};
use crate::http::upstream::connection::UpstreamConnection;
use crate::http::upstream::request_head::BodyFraming;
use crate::http::upstream::response_event::ResponseEvent;

/// Serves an operation: passes it through the engine to the server, and the response back.
pub(crate) async fn serve(
    client: &mut ClientConnection,
    mut request: RequestContext,
    framing: Framing,
) -> Result<KeepAlive, ConnectionError> {
    let downstream = &mut client.downstream;
    let key = match operation_key(&request.head) {
        Ok(key) => key,
        Err(why) => {
            let claimed = claimed_type(&request.head).to_owned();
            return Ok(refuse(downstream, &mut request, &claimed, why.code(), &why.to_string()));
        }
    };
    downstream.send_continue().await?;
    let (body, share) = match downstream.body(framing, request.context.identity()).await {
        Ok(BufferedBody::Complete(body, share)) => (body, share),
        Ok(BufferedBody::Rejected(why)) => {
            request.head.close();
            reject_body(downstream, &mut request, key, &why);
            return Ok(KeepAlive::No);
        }
        Err(ConnectionError::Revoked) => return Ok(client.not_served(&revoked(), &mut request)),
        Err(why) => return Err(why),
    };
    if let Err(why) = request.check() {
        return Ok(client.not_served(&why, &mut request));
    }
    let config = Arc::clone(&downstream.config);
    let settings = Settings {
        pending: config.pending,
        call_limit: config.upstream.call_limit,
        response_limit: config.sizes.response,
    };
    let since = Instant::now();
    let arrived = Arrived { request, key, body, share, at: clock::now(), since, settings };
    let begun = with_env(client, |env| state_machine::begin(&config.engine, &config.sessions, arrived, env));
    match begun {
        Ok(step) => run(client, &Reporter::new(config, since), step).await,
        Err(not_begun) => {
            reporter::not_begun(&config, &not_begun);
            Ok(not_begun.keep_alive)
        }
    }
}

/// Performs the steps of an operation until it is over.
async fn run(
    client: &mut ClientConnection,
    reporter: &Reporter,
    mut step: Step,
) -> Result<KeepAlive, ConnectionError> {
    loop {
        step = match step {
            Step::Send(sending) => exchange(client, reporter, sending).await?,
            Step::Wait(waiting) => Box::pin(wait_for_work(client, reporter, waiting)).await?,
            Step::Done(done) => return end(client, reporter, done),
        };
    }
}

/// Calls a transition of the state machine with what it needs.
fn with_env<R>(client: &mut ClientConnection, transition: impl FnOnce(&mut Env<'_>) -> R) -> R {
    let closes = client.downstream.closes_after_response();
    let Downstream { transport, work, .. } = &mut client.downstream;
    let out = &mut transport.out;
    transition(&mut Env { clock: Instant::now, random: &mut OsRandom, out, closes, work })
}

/// Sends a request of the operation to the server, and reads the response.
async fn exchange(
    client: &mut ClientConnection,
    reporter: &Reporter,
    sending: Sending,
) -> Result<Step, ConnectionError> {
    let sending = reporter.guard(sending);
    let outgoing = || {
        let (head, body) = sending.message().map_err(NotSent::Refused)?;
        let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
        Ok(OutgoingRequest { head, framing: BodyFraming::Length(length), body })
    };
    match client.send(sending.request(), outgoing).await {
        Ok(SentRequest { upstream, head }) => {
            let receiving = ScopeGuard::into_inner(sending).sent(head, Instant::now());
            receive(client, reporter, receiving, upstream).await
        }
        Err(NotSent::Failed(ForwardError::Client(why))) => Err(why),
        Err(NotSent::Failed(ForwardError::Upstream(why))) => {
            let sending = ScopeGuard::into_inner(sending);
            Ok(with_env(client, |env| sending.failed(why, env)))
        }
        Err(NotSent::Refused(refusal)) => {
            let sending = ScopeGuard::into_inner(sending);
            Ok(with_env(client, |env| sending.refused(refusal, env)))
        }
    }
}

/// Why a request of an operation was not sent.
enum NotSent {
    Failed(ForwardError),
    /// It may not be sent any more.
    Refused(Refusal),
}

impl From<ForwardError> for NotSent {
    fn from(why: ForwardError) -> Self {
        Self::Failed(why)
    }
}

/// Reads the server's response to its end.
async fn receive(
    client: &mut ClientConnection,
    reporter: &Reporter,
    receiving: Receiving,
    mut upstream: Box<UpstreamConnection>,
) -> Result<Step, ConnectionError> {
    let mut receiving = reporter.guard(receiving);
    let end = loop {
        let event = match next_event(client, &mut receiving, &mut upstream).await {
            Ok(event) => event,
            Err(why) => {
                read_late(&mut receiving, upstream);
                return Err(why);
            }
        };
        if let Some(end) = with_env(client, |env| receiving.event(event, env)) {
            break end;
        }
    };
    if matches!(end, ResponseEnd::Complete) {
        // Before the next step, which may send another request.
        client.upstream.put_back(upstream);
    } else {
        read_late(&mut receiving, upstream);
    }
    let receiving = ScopeGuard::into_inner(receiving);
    Ok(with_env(client, |env| receiving.end(end, env)))
}

/// Reads the head of a response from `upstream` for which the client does not wait any more, if the server may be
/// opening a session.
fn read_late(receiving: &mut Receiving, upstream: Box<UpstreamConnection>) {
    if let Some(late) = receiving.take_late() {
        late.read(upstream);
    }
}

/// The next event of the server's response.
async fn next_event(
    client: &mut ClientConnection,
    receiving: &mut Receiving,
    upstream: &mut UpstreamConnection,
) -> Result<ResponseEvent, ConnectionError> {
    let event = loop {
        let limits = receiving.limits();
        if client.is_round_over(upstream)
            && let Some(end) = client.end_round(limits).await?
        {
            break end;
        }
        if let Some(event) = client.received_response(upstream, receiving.request()) {
            break event;
        }
        if let Err(full) = receiving.hold(upstream.transport.decoder.buffered()) {
            break ResponseEvent::MemoryFull(full);
        }
        receiving.stream(&mut client.downstream.transport.out);
        if let Some(event) = client.wait_for_response(upstream, limits).await? {
            break event;
        }
    };
    if let ResponseEvent::Head(..) = &event {
        upstream.transport.decoder.gather(client.downstream.config.sizes.response);
    }
    Ok(event)
}

/// Waits until the deferred work of a module is done.
async fn wait_for_work(
    client: &mut ClientConnection,
    reporter: &Reporter,
    waiting: Waiting,
) -> Result<Step, ConnectionError> {
    let mut waiting = reporter.guard(waiting);
    let downstream = &mut client.downstream;
    downstream.flush().await?;
    let limits = WaitLimits { until: Some(waiting.until()), ..WaitLimits::REQUEST };
    let waited = match downstream.wait(limits, |_, task| waiting.poll(task)).await {
        Ok(waited) => Some(waited),
        Err(ConnectionError::Revoked) => None,
        Err(why) => return Err(why),
    };
    let waiting = ScopeGuard::into_inner(waiting);
    Ok(with_env(client, |env| match waited {
        Some(Waited::Event(())) => waiting.work_done(env),
        Some(Waited::Deadline | Waited::Shutdown) => waiting.deadline(env),
        None => waiting.failed(revoked(), env),
    }))
}

/// Reports an operation that is over. Returns whether the client's connection stays open.
fn end(
    client: &mut ClientConnection,
    reporter: &Reporter,
    mut done: Done,
) -> Result<KeepAlive, ConnectionError> {
    reporter.done(&mut done);
    let Done { mut operation, end, .. } = done;
    match end {
        End::Complete(keep_alive) => {
            client.downstream.held = operation.share;
            Ok(keep_alive)
        }
        End::NotServed(why) => {
            let (operation_name, is_wait) = (operation.key.name(), operation.is_wait);
            Ok(client.respond_failed(&why, &mut operation.request, |request| FailedRequest {
                operation: operation_name,
                is_wait,
                ..request.failed_request()
            }))
        }
        End::Failed(why) => {
            client.downstream.config.log_upstream_failure(&why, &operation.failed_request());
            Ok(operation.request.keep_alive())
        }
        End::CutShort(why) => {
            Err(client.downstream.config.response_cut_short(&why, &operation.failed_request()))
        }
    }
}

/// Refuses a request that is not an operation, or whose body is not accepted.
#[cold]
fn refuse(
    downstream: &mut Downstream,
    request: &mut RequestContext,
    operation: &str,
    code: ResponseCode,
    why: &str,
) -> KeepAlive {
    let user = request.context.principal();
    downstream.config.log.operation_refused(request.peer, user, operation, code, why);
    let out = downstream.response_to(&mut request.head);
    local_response::refuse(&mut out.bytes, request, code)
}

/// Refuses an operation because of `why` with its body.
#[cold]
fn reject_body(
    downstream: &mut Downstream,
    request: &mut RequestContext,
    key: OperationKey,
    why: &BodyError,
) {
    match why {
        BodyError::TooLarge => {
            refuse(downstream, request, key.name(), ResponseCode::TooLarge, &why.to_string());
        }
        BodyError::Full { received, why } => {
            let refusal = Refusal::new(RefusalKind::TooBusy, why.to_string());
            downstream.refuse_for_memory(request, key.name(), Some(response_code(refusal.kind)), *why);
            reporter::rejected(&downstream.config, request, key, *received, &refusal);
        }
    }
}
