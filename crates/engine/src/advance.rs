//! The steps of an operation: through the modules to the upstream, and through the modules back to the client.
//!
//! All operations take these steps. What depends on the kind of session is in
//! [`SessionBinding`](crate::sessions::binding::SessionBinding).

use bytes::Bytes;
use identity::Random;
use wire::Endian;

use crate::ahead::{AheadRequest, AheadResponse};
use crate::body::OperationKey;
use crate::deferred::{Deferred, Work};
use crate::engine::Engine;
use crate::flight::Flight;
use crate::message::Message;
use crate::next::{Ahead, Answer, AwaitsUpstream, AwaitsWork, DeferredWork, Finished, Next, Outcome, Reply};
use crate::operation::Operation;
use crate::refusal::{Refusal, RefusalKind, UpstreamRefusal};
use crate::session::Session;
use crate::sessions::binding::End;
use crate::sessions::handle_binding::little_endian;
use crate::stack::{RequestOutcome, ResponseOutcome, Resume};
use crate::step::Step;

impl AwaitsUpstream {
    /// Continues the operation with the `outcome` of its call to the upstream. `random` makes context handles.
    pub fn resume(self, outcome: Outcome, random: &mut dyn Random) -> Next {
        let Self { mut flight, ahead, .. } = self;
        match outcome {
            Outcome::Response { stub, endian } => {
                if let Some(ahead) = ahead {
                    let response = Box::new(Message::new(ahead.key, stub, endian));
                    return responded_ahead(flight, ahead, AheadResponse::Response(response));
                }
                let Flight { operation, engine, session, binding, .. } = &mut *flight;
                let binding = binding.as_dyn();
                match binding.upstream_response(engine, operation, session, (stub, endian), random) {
                    Ok((stub, endian)) => {
                        operation.response = Some(Message::new(operation.key(), stub, endian));
                        respond(flight)
                    }
                    Err(refusal) => refuse(flight, refusal),
                }
            }
            Outcome::Refused(refusal) => match ahead {
                Some(ahead) if !refusal.is_session_gone() => {
                    responded_ahead(flight, ahead, AheadResponse::Refused(refusal))
                }
                _ => refused_by_upstream(flight, refusal),
            },
            Outcome::Lost(why) => Next::Done(abort(flight, Refusal::new(RefusalKind::Failed, why))),
            Outcome::Unavailable { kind, why } => Next::Done(abort(flight, Refusal::new(kind, why))),
        }
    }
}

impl AwaitsWork {
    /// Continues the operation, whose work is done or has reached its time limit.
    pub fn resume(self) -> Next {
        let Self { mut flight, work } = self;
        let extra_steps = flight.extra_steps;
        match work {
            DeferredWork::Decision(work) => {
                let module = work.module;
                match work.finish() {
                    Ok(then) => request_step(flight, move |engine, operation, session| {
                        let decision = then(operation, session);
                        let resume = Resume { module, extra_steps, known: Some(decision) };
                        engine.stack().dispatch(operation, session, resume)
                    }),
                    Err(refusal) => refuse(flight, refusal),
                }
            }
            DeferredWork::Delivery(work) => {
                let module = work.module;
                match work.finish() {
                    Ok(then) => response_step(flight, move |engine, operation, session| {
                        let delivery = then(operation, session);
                        let resume = Resume { module, extra_steps, known: Some(delivery) };
                        engine.stack().deliver(operation, session, resume)
                    }),
                    Err(refusal) => after_response(flight, refusal.into()),
                }
            }
            DeferredWork::Request(step) => {
                let outcome = step.finish(&mut flight);
                after_request(flight, outcome)
            }
            DeferredWork::Response(step) => {
                let answer = step.finish(&mut flight);
                after_response(flight, answer)
            }
        }
    }
}

impl Next {
    /// Aborts the operation because of `refusal`: the client disconnected, the connection to the upstream was lost,
    /// or the security context has expired or was revoked. If the operation already had a response, the client
    /// receives `refusal` in its place; an earlier refusal is kept. A session that the operation was opening ends.
    pub fn abort(self, refusal: Refusal) -> Finished {
        match self {
            Self::Forward(call) => abort(call.flight, refusal),
            Self::Defer(work) => abort(work.flight, refusal),
            Self::Done(Finished { flight, reply: Reply::Response(_) }) => {
                flight.withdraw_response();
                Finished { flight, reply: Reply::Refused(refusal) }
            }
            Self::Done(finished) => finished,
        }
    }
}

/// Passes a request to the modules.
pub(crate) fn begin(flight: Box<Flight>) -> Next {
    request_step(flight, |engine, operation, session| engine.stack().request(operation, session))
}

/// Runs `hooks` with the session locked, and continues a request as they decide.
fn request_step(
    mut flight: Box<Flight>,
    hooks: impl FnOnce(&Engine, &mut Operation, &mut Session) -> RequestOutcome + Send + 'static,
) -> Next {
    match flight.step(hooks, |_, outcome| outcome.unwrap_or_else(RequestOutcome::Refused)) {
        Step::Done(outcome) => after_request(flight, outcome),
        Step::Pooled(step) => Next::Defer(AwaitsWork { flight, work: DeferredWork::Request(step) }),
    }
}

/// Continues a request as the modules decided.
fn after_request(mut flight: Box<Flight>, outcome: RequestOutcome) -> Next {
    match outcome {
        RequestOutcome::Forward => match upstream_request(&mut flight) {
            Ok(stub) => {
                let opnum = flight.operation.opnum();
                Next::Forward(AwaitsUpstream { flight, opnum, stub, ahead: None })
            }
            Err(refusal) => refuse(flight, refusal),
        },
        RequestOutcome::RespondedLocally => {
            match flight.binding.as_dyn().check_local_response(&flight.operation, &flight.session) {
                Ok(()) => respond(flight),
                Err(refusal) => refuse(flight, refusal),
            }
        }
        RequestOutcome::Refused(refusal) => refuse(flight, refusal),
        RequestOutcome::Ahead { request, module } => match ahead_request(&mut flight, &request) {
            Ok((key, stub)) => {
                let opnum = key.call().map_or(u16::MAX, |(_, opnum)| opnum);
                flight.extra_steps = flight.extra_steps.saturating_add(1);
                Next::Forward(AwaitsUpstream { flight, opnum, stub, ahead: Some(Ahead { module, key }) })
            }
            Err(refusal) => refuse(flight, refusal),
        },
        RequestOutcome::Defer { work, module } => match submit(&mut flight, work, module) {
            Ok(work) => Next::Defer(AwaitsWork { flight, work: DeferredWork::Decision(work) }),
            Err(refusal) => refuse(flight, refusal),
        },
    }
}

/// The client's request, as the upstream receives it.
fn upstream_request(flight: &mut Flight) -> Result<Bytes, Refusal> {
    let stub = flight.binding.as_dyn().upstream_request(&mut flight.operation)?;
    flight.prepare_to_wait()?;
    Ok(stub)
}

/// A request that a module sends ahead, as the upstream receives it, and its key.
fn ahead_request(flight: &mut Flight, request: &AheadRequest) -> Result<(OperationKey, Bytes), Refusal> {
    flight.prepare_to_wait()?;
    flight.ahead_request(request)
}

/// Continues a request after the `response` to the one that a module sent ahead of it.
fn responded_ahead(mut flight: Box<Flight>, ahead: Ahead, response: AheadResponse) -> Next {
    flight.operation.ahead.push(response);
    let extra_steps = flight.extra_steps;
    request_step(flight, move |engine, operation, session| {
        let resume = Resume { module: ahead.module, extra_steps, known: None };
        engine.stack().dispatch(operation, session, resume)
    })
}

/// Passes a response to the modules.
fn respond(flight: Box<Flight>) -> Next {
    let extra_steps = flight.extra_steps;
    response_step(flight, move |engine, operation, session| {
        if let Err(refusal) = convert_response(operation) {
            return ResponseOutcome::Refused(refusal);
        }
        engine.stack().response(operation, session, extra_steps)
    })
}

/// Converts the upstream's response to little-endian, if it is not.
fn convert_response(operation: &mut Operation) -> Result<(), Refusal> {
    if let Some(response) = operation.response.as_mut().filter(|it| it.original_endian() == Endian::Big) {
        let stub = little_endian(response.key(), response.original().clone(), Endian::Big)?;
        response.replace_bytes(stub);
    }
    Ok(())
}

/// Runs `hooks` with the session locked, and continues a response as they decide.
fn response_step(
    mut flight: Box<Flight>,
    hooks: impl FnOnce(&Engine, &mut Operation, &mut Session) -> ResponseOutcome + Send + 'static,
) -> Next {
    let answer = |operation: &mut Operation, outcome| match outcome {
        Ok(ResponseOutcome::Passed) => Answer::Reply(leaving_response(operation)),
        Ok(ResponseOutcome::Defer { work, module }) => Answer::Defer { work, module },
        Ok(ResponseOutcome::Refused(refusal)) | Err(refusal) => Answer::from(refusal),
    };
    match flight.step(hooks, answer) {
        Step::Done(answer) => after_response(flight, answer),
        Step::Pooled(step) => Next::Defer(AwaitsWork { flight, work: DeferredWork::Response(step) }),
    }
}

/// Continues a response as the modules decided.
fn after_response(mut flight: Box<Flight>, answer: Answer) -> Next {
    let reply = match answer {
        Answer::Reply(reply) => reply,
        Answer::Defer { work, module } => match submit(&mut flight, work, module) {
            Ok(work) => return Next::Defer(AwaitsWork { flight, work: DeferredWork::Delivery(work) }),
            Err(refusal) => Reply::Refused(refusal),
        },
    };
    let is_refused = !matches!(reply, Reply::Response(_));
    finish(flight, reply, End::Responded { is_refused })
}

/// The response to send to the client, encoded again if a module changed it.
fn leaving_response(operation: &Operation) -> Reply {
    let Some(response) = &operation.response else {
        return Reply::Refused(Refusal::new(RefusalKind::Failed, "a module removed the response"));
    };
    if let Err(refusal) = response.work().check_response() {
        return Reply::Refused(refusal);
    }
    match response.outgoing() {
        Ok((stub, _)) => Reply::Response(stub),
        Err(error) => Reply::Refused(Refusal::new(
            RefusalKind::Failed,
            format!("cannot encode the response that modules changed: {error}"),
        )),
    }
}

/// Submits deferred work of the module with this number on the stack to the pool.
fn submit<D: 'static>(flight: &mut Flight, work: Work<D>, module: usize) -> Result<Deferred<D>, Refusal> {
    flight.prepare_to_wait()?;
    let deferred = flight.engine.submit(flight.context(), work, module)?;
    flight.extra_steps = flight.extra_steps.saturating_add(1);
    Ok(deferred)
}

/// Ends an operation that the upstream refused. The client receives that refusal unchanged.
fn refused_by_upstream(flight: Box<Flight>, refusal: UpstreamRefusal) -> Next {
    finish(flight, Reply::RefusedByUpstream(refusal), End::RefusedByUpstream(refusal))
}

fn refuse(flight: Box<Flight>, refusal: Refusal) -> Next {
    finish(flight, Reply::Refused(refusal), End::Refused)
}

fn finish(mut flight: Box<Flight>, reply: Reply, end: End) -> Next {
    flight.settle(end);
    Next::Done(Finished { flight, reply })
}

fn abort(mut flight: Box<Flight>, refusal: Refusal) -> Finished {
    flight.settle(End::Aborted);
    Finished { flight, reply: Reply::Refused(refusal) }
}
