//! Operations that name their session by cookies, as MAPI over HTTP does.

use bytes::Bytes;
use identity::Random;
use mapi::ErrorCode;
use mapi::mapihttp::ResponseCode;
use mapi::mapihttp::cookies::SetCookie;
use wire::Endian;

use crate::ahead::AheadRequest;
use crate::body::{OperationKey, Response};
use crate::engine::Engine;
use crate::message::Body as _;
use crate::operation::Operation;
use crate::refusal::{Refusal, RefusalKind, UpstreamRefusal};
use crate::session::SharedSession;
use crate::sessions::binding::{SessionBinding, not_encoded};
use crate::sessions::cookies::{CookieTable, Full};
use crate::sessions::sequence::RequestCookies;

/// The sessions by cookie, and the cookies of an operation's request.
#[derive(Debug)]
pub(crate) struct CookieBinding {
    pub(crate) table: CookieTable,
    pub(crate) cookies: RequestCookies,
}

/// Which session was ended to make room for one that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GaveWay {
    /// None: there was room.
    None,
    /// The session of the same identity that was idle for longest.
    LongestIdle,
}

impl CookieBinding {
    /// Enters the cookies that the upstream `set` for the session of `operation`.
    pub(crate) fn learn_cookies<'a>(
        &self,
        engine: &Engine,
        operation: &Operation,
        session: &SharedSession,
        set: impl Iterator<Item = &'a str>,
    ) -> Result<GaveWay, Refusal> {
        let OperationKey::Http(endpoint, request_type) = operation.key() else {
            return Ok(GaveWay::None);
        };
        let mut gave_way = GaveWay::None;
        let mut set = set.map(SetCookie::parse).filter(|set| !set.is_removal()).peekable();
        // What the upstream says to a client without a session opens none.
        if request_type.begins_session() && set.peek().is_some() {
            let replaces = self.cookies.replaces;
            let identity = operation.context().identity();
            let gone = self.table.open(endpoint, session, identity, replaces, operation.at());
            if let Some(gone) = gone.map_err(too_many)? {
                engine.end_session(&gone);
                if Some(gone.id()) != replaces {
                    gave_way = GaveWay::LongestIdle;
                }
            }
        }
        self.table
            .learn(endpoint, session.id(), &self.cookies, set)
            .map_err(|why| Refusal::new(RefusalKind::Failed, why))?;
        Ok(gave_way)
    }

    /// Ends the session that the one of this operation takes the place of.
    fn end_replaced(&self, engine: &Engine) {
        if let Some(replaced) = self.cookies.replaces.and_then(|id| self.table.remove(id)) {
            engine.end_session(&replaced);
        }
    }
}

impl SessionBinding for CookieBinding {
    fn upstream_request(&self, operation: &mut Operation) -> Result<Bytes, Refusal> {
        operation.request.leaving().map(|(body, _)| body).map_err(|error| bad_request(&error))
    }

    fn ahead_request(&self, _: &Operation, request: &AheadRequest) -> Result<(OperationKey, Bytes), Refusal> {
        let encoded = request.to_http().and_then(|body| Ok((body.key(), Bytes::from(body.encode()?))));
        encoded.map_err(|error| not_encoded(&error))
    }

    fn check_local_response(&self, _: &Operation, _: &SharedSession) -> Result<(), Refusal> {
        Ok(())
    }

    fn upstream_response(
        &self,
        _: &Operation,
        _: &SharedSession,
        (body, _): (Bytes, Endian),
        _: &mut dyn Random,
    ) -> Result<Bytes, Refusal> {
        Ok(body)
    }

    fn responded(&self, engine: &Engine, operation: &mut Operation, session: &SharedSession, _: bool) {
        if is_over(operation) {
            self.table.remove(session.id());
        } else if self.table.holds(session.id()) {
            self.end_replaced(engine);
        }
    }

    fn is_session_gone(&self, refusal: UpstreamRefusal) -> bool {
        refusal == UpstreamRefusal::ResponseCode(ResponseCode::ContextNotFound)
    }

    fn upstream_refused(
        &self,
        engine: &Engine,
        operation: &Operation,
        session: &SharedSession,
        refusal: UpstreamRefusal,
    ) {
        let is_gone = self.is_session_gone(refusal);
        if is_gone {
            // Where one was to be replaced, it is the one that is gone ([MS-OXCMAPIHTTP] 3.2.5.6).
            self.end_replaced(engine);
        }
        if is_gone || begins_session(operation) {
            self.table.remove(session.id());
        }
    }

    /// A session that it was about to open ends with it, at the server too.
    fn given_up(&self, operation: &Operation, session: &SharedSession) {
        if begins_session(operation) {
            self.table.abandon(session.id());
        }
    }

    /// One operation less is under way; its session ends where no cookie leads to it.
    fn settle(&mut self, engine: &Engine, operation: &Operation, session: &SharedSession) {
        let id = session.id();
        self.table.done(id, operation.id(), &mut self.cookies, operation.at());
        if session.lock().is_broken() {
            self.table.abandon(id);
        }
        if !self.table.holds(id) {
            engine.end_session(session);
        }
    }
}

/// The `X-ResponseCode` by which a client of MAPI over HTTP gets a refusal ([MS-OXCMAPIHTTP] 2.2.3.3.3).
pub const fn response_code(kind: RefusalKind) -> ResponseCode {
    match kind {
        RefusalKind::UnknownOperation => ResponseCode::InvalidRequestType,
        RefusalKind::BadRequest => ResponseCode::InvalidRequestBody,
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

/// The refusal of a request that would open more sessions than there may be.
pub(crate) fn too_many(full: Full) -> Refusal {
    Refusal::new(RefusalKind::TooBusy, full.to_string())
}

fn bad_request(error: &wire::Error) -> Refusal {
    Refusal::new(RefusalKind::BadRequest, error.to_string())
}

fn begins_session(operation: &Operation) -> bool {
    matches!(operation.key(), OperationKey::Http(_, request_type) if request_type.begins_session())
}

/// Whether the operation ended its session, or failed to begin one.
fn is_over(operation: &mut Operation) -> bool {
    let OperationKey::Http(_, request_type) = operation.key() else { return false };
    if !request_type.ends_session() && !request_type.begins_session() {
        return false;
    }
    let returned = operation
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
