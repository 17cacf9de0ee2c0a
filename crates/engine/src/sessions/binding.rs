//! The trait [`SessionBinding`]: what is replaced in requests and responses, by context handle or by cookie.

use bytes::Bytes;
use identity::{Random, SecurityContext};
use wire::Endian;

use crate::ahead::AheadRequest;
use crate::body::OperationKey;
use crate::engine::Engine;
use crate::operation::Operation;
use crate::refusal::{Refusal, RefusalKind, UpstreamRefusal};
use crate::session::SharedSession;

/// How an operation is bound to its session: the replacements in its request and response. When a session ends is in
/// [`handle_lifetime`](crate::sessions::handle_lifetime) and [`cookie_lifetime`](crate::sessions::cookie_lifetime).
///
/// There are two implementations: [`HandleBinding`](crate::sessions::handle_binding::HandleBinding) for RPC calls and
/// [`CookieBinding`](crate::sessions::cookie_binding::CookieBinding) for MAPI over HTTP.
pub(crate) trait SessionBinding {
    /// The request to send to the upstream, little-endian.
    fn upstream_request(&self, operation: &mut Operation) -> Result<Bytes, Refusal>;

    /// Checks whether a request of `context` that was encoded earlier may still be sent: the stub of the call with that
    /// key, or the body.
    fn check_request(
        &self,
        engine: &Engine,
        context: &SecurityContext,
        request: (OperationKey, &[u8]),
    ) -> Result<(), Refusal>;

    /// Encodes a request that a module sends ahead, in the session of `operation`. Returns its key, and its stub or
    /// body, little-endian.
    fn ahead_request(
        &self,
        operation: &Operation,
        request: &AheadRequest,
    ) -> Result<(OperationKey, Bytes), Refusal>;

    /// Checks a response that a module created in place of the upstream's.
    fn check_local_response(&self, operation: &Operation, session: &SharedSession) -> Result<(), Refusal>;

    /// The upstream's response for the modules and the client, and its byte order: little-endian if it contains a
    /// context handle.
    fn upstream_response(
        &self,
        engine: &Engine,
        operation: &Operation,
        session: &SharedSession,
        stub: (Bytes, Endian),
        random: &mut dyn Random,
    ) -> Result<(Bytes, Endian), Refusal>;
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The modules processed a response. The client receives the response, or a refusal in its place.
    Responded {
        /// Whether the client receives a refusal.
        is_refused: bool,
    },
    /// The upstream refused the operation.
    RefusedByUpstream(UpstreamRefusal),
    /// The proxy refused the operation before there was a response.
    Refused,
    /// The operation was aborted before there was a response.
    Aborted,
}

/// The refusal if a request that a module sends ahead cannot be encoded.
pub(crate) fn cannot_encode_ahead(error: &wire::Error) -> Refusal {
    Refusal::new(RefusalKind::Failed, format!("cannot encode the request that a module sent ahead: {error}"))
}
