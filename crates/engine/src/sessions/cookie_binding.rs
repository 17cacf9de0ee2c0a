//! The session binding of MAPI over HTTP, by cookies.

use bytes::Bytes;
use identity::{Random, SecurityContext};
use mapi::mapihttp::ResponseCode;
use mapi::mapihttp::cookies::SetCookie;
use wire::Endian;

use crate::ahead::AheadRequest;
use crate::body::OperationKey;
use crate::engine::Engine;
use crate::message::Body as _;
use crate::operation::Operation;
use crate::refusal::{Refusal, RefusalKind};
use crate::session::SharedSession;
use crate::sessions::binding::{SessionBinding, cannot_encode_ahead};
use crate::sessions::cookies::{CookieTable, SessionLimitReached};
use crate::sessions::opening::{OpeningSession, Reservation};
use crate::sessions::reissued::Reissued;
use crate::sessions::sequence::RequestCookies;
use crate::user_memory::{MemoryLimit, MemoryUse};

/// The cookie table of the listener, and the cookies of an operation's request.
#[derive(Debug)]
pub(crate) struct CookieBinding {
    pub(crate) table: CookieTable,
    pub(crate) cookies: RequestCookies,
    /// The room for the session that a Connect or Bind opens, until the session is in the table.
    pub(crate) reservation: Option<Reservation>,
}

/// Whether the user's session that was idle for longest was ended to open another one, and because of which limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eviction {
    /// No session was ended.
    None,
    /// The user had the maximum number of sessions of a user.
    PerUser,
    /// The listener had the maximum number of sessions.
    Total,
}

impl CookieBinding {
    /// Binds the cookies that the upstream `set` to the session of `operation`. Opens the session if the operation is
    /// a Connect or Bind.
    pub(crate) fn bind_cookies<'a>(
        &mut self,
        engine: &Engine,
        operation: &Operation,
        session: &SharedSession,
        set: impl Iterator<Item = &'a str>,
    ) -> Result<Eviction, Refusal> {
        let OperationKey::Http(endpoint, request_type) = operation.key() else {
            return Ok(Eviction::None);
        };
        let mut eviction = Eviction::None;
        let mut set = set.map(SetCookie::parse).filter(|set| !set.is_removal()).peekable();
        // A response without cookies opens no session.
        if request_type.begins_session() && set.peek().is_some() {
            let replaces = self.cookies.replaces.as_ref().map(SharedSession::id);
            let identity = operation.context().identity();
            let share = engine.share(identity, MemoryUse::Sessions);
            let evicted = self.table.open(endpoint, session, identity, replaces, share, operation.received());
            let evicted = evicted.map_err(session_limit_refusal)?;
            self.reservation = None;
            if let Some((evicted, limit)) = evicted {
                engine.end_session(&evicted);
                if Some(evicted.id()) != replaces {
                    eviction = match limit {
                        SessionLimitReached::PerUser => Eviction::PerUser,
                        SessionLimitReached::Total => Eviction::Total,
                    };
                }
            }
        }
        let (ended, bound) = self.table.bind(endpoint, session.id(), &self.cookies, set);
        for session in &ended {
            engine.end_reissued(session, Reissued::Cookies);
        }
        bound.map_err(|error| Refusal::new(RefusalKind::Failed, error.to_string()))?;
        self.table.count(session.id(), 0).map_err(too_many_cookies)?;
        Ok(eviction)
    }

    /// The session that a Connect or Bind opens, if it is not in the table yet.
    pub(crate) fn opening(
        &mut self,
        engine: &Engine,
        operation: &Operation,
        session: &SharedSession,
    ) -> Option<OpeningSession> {
        let reservation = self.reservation.take()?;
        Some(OpeningSession {
            engine: engine.clone(),
            session: session.clone(),
            identity: operation.context().identity().clone(),
            cookies: std::mem::take(&mut self.cookies),
            at: operation.received(),
            reservation,
        })
    }

    /// Holds cookies for the client's next request. `set` are the values of `Set-Cookie` headers.
    pub(crate) fn add_pending_cookies<'a>(
        &mut self,
        session: &SharedSession,
        set: impl Iterator<Item = &'a str>,
    ) -> Result<(), Refusal> {
        self.cookies.add_pending_cookies(set);
        self.table.count(session.id(), self.cookies.pending_memory()).map_err(too_many_cookies)
    }
}

impl SessionBinding for CookieBinding {
    fn upstream_request(&self, operation: &mut Operation) -> Result<Bytes, Refusal> {
        operation.request.outgoing().map(|(body, _)| body).map_err(|error| bad_request(&error))
    }

    fn check_request(
        &self,
        _: &Engine,
        _: &SecurityContext,
        _: (OperationKey, &[u8]),
    ) -> Result<(), Refusal> {
        Ok(())
    }

    fn ahead_request(&self, _: &Operation, request: &AheadRequest) -> Result<(OperationKey, Bytes), Refusal> {
        let encoded = request.to_http().and_then(|body| Ok((body.key(), Bytes::from(body.encode()?))));
        encoded.map_err(|error| cannot_encode_ahead(&error))
    }

    fn check_local_response(&self, _: &Operation, _: &SharedSession) -> Result<(), Refusal> {
        Ok(())
    }

    fn upstream_response(
        &self,
        _: &Engine,
        _: &Operation,
        _: &SharedSession,
        body: (Bytes, Endian),
        _: &mut dyn Random,
    ) -> Result<(Bytes, Endian), Refusal> {
        Ok(body)
    }
}

/// The `X-ResponseCode` of a refusal, for a client of MAPI over HTTP ([MS-OXCMAPIHTTP] 2.2.3.3.3).
pub const fn response_code(kind: RefusalKind) -> ResponseCode {
    match kind {
        RefusalKind::UnknownOperation => ResponseCode::InvalidRequestType,
        RefusalKind::BadRequest => ResponseCode::InvalidRequestBody,
        RefusalKind::TooLarge => ResponseCode::TooLarge,
        RefusalKind::NoSession => ResponseCode::ContextNotFound,
        RefusalKind::BadCookies | RefusalKind::SessionBroken => ResponseCode::InvalidContextCookie,
        RefusalKind::OutOfSequence => ResponseCode::InvalidSequence,
        RefusalKind::AccessDenied => ResponseCode::NoPrivilege,
        RefusalKind::TooBusy
        | RefusalKind::TimedOut
        | RefusalKind::Unavailable
        | RefusalKind::NotExecuted
        | RefusalKind::Failed => ResponseCode::UnknownFailure,
    }
}

/// The refusal of a request that would exceed a limit of sessions.
pub(crate) fn session_limit_refusal(limit: SessionLimitReached) -> Refusal {
    Refusal::new(RefusalKind::TooBusy, limit.to_string())
}

/// The refusal of a response whose cookies exceed the memory of the user.
fn too_many_cookies(limit: MemoryLimit) -> Refusal {
    Refusal::new(
        RefusalKind::TooBusy,
        format!("{limit}: the cookies of the session, which was ended, need too much memory"),
    )
}

fn bad_request(error: &wire::Error) -> Refusal {
    Refusal::new(RefusalKind::BadRequest, error.to_string())
}
