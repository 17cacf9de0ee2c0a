//! Begins the operations of MAPI over HTTP, whose sessions are found by cookies, and ends these sessions.

use std::time::Duration;

use mapi::mapihttp::cookies::cookies;
use mapi::mapihttp::{Endpoint, RequestType};
use wire::Now;

use crate::advance;
use crate::body::OperationKey;
use crate::engine::Engine;
use crate::flight::{Binding, Flight};
use crate::next::Next;
use crate::operation::Incoming;
use crate::refusal::{Refusal, RefusalKind};
use crate::session::SharedSession;
use crate::sessions::cookie_binding::{CookieBinding, session_limit_refusal};
use crate::sessions::cookies::{CookieTable, SessionLookup};
use crate::sessions::opening::Reservation;
use crate::sessions::sequence::utf8_values;

impl Engine {
    /// Begins the operation of a request of MAPI over HTTP, and passes the request to the modules. `sent` are the
    /// values of its `Cookie` headers.
    ///
    /// # Errors
    /// If the operation is unknown, the request or a cookie is malformed, the cookies have an unknown value or identify
    /// several sessions, one that has ended or one of another identity, the request is in the sequence of a session in
    /// which an earlier request was delayed and is still in progress, or a limit of sessions is reached.
    /// [`response_code`](crate::response_code) maps the kind of refusal to the `X-ResponseCode` for the client.
    pub fn begin_by_cookie(
        &self,
        table: &CookieTable,
        incoming: Incoming,
        sent: &[&[u8]],
    ) -> Result<Next, Refusal> {
        let (endpoint, request_type) = http_operation(incoming.key)?;
        if utf8_values(sent).count() != sent.len() {
            return Err(Refusal::new(RefusalKind::BadCookies, "a cookie has bytes that are not UTF-8"));
        }
        let (found, reservation) = find(table, (endpoint, request_type), &incoming, sent)?;
        if let Some(session) = &found.session {
            if session.is_revoked() {
                // A new account with the same name must not continue the session.
                self.end_revoked_by_cookie(table);
                let why = "the account with which the session was opened was revoked";
                return Err(Refusal::new(RefusalKind::NoSession, why));
            }
            session.renew(&incoming.context, incoming.at);
        }
        let session = found.session.unwrap_or_else(|| self.new_session(&incoming));
        let is_in_sequence = found.cookies.in_sequence;
        let binding = CookieBinding { table: table.clone(), cookies: found.cookies, reservation };
        let flight = Box::new(Flight::new(self, incoming, session, Binding::Cookies(binding)));
        let next = advance::begin(flight);
        let is_delayed = match &next {
            Next::Forward(call) => call.ahead().is_some(),
            Next::Defer(_) => true,
            Next::Done(_) => false,
        };
        if is_delayed && is_in_sequence {
            table.lock_sequence(next.flight().session_id(), next.flight().operation.id());
        }
        Ok(next)
    }

    /// Ends the sessions without a request for longer than `idle`, by the monotonic clock.
    pub fn end_idle(&self, table: &CookieTable, now: Now, idle: Duration) {
        for session in table.take_idle(now.monotonic, idle) {
            self.end_session(&session);
        }
    }

    /// Ends the sessions whose security context was revoked.
    pub fn end_revoked_by_cookie(&self, table: &CookieTable) {
        for session in table.take_revoked() {
            self.end_session(&session);
        }
    }

    /// Ends all sessions, because the proxy stops.
    pub fn end_all(&self, table: &CookieTable) {
        for session in table.take_all() {
            self.end_session(&session);
        }
    }
}

/// The endpoint and the request type of an operation of MAPI over HTTP.
fn http_operation(key: OperationKey) -> Result<(Endpoint, RequestType), Refusal> {
    let OperationKey::Http(endpoint, request_type) = key else {
        let why = "the request is an RPC call, not a request of MAPI over HTTP";
        return Err(Refusal::new(RefusalKind::UnknownOperation, why));
    };
    if endpoint.operation(request_type).is_none() {
        let why = format!("the endpoint {} does not have the request type {request_type}", endpoint.path());
        return Err(Refusal::new(RefusalKind::UnknownOperation, why));
    }
    Ok((endpoint, request_type))
}

/// Finds the session of a request by the values of its `Cookie` headers, `sent`. A Connect or Bind has no session
/// yet, but room for one.
fn find(
    table: &CookieTable,
    (endpoint, request_type): (Endpoint, RequestType),
    incoming: &Incoming,
    sent: &[&[u8]],
) -> Result<(SessionLookup, Option<Reservation>), Refusal> {
    let identity = incoming.context.identity();
    let all = utf8_values(sent).flat_map(cookies);
    if request_type.begins_session() {
        let cookies = table.find_replaced(endpoint, identity, all);
        let replaces = cookies.replaces.as_ref().map(SharedSession::id);
        let reservation = Reservation::new(table, endpoint, identity, replaces);
        let reservation = reservation.map_err(session_limit_refusal)?;
        return Ok((SessionLookup { session: None, cookies }, Some(reservation)));
    }
    let found = table.find(endpoint, identity, all, request_type.is_in_sequence(), incoming.at.monotonic);
    found.map(|found| (found, None)).map_err(|error| Refusal::new(error.kind(), error.to_string()))
}
