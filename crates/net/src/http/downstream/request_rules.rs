//! What a service determines of its requests before they are authenticated.

/// What a service determines of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestRules {
    /// Whether the target is an endpoint of MAPI over HTTP. Its cookies are those of a session.
    pub(crate) mapi: bool,
    /// Whether the request is served without authentication.
    pub(crate) may_be_anonymous: bool,
}
