//! The user of a request, by its `Authorization` field.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// The user of an `Authorization` field that contains the name in plain text.
pub(crate) fn plain_user(authorization: &str) -> Option<Arc<str>> {
    let (scheme, value) = authorization.split_once(' ').unwrap_or_default();
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = STANDARD.decode(value.trim()).ok()?;
        let text = String::from_utf8_lossy(&decoded);
        return text.split_once(':').map(|(user, _)| Arc::from(user));
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        return token_user(value).map(Arc::from);
    }
    None
}

/// The token of NTLM or Negotiate in a field.
pub(super) fn handshake_token(field: &str) -> Option<Vec<u8>> {
    let (scheme, value) = field.split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("ntlm") || scheme.eq_ignore_ascii_case("negotiate");
    known.then(|| STANDARD.decode(value.trim()).ok()).flatten()
}

/// The user that a JSON Web Token was issued for.
fn token_user(token: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    let names = ["upn", "preferred_username", "unique_name", "email"];
    let name = names.iter().find_map(|name| claims.get(name)?.as_str())?;
    Some(name.to_owned())
}
