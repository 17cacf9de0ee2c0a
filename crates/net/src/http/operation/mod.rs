//! MAPI over HTTP ([MS-OXCMAPIHTTP]): carries out what an [`Exchange`] asks for on the two connections.
//!
//! An exchange does no I/O. Calls come in this order: [`Exchange::begin`] once, then for each [`Action`] that it returns
//! the loop in [`relay`] does what it says, and gives what came of it to [`Exchange::step`], up to
//! [`Action::Done`] or one of the failures.

pub(crate) mod disconnect;
mod http_operation;
mod local_response;
pub(crate) mod pending;
mod request;
mod response;
mod state_machine;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use engine::{OperationKey, Refusal, RefusalKind, response_code};
use http1::{Framing, RequestHead};
use mapi::mapihttp::ResponseCode;
use tokio::time::Instant;

use crate::clock;
use crate::http::connection::ClientConnection;
use crate::http::downstream::body::NotTaken;
use crate::http::downstream::connection::{Beside, Downstream};
use crate::http::downstream::context::{ConnectionError, KeepAlive, RequestContext};
use crate::http::downstream::respond;
use crate::http::operation::request::{claimed_type, operation_key};
use crate::http::operation::state_machine::{Action, Exchange, Input, rejected};
use crate::http::upstream::connection::UpstreamConnection;
use crate::http::upstream::request::Body;
use crate::http::upstream::response_event::ResponseEvent;
use crate::upstream_error::UpstreamError;

/// Brings an operation through the engine, to the server and back.
pub(crate) async fn relay(
    client: &mut ClientConnection,
    request: RequestContext,
    framing: Framing,
) -> Result<KeepAlive, ConnectionError> {
    let downstream = &mut client.downstream;
    let key = match operation_key(&request.head) {
        Ok(key) => key,
        Err((code, why)) => return Ok(refuse(downstream, &request, claimed_type(&request.head), code, why)),
    };
    downstream.invite().await?;
    let body = match downstream.body(framing, request.context.identity()).await? {
        Ok(body) => body,
        Err(why) => {
            not_taken(downstream, &request, key, &why);
            return Ok(KeepAlive::No);
        }
    };
    if let Err(why) = request.check() {
        return Ok(client.not_served(&why, &request));
    }
    let config = Arc::clone(&downstream.config);
    let out = &mut downstream.transport.out;
    let (mut exchange, mut action) =
        match Exchange::begin(config, request, key, body, Instant::now(), clock::now(), out) {
            Ok(begun) => begun,
            Err(keep_alive) => return Ok(keep_alive),
        };
    let mut upstream = None;
    loop {
        let input = match action {
            Action::Send { head, body } => match send(client, &exchange, head, body).await {
                Ok((connection, head)) => {
                    upstream = Some(connection);
                    Input::Sent(head)
                }
                Err(why) => Input::Response(ResponseEvent::Failed(why)),
            },
            Action::Read { until, ends_at_shutdown } => {
                Input::Response(read(client, &mut exchange, &mut upstream, until, ends_at_shutdown).await?)
            }
            Action::WaitForWork { until } => Box::pin(wait_for_work(client, &mut exchange, until)).await?,
            Action::Done(keep_alive) => {
                client.downstream.held = exchange.take_share();
                return Ok(keep_alive);
            }
            Action::Unserved(why) => {
                return Ok(client.unserved(&why, exchange.request(), &exchange.failed_request()));
            }
            Action::Failed(why) => {
                client.downstream.config.log_upstream_failure(&why, &exchange.failed_request());
                return Ok(KeepAlive::No);
            }
            Action::Abort(why) => {
                return Err(client.downstream.config.response_cut_short(&why, &exchange.failed_request()));
            }
        };
        action = exchange.step(input, Instant::now(), &mut client.downstream.transport.out);
    }
}

/// Sends a request of the operation to the server. Returns its head as it was sent.
async fn send(
    client: &mut ClientConnection,
    exchange: &Exchange,
    mut head: RequestHead,
    body: Bytes,
) -> Result<(Box<UpstreamConnection>, RequestHead), UpstreamError> {
    let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
    let mut upstream = client.send_head(exchange.request(), &mut head, Body::Length(length)).await?;
    upstream.transport.out.push(body);
    upstream.flush(client.downstream.config.limits.handshake).await?;
    Ok((upstream, head))
}

/// The next event of the server's response, up to `until`.
async fn read(
    client: &mut ClientConnection,
    exchange: &mut Exchange,
    upstream: &mut Option<Box<UpstreamConnection>>,
    until: Instant,
    ends_at_shutdown: bool,
) -> Result<ResponseEvent, ConnectionError> {
    let Some(connection) = upstream else {
        let why = "the connection is lost".to_owned();
        return Ok(ResponseEvent::Failed(UpstreamError::closed(why)));
    };
    let event = loop {
        if let Some(event) = client.ready_response(connection, exchange.request()) {
            break event;
        }
        exchange.stream(&mut client.downstream.transport.out);
        if let Some(event) = client.wait_for_response(connection, until, ends_at_shutdown).await? {
            break event;
        }
    };
    match &event {
        ResponseEvent::Head(..) => connection.transport.decoder.gather(client.downstream.config.sizes.answer),
        ResponseEvent::End => client.upstream.put_back_from(upstream),
        _ => {}
    }
    Ok(event)
}

/// Waits until the work is done that the operation waits for, up to `until`.
async fn wait_for_work(
    client: &mut ClientConnection,
    exchange: &mut Exchange,
    until: Instant,
) -> Result<Input, ConnectionError> {
    let downstream = &mut client.downstream;
    downstream.flush().await?;
    loop {
        let beside = poll_fn(|task| {
            if exchange.poll_work(task).is_ready() {
                return Poll::Ready(Ok(None));
            }
            downstream.poll_beside(task, until, false).map_ok(Some)
        });
        match beside.await? {
            None => return Ok(Input::WorkDone),
            Some(Beside::Deadline) => return Ok(Input::WorkDeadline),
            Some(Beside::Received | Beside::Shutdown) => {}
        }
    }
}

/// Refuses a request as no operation, or one whose body is not taken.
#[cold]
fn refuse(
    downstream: &mut Downstream,
    request: &RequestContext,
    operation: &str,
    code: ResponseCode,
    why: &str,
) -> KeepAlive {
    let user = request.context.principal();
    downstream.config.log.operation_refused(request.peer, user, operation, code, why);
    local_response::refuse(&mut downstream.transport.out.bytes, request, code)
}

/// Answers an operation whose body is not taken.
#[cold]
fn not_taken(downstream: &mut Downstream, request: &RequestContext, key: OperationKey, why: &NotTaken) {
    match why {
        NotTaken::TooLarge => {
            refuse(downstream, request, key.name(), ResponseCode::TooLarge, &why.to_string());
        }
        NotTaken::Full { came, why } => {
            let refusal = Refusal::new(RefusalKind::TooBusy, why.to_string());
            let config = &downstream.config;
            config.log.memory_limit(request.peer, request.context.principal(), key.name(), &refusal.why);
            let out = &mut downstream.transport.out.bytes;
            respond::too_busy(out, &request.head, Some(response_code(refusal.kind)));
            rejected(config, request, key, *came, &refusal);
        }
    }
}
