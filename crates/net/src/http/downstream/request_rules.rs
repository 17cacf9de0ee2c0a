//! The rules of a service that apply to a request before it is authenticated.

/// The rules of a service for a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestRules {
    /// Whether the target is an endpoint of MAPI over HTTP. Its cookies are those of a session.
    pub(crate) mapi: bool,
    /// Whether the request is served without authentication.
    pub(crate) may_be_anonymous: bool,
}
