//! A client of MAPI over HTTP whose requests pass through an engine.

use bytes::Bytes;
use engine::{CookieTable, Engine, Envelope, Incoming, OperationKey, Refusal, SecurityContext};
use mapi::mapihttp::{Endpoint, RequestType};

use crate::flight::{Step, TestFlight};
use crate::rpc_client::{caller, incoming};

/// A client of an endpoint, and the engine through which its requests pass.
#[derive(Debug)]
pub struct MapiHttpClient<'a> {
    engine: &'a Engine,
    table: &'a CookieTable,
    endpoint: Endpoint,
    caller: SecurityContext,
    cookie: String,
}

impl<'a> MapiHttpClient<'a> {
    /// A caller of `authority` who has no session yet. The next response of the upstream sets the cookie
    /// `session=` with the same name.
    pub fn new(engine: &'a Engine, table: &'a CookieTable, endpoint: Endpoint, authority: &str) -> Self {
        Self { engine, table, endpoint, caller: caller(authority), cookie: format!("session={authority}") }
    }

    /// Sends a request with this body.
    ///
    /// # Errors
    /// If it does not become an operation.
    pub fn send(
        &self,
        request_type: RequestType,
        body: impl Into<Bytes>,
    ) -> Result<(TestFlight, Step), Refusal> {
        let key = OperationKey::Http(self.endpoint, request_type);
        let incoming = Incoming { envelope: Envelope::MAPI_HTTP, ..incoming(&self.caller, key, body) };
        self.engine.begin_by_cookie(self.table, incoming, &[self.cookie.as_bytes()]).map(TestFlight::new)
    }

    /// Sends a request and returns the body that the upstream receives.
    ///
    /// # Panics
    /// If the request is not forwarded.
    #[track_caller]
    pub fn relayed(&self, request_type: RequestType, body: impl Into<Bytes>) -> (TestFlight, Bytes) {
        match self.send(request_type, body) {
            Ok((flight, Step::Relay { stub, .. })) => (flight, stub),
            other => panic!("not relayed: {other:?}"),
        }
    }

    /// Continues `flight`, to which the upstream responds with `payload` and the session's cookie.
    ///
    /// # Panics
    /// If the cookie is another session's.
    #[track_caller]
    pub fn respond(&self, flight: &mut TestFlight, payload: impl Into<Bytes>) -> Step {
        let set = [self.cookie.as_str()].into_iter();
        flight.call().bind_cookies(set).expect("every caller has a cookie of their own");
        flight.respond(payload)
    }

    /// Continues `flight`, to which the upstream responds with `payload`, and returns the response to the client.
    ///
    /// # Panics
    /// If the client does not get a response.
    #[track_caller]
    pub fn delivered(&self, flight: &mut TestFlight, payload: impl Into<Bytes>) -> Bytes {
        match self.respond(flight, payload) {
            Step::Reply { stub } => stub,
            next => panic!("no response: {next:?}"),
        }
    }
}
