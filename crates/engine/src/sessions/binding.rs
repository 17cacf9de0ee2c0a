//! What differs between operations that name their session by a context handle and those that name it by cookies.

use bytes::Bytes;
use identity::Random;
use wire::Endian;

use crate::ahead::AheadRequest;
use crate::body::OperationKey;
use crate::operation::Operation;
use crate::refusal::{Refusal, RefusalKind, UpstreamRefusal};
use crate::session::SharedSession;

/// How an operation is bound to its session: what is replaced in its request and response. What becomes of the
/// session at the end of the operation is in [`handle_lifetime`](crate::sessions::handle_lifetime) and
/// [`cookie_lifetime`](crate::sessions::cookie_lifetime).
///
/// There are two: [`HandleBinding`](crate::sessions::handle_binding::HandleBinding) for RPC calls and
/// [`CookieBinding`](crate::sessions::cookie_binding::CookieBinding) for MAPI over HTTP.
pub(crate) trait SessionBinding {
    /// The request as it goes to the upstream, little-endian.
    fn upstream_request(&self, operation: &mut Operation) -> Result<Bytes, Refusal>;

    /// A request that a module sends ahead on the session of `operation`, as it goes to the upstream, little-endian,
    /// and which operation it is there.
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
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// A response has passed the modules. The client gets the response, or a refusal in its place.
    Responded {
        /// Whether the client gets a refusal.
        is_refused: bool,
    },
    /// The upstream refused the operation.
    RefusedByUpstream(UpstreamRefusal),
    /// The proxy refused the operation before it had a response.
    Refused,
    /// The operation was given up before it had a response.
    GivenUp,
}

/// What a module sends ahead cannot be encoded.
pub(crate) fn cannot_encode_ahead(error: &wire::Error) -> Refusal {
    Refusal::new(RefusalKind::Failed, format!("cannot encode a module's request: {error}"))
}
