//! The names of session context cookies: the cookies by whose values servers find a session ([MS-OXCMAPIHTTP] 3.2.1
//! and 4.1).
//!
//! The specification leaves the name to the server. A cookie with one of these names has another value for each
//! session, so that a server that sets the same value for another user has lost the session that had it before. This
//! is not true of other cookies: a load balancer sets one value for many sessions. A load balancer in front of the
//! server must therefore not use these names.

/// The name that Exchange uses, and the one that gromox uses (`loadCookies` in its `exch/mh`).
const NAMES: [&str; 2] = ["MapiContext", "sid"];

/// Whether a cookie with this name is a session context cookie. Names are compared without regard to case, as in
/// [`Hashers`](crate::sessions::fingerprint::Hashers).
pub(crate) fn is_context_cookie(name: &str) -> bool {
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}
