//! What a Bearer token calls its owner. The token is not verified here: that is the server's, and only after it
//! took the token does the name count.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use wire::FileTime;

use super::ticket::Fingerprint;
use super::{Named, named};
use crate::context::Principal;
use crate::error::Refusal;

#[derive(Deserialize)]
struct Header {
    alg: String,
}

/// The claims that name somebody, in tokens of Entra ID and of AD FS.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    upn: Option<String>,
    unique_name: Option<String>,
    preferred_username: Option<String>,
    oid: Option<String>,
    exp: Option<u64>,
}

/// Who a token is about: by name and issuer where it is a signed JWT (RFC 7519), else by its hash.
pub(super) fn name(token: &[u8]) -> Result<Named, Refusal> {
    if token.is_empty() {
        return Err(Refusal::Unnamed("no token"));
    }
    if let Some(claims) = claims(token)
        && let Some(name) = [claims.upn, claims.unique_name, claims.preferred_username, claims.oid]
            .into_iter()
            .flatten()
            .next()
        && let Ok(found) = named(&name, "", "Bearer")
    {
        let expires = claims.exp.and_then(file_time);
        return Ok(Named { by: format!("Bearer of {:?}", claims.iss), expires, ..found });
    }
    let print = Fingerprint::default().then(token);
    let principal = Principal::new(&format!("token {print}"), "");
    Ok(Named { principal, by: "Bearer".to_owned(), expires: None })
}

/// The claims of a JWT in its one compact form, if it is signed and has each of them but once.
fn claims(token: &[u8]) -> Option<Claims> {
    let parts: Vec<&[u8]> = token.split(|byte| *byte == b'.').collect();
    let [header, claims, signature] = parts.as_slice() else { return None };
    let decode = |part: &[u8]| URL_SAFE_NO_PAD.decode(part).ok();
    let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
    let unsigned = header.alg.eq_ignore_ascii_case("none") || decode(signature)?.is_empty();
    if unsigned { None } else { serde_json::from_slice(&decode(claims)?).ok() }
}

/// Seconds since 1970 as a file's time.
fn file_time(seconds: u64) -> Option<FileTime> {
    const BETWEEN_1601_AND_1970: u64 = 11_644_473_600;
    seconds.checked_add(BETWEEN_1601_AND_1970)?.checked_mul(10_000_000).map(FileTime)
}
