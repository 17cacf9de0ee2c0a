//! The same for MAPI over HTTP: a session that the upstream's cookies stand for.

use bytes::Bytes;
use engine::{CookieTable, Engine, Envelope, Flight, Incoming, Next, OperationKey, Refusal, SecurityContext};
use mapi::mapihttp::{Endpoint, RequestType};

use crate::talk::{caller, incoming};

/// One client of an endpoint, and the engine that it talks through.
#[derive(Debug)]
pub struct Web<'a> {
    engine: &'a Engine,
    table: &'a CookieTable,
    endpoint: Endpoint,
    caller: SecurityContext,
    cookie: String,
}

impl<'a> Web<'a> {
    /// A caller of `authority` who has no session yet. What the upstream answers next sets the cookie
    /// `session=` with the same name.
    pub fn new(engine: &'a Engine, table: &'a CookieTable, endpoint: Endpoint, authority: &str) -> Self {
        Self { engine, table, endpoint, caller: caller(authority), cookie: format!("session={authority}") }
    }

    /// Sends a request with this body.
    ///
    /// # Errors
    /// When it does not become an operation.
    pub fn send(&self, request_type: RequestType, body: impl Into<Bytes>) -> Result<(Flight, Next), Refusal> {
        let key = OperationKey::Http(self.endpoint, request_type);
        let incoming = Incoming { envelope: Envelope::MapiHttp, ..incoming(&self.caller, key, body) };
        self.engine.begin_by_cookie(self.table, incoming, &[self.cookie.as_bytes()])
    }

    /// Sends a request and returns the body that the upstream gets.
    ///
    /// # Panics
    /// When the request is not relayed.
    #[track_caller]
    pub fn relayed(&self, request_type: RequestType, body: impl Into<Bytes>) -> (Flight, Bytes) {
        match self.send(request_type, body) {
            Ok((flight, Next::Relay { stub, .. })) => (flight, stub),
            other => panic!("not relayed: {other:?}"),
        }
    }

    /// Goes on with `flight`, which the upstream answers with `payload` and the session's cookie.
    ///
    /// # Panics
    /// When the cookie is another session's.
    #[track_caller]
    pub fn answer(&self, flight: &mut Flight, payload: impl Into<Bytes>) -> Next {
        let set = [self.cookie.as_str()].into_iter();
        self.engine.learn_cookies(self.table, flight, set).expect("every caller has a cookie of their own");
        self.engine.resume_by_cookie(self.table, flight, payload.into())
    }

    /// Goes on with `flight`, which the upstream answers with `payload`, and returns what the client gets.
    ///
    /// # Panics
    /// When the client does not get an answer.
    #[track_caller]
    pub fn answered(&self, flight: &mut Flight, payload: impl Into<Bytes>) -> Bytes {
        match self.answer(flight, payload) {
            Next::Reply { stub } => stub,
            next => panic!("not answered: {next:?}"),
        }
    }
}
