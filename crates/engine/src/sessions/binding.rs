//! What differs between operations that name their session by a context handle and those that name it by cookies.

use bytes::Bytes;
use identity::Random;
use wire::Endian;

use crate::ahead::AheadRequest;
use crate::body::OperationKey;
use crate::engine::Engine;
use crate::operation::Operation;
use crate::refusal::{Refusal, RefusalKind, UpstreamRefusal};
use crate::session::SharedSession;

/// How an operation is bound to its session: what is exchanged in its request and response for that, and what becomes
/// of the session when the operation is over.
///
/// There are two: [`HandleBinding`](crate::sessions::handle_binding::HandleBinding) for remote calls and
/// [`CookieBinding`](crate::sessions::cookie_binding::CookieBinding) for MAPI over HTTP.
pub(crate) trait SessionBinding {
    /// The request as it goes to the upstream, little-endian.
    fn upstream_request(&self, operation: &mut Operation) -> Result<Bytes, Refusal>;

    /// A request that a module sends ahead on the session of `operation`, as it goes to the upstream, little-endian, and
    /// which operation it is there.
    fn ahead_request(
        &self,
        operation: &Operation,
        request: &AheadRequest,
    ) -> Result<(OperationKey, Bytes), Refusal>;

    /// Checks a response that a module made in place of the upstream's.
    fn check_local_response(&self, operation: &Operation, session: &SharedSession) -> Result<(), Refusal>;

    /// The upstream's response `stub` as modules and the client see it, little-endian.
    fn upstream_response(
        &self,
        operation: &Operation,
        session: &SharedSession,
        stub: (Bytes, Endian),
        random: &mut dyn Random,
    ) -> Result<Bytes, Refusal>;

    /// The response came through the modules; `is_refused` says that the client gets a refusal in its place.
    fn responded(
        &self,
        engine: &Engine,
        operation: &mut Operation,
        session: &SharedSession,
        is_refused: bool,
    );

    /// Whether the upstream says with `refusal` that it does not have the session any more.
    fn is_session_gone(&self, refusal: UpstreamRefusal) -> bool;

    /// The upstream refused the operation itself.
    fn upstream_refused(
        &self,
        engine: &Engine,
        operation: &Operation,
        session: &SharedSession,
        refusal: UpstreamRefusal,
    );

    /// The operation is given up before it came to a response.
    fn given_up(&self, operation: &Operation, session: &SharedSession);

    /// The operation is over: ends its session where nothing leads to it any more.
    fn settle(&mut self, engine: &Engine, operation: &Operation, session: &SharedSession);
}

/// What a module sends ahead cannot be encoded.
pub(crate) fn not_encoded(error: &wire::Error) -> Refusal {
    Refusal::new(RefusalKind::Failed, format!("cannot encode a module's request: {error}"))
}
