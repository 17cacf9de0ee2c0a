//! The way of operations whose sessions are known by cookies. Hooks and stack are those of all others.

use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use identity::SecurityContext;
use mapi::ErrorCode;
use mapi::autodiscover::Dialect;
use mapi::mapihttp::ResponseCode;
use mapi::mapihttp::cookies::{SetCookie, cookies};
use rpc::pdu::FaultStatus;
use wire::{Endian, FileTime};

use crate::body::{OperationKey, Response};
use crate::engine::Engine;
use crate::flight::{Ahead, Flight, Next, Waits, fault, in_session, out_of_turn};
use crate::message::{Body as _, Message};
use crate::operation::{AheadAnswer, Incoming, Operation};
use crate::refusal::fault_status;
use crate::refusal::{CALL_FAILED, Refusal};
use crate::session::SharedSession;
use crate::sessions::cookies::{CookieTable, Found, Full};
use crate::sessions::sequence::texts;
use crate::stack::{Passage, Verdict};

impl Engine {
    /// Takes in an operation of MAPI over HTTP that came with `sent`, the values of its `Cookie` headers.
    ///
    /// # Errors
    /// When it names a session that is not the caller's: then it never becomes one. What the client gets says
    /// [`response_code`](crate::response_code).
    pub fn begin_by_cookie(
        &self,
        table: &CookieTable,
        incoming: Incoming,
        sent: &[&[u8]],
    ) -> Result<(Flight, Next), Refusal> {
        let OperationKey::Http(endpoint, request_type) = incoming.key else {
            return Err(Refusal::new(FaultStatus::NCA_S_OP_RNG_ERROR, "no operation of MAPI over HTTP"));
        };
        if endpoint.operation(request_type).is_none() {
            let why = "the endpoint has no such request type";
            return Err(Refusal::new(FaultStatus::NCA_S_OP_RNG_ERROR, why));
        }
        if texts(sent).count() != sent.len() {
            let code = fault_status(ResponseCode::InvalidContextCookie);
            return Err(Refusal::new(code, "a cookie that is no text"));
        }
        let identity = incoming.context.identity().clone();
        let found = if request_type.begins_session() {
            let cookies = table.find_replaced(endpoint, &identity, texts(sent).flat_map(cookies));
            table.has_room(endpoint, &identity, cookies.replaces).map_err(too_many)?;
            Found { session: None, cookies }
        } else {
            let all = texts(sent).flat_map(cookies);
            table
                .find(endpoint, &identity, all, request_type.takes_turns(), incoming.at)
                .map_err(|(code, why)| Refusal::new(fault_status(code), why))?
        };
        if let Some(session) = &found.session {
            if session.is_revoked() {
                // Who signed in anew, with an account of the same name, does not go on with it.
                self.end_revoked_by_cookie(table);
                let status = fault_status(ResponseCode::ContextNotFound);
                return Err(Refusal::new(status, "the account that the session was opened with was revoked"));
            }
            session.lock().renew(&incoming.context, incoming.at);
        }
        let session = found.session.unwrap_or_else(|| SharedSession::new(self.new_session(&incoming)));
        let mut flight = Flight::new(Operation::new(self.number(), incoming), session);
        flight.cookies = found.cookies;
        let verdict = in_session(&mut flight, |operation, session| self.stack().request(operation, session));
        let next = self.after_by_cookie(table, &mut flight, verdict.unwrap_or_else(Verdict::Refused));
        if matches!(next, Next::Defer { .. }) || flight.asks_ahead().is_some() {
            // It takes its place in the session's sequence later than it arrived.
            table.hold(flight.session().id(), flight.operation.id());
        }
        Ok((flight, next))
    }

    fn after_by_cookie(&self, table: &CookieTable, flight: &mut Flight, verdict: Verdict) -> Next {
        let bad = |error: wire::Error| Refusal::new(FaultStatus::RPC_X_BAD_STUB_DATA, error.to_string());
        let next = match verdict {
            Verdict::Relay => {
                let leaving = flight.operation.request.leaving().map_err(bad);
                leaving.map(|(stub, _)| Next::Relay { opnum: flight.operation.opnum(), stub })
            }
            Verdict::Answered => return self.respond_by_cookie(table, flight),
            Verdict::Refused(refusal) => Err(refusal),
            Verdict::Ahead { request, module } => request.encode().map_err(bad).map(|stub| {
                let key = request.key();
                flight.wait_for(Waits::Ahead(Ahead { module, key }));
                Next::Relay { opnum: key.call().map_or(u16::MAX, |(_, opnum)| opnum), stub: stub.into() }
            }),
            Verdict::Defer { work, module } => self.defer(flight, work, module, Waits::Decision),
        };
        next.unwrap_or_else(|refusal| {
            self.end_by_cookie(table, flight);
            fault(refusal)
        })
    }

    /// The upstream began to answer, and `set` these cookies. They are the session's from now on: the client
    /// may use them before the answer is at its end. Says whether another session of the identity was ended,
    /// since it has as many as it may.
    ///
    /// # Errors
    /// When they would leave a session without a cookie that identifies it: then the answer must not pass.
    pub fn learn_cookies<'a>(
        &self,
        table: &CookieTable,
        flight: &Flight,
        set: impl Iterator<Item = &'a str>,
    ) -> Result<GaveWay, Refusal> {
        let OperationKey::Http(endpoint, request_type) = flight.operation.key() else {
            return Ok(GaveWay::None);
        };
        let mut gave_way = GaveWay::None;
        let mut set = set.map(SetCookie::parse).filter(|set| !set.is_removal()).peekable();
        // What the upstream says to somebody without a session makes none.
        if request_type.begins_session() && set.peek().is_some() {
            let (session, replaces) = (flight.session(), flight.cookies.replaces);
            let identity = flight.operation.context().identity();
            let gone = table.open(endpoint, session, identity, replaces, flight.operation.at());
            if let Some(gone) = gone.map_err(too_many)? {
                self.end_session(&gone);
                if Some(gone.id()) != replaces {
                    gave_way = GaveWay::LongestIdle;
                }
            }
        }
        table
            .learn(endpoint, flight.session().id(), &flight.cookies, set)
            .map_err(|why| Refusal::new(CALL_FAILED, why))?;
        Ok(gave_way)
    }

    /// Goes on with `flight`, to which the upstream answered with `payload`: to the operation itself, or to
    /// what a module asked ahead of it.
    pub fn resume_by_cookie(&self, table: &CookieTable, flight: &mut Flight, payload: Bytes) -> Next {
        let key = flight.operation.key();
        match flight.waits.take() {
            Some(Waits::Ahead(ahead)) => {
                let answer = Box::new(Message::new(ahead.key, payload, Endian::Little));
                let verdict = self.answered_ahead(flight, &ahead, AheadAnswer::Response(answer));
                return self.after_by_cookie(table, flight, verdict);
            }
            Some(_) => return self.after_by_cookie(table, flight, Verdict::Refused(out_of_turn())),
            None => {}
        }
        flight.operation.response = Some(Message::new(key, payload, Endian::Little));
        self.respond_by_cookie(table, flight)
    }

    /// Goes on with `flight`, which waited for a module's work ([`Next::Defer`]): to its end, or for as long
    /// as it may.
    pub fn resume_deferred_by_cookie(&self, table: &CookieTable, flight: &mut Flight) -> Next {
        match flight.waits.take() {
            Some(Waits::Decision(deferred)) => {
                let verdict = self.decide(flight, deferred);
                self.after_by_cookie(table, flight, verdict)
            }
            Some(Waits::Delivery(deferred)) => {
                let passage = self.passage(flight, deferred);
                self.responded_by_cookie(table, flight, passage)
            }
            Some(Waits::Ahead(_)) | None => {
                self.after_by_cookie(table, flight, Verdict::Refused(out_of_turn()))
            }
        }
    }

    /// The upstream refused the operation as such, with `code`; its answer passes as it is. Says what became of
    /// it, for whoever watches. Where it refused what a module asked ahead, that module decides.
    pub fn refused_by_upstream(&self, table: &CookieTable, flight: &mut Flight, code: ResponseCode) -> Next {
        if code != ResponseCode::ContextNotFound
            && let Some(Waits::Ahead(ahead)) = flight.waits.take()
        {
            let verdict = self.answered_ahead(flight, &ahead, AheadAnswer::Fault(fault_status(code)));
            return self.after_by_cookie(table, flight, verdict);
        }

        if code == ResponseCode::ContextNotFound {
            // Where one was to be replaced, it is the one that is gone ([MS-OXCMAPIHTTP] 3.2.5.6).
            self.end_replaced(table, flight);
        }
        if code == ResponseCode::ContextNotFound || begins_session(flight) {
            table.remove(flight.session().id());
        }
        self.end_by_cookie(table, flight);
        Next::Fault { status: fault_status(code), why: format!("the upstream's X-ResponseCode {code}") }
    }

    /// Gives up an operation that is still on its way: its client is gone, or its upstream. A session that it
    /// was about to open ends with it.
    pub fn give_up_by_cookie(&self, table: &CookieTable, flight: &mut Flight, why: &str) -> Next {
        if begins_session(flight) {
            table.abandon(flight.session().id());
        }
        self.end_by_cookie(table, flight);
        Next::Fault { status: CALL_FAILED, why: why.to_owned() }
    }

    /// Brings an answer of Autodiscover through the modules; none where none of them changed it.
    ///
    /// # Errors
    /// When it must not pass.
    pub fn autodiscover(
        &self,
        dialect: Dialect,
        answer: &[u8],
        context: &SecurityContext,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        self.stack().autodiscover(dialect, answer, context)
    }

    /// Ends the sessions that nobody used for `idle`.
    pub fn end_idle(&self, table: &CookieTable, now: FileTime, idle: Duration) {
        for session in table.take_idle(now, idle) {
            self.end_session(&session);
        }
    }

    /// Ends the sessions whose security context was revoked.
    pub fn end_revoked_by_cookie(&self, table: &CookieTable) {
        for session in table.take_revoked() {
            self.end_session(&session);
        }
    }

    /// Ends all sessions, since the proxy stops.
    pub fn end_all(&self, table: &CookieTable) {
        for session in table.take_all() {
            self.end_session(&session);
        }
    }

    fn respond_by_cookie(&self, table: &CookieTable, flight: &mut Flight) -> Next {
        let passage = in_session(flight, |operation, session| self.stack().response(operation, session));
        self.responded_by_cookie(table, flight, passage.unwrap_or_else(Passage::Refused))
    }

    fn responded_by_cookie(&self, table: &CookieTable, flight: &mut Flight, passage: Passage) -> Next {
        let next = match self.after_response(flight, passage) {
            ControlFlow::Continue(next) => next,
            ControlFlow::Break(deferred) => return deferred,
        };
        if is_over(flight) {
            table.remove(flight.session().id());
        } else if table.holds(flight.session().id()) {
            self.end_replaced(table, flight);
        }
        self.end_by_cookie(table, flight);
        next
    }

    /// Ends the session that the one of `flight` takes the place of.
    fn end_replaced(&self, table: &CookieTable, flight: &Flight) {
        if let Some(replaced) = flight.cookies.replaces.and_then(|id| table.remove(id)) {
            self.end_session(&replaced);
        }
    }

    /// One operation less is under way; ends its session where no cookie leads to it.
    fn end_by_cookie(&self, table: &CookieTable, flight: &mut Flight) {
        let id = flight.session().id();
        table.done(id, flight.operation.id(), &mut flight.cookies, flight.operation.at());
        if flight.session().lock().is_broken() {
            table.abandon(id);
        }
        if !table.holds(id) {
            self.end_session(flight.session());
        }
    }
}

/// What had to give way to a session that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GaveWay {
    /// Nothing: there was room.
    None,
    /// The session of the same identity that was idle for longest.
    LongestIdle,
}

fn too_many(full: Full) -> Refusal {
    Refusal::new(FaultStatus::RPC_S_SERVER_TOO_BUSY, full.to_string())
}

fn begins_session(flight: &Flight) -> bool {
    matches!(flight.operation.key(), OperationKey::Http(_, request_type) if request_type.begins_session())
}

/// Whether the operation ended its session, or failed to begin one.
fn is_over(flight: &mut Flight) -> bool {
    let OperationKey::Http(_, request_type) = flight.operation.key() else { return false };
    if !request_type.ends_session() && !request_type.begins_session() {
        return false;
    }
    let returned = flight
        .operation
        .response
        .as_mut()
        .and_then(|response| response.view().ok().and_then(Response::return_value));
    // [MS-OXCMAPIHTTP] 2.2.5.2.2: Unbind returns 1 where it did what it was asked.
    let success = returned.is_some_and(|code| code == ErrorCode::SUCCESS || code == ErrorCode(1));
    if request_type.ends_session() {
        success
    } else {
        returned.is_some_and(|code| code != ErrorCode::SUCCESS)
    }
}

/// What people get to read where an operation was refused.
pub fn explanation(code: ResponseCode) -> String {
    format!(
        "<html><head><title>MAPI over HTTP</title></head><body><p>X-ResponseCode {}</p></body></html>\r\n",
        code.0
    )
}
