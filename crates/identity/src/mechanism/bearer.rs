//! Bearer tokens (RFC 6750), and the name of their owner. The server verifies the token; the name counts only after
//! the server accepted it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use wire::FileTime;
use zeroize::Zeroizing;

use crate::error::AuthError;
use crate::fingerprint::Fingerprint;
use crate::package::{Package, Scope};
use crate::pass_through::named_user::{NamedUser, is_valid_name};
use crate::pass_through::transcript::{SingleToken, Transcript};
use crate::principal::{Key, Principal};

/// The mechanism. Neither end is implemented: tokens pass through.
pub(crate) struct Bearer;

impl Package for Bearer {
    fn name(&self) -> &'static str {
        "bearer"
    }

    fn http_scheme(&self) -> Option<&'static str> {
        Some("Bearer")
    }

    fn scope(&self) -> Scope {
        Scope::Request
    }

    fn claimed_name(&self, token: &[u8]) -> Option<String> {
        name(token).ok().map(|named| named.principal.user().to_owned())
    }

    /// An issuer may put any name into a token.
    fn name_is_for_display(&self) -> bool {
        true
    }

    fn transcript(&self) -> Option<Box<dyn Transcript>> {
        Some(Box::new(SingleToken::new(name)))
    }

    /// Servers offer it only to clients that announce support for it.
    fn accepted_unoffered(&self) -> bool {
        true
    }

    fn invalid_token(&self, bytes: &[u8; 32]) -> Vec<u8> {
        bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")).into_bytes()
    }

    /// The header contains the token without further encoding (RFC 6750 2.1).
    fn read_http(&self, credentials: &[u8]) -> Result<Zeroizing<Vec<u8>>, AuthError> {
        Ok(Zeroizing::new(credentials.to_vec()))
    }

    fn write_http(&self, token: &[u8]) -> Zeroizing<String> {
        Zeroizing::new(String::from_utf8_lossy(token).into_owned())
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

/// The claims about the owner, in tokens of Entra ID and of AD FS.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    /// The tenant.
    tid: Option<String>,
    /// The account in its tenant. Names are reassigned to other accounts; this identifier is not.
    oid: Option<String>,
    /// The account at its issuer (RFC 7519 4.1.2). Other issuers may use the same value for another account.
    sub: Option<String>,
    upn: Option<String>,
    unique_name: Option<String>,
    preferred_username: Option<String>,
    exp: Option<u64>,
}

impl Claims {
    /// The key by which the owner is compared, and the name to display; `None` if the token has no such claim.
    fn owner(&self) -> Option<(Key, Principal)> {
        let usable = |claim: &&str| !claim.is_empty() && is_valid_name(claim);
        let (kind, account) = match (&self.oid, &self.sub) {
            (Some(oid), _) => ("oid", oid),
            (None, Some(sub)) => ("sub", sub),
            (None, None) => return None,
        };
        let account = Some(account.as_str()).filter(usable)?;
        let tenant = self.tid.as_deref().unwrap_or_default();
        if !is_valid_name(tenant) || !is_valid_name(&self.iss) {
            return None;
        }
        let names = [&self.upn, &self.unique_name, &self.preferred_username];
        let shown = names.into_iter().flatten().map(String::as_str).find(usable);
        let key = Key::identifier(&format!("{kind} {account}"), tenant);
        Some((key, Principal::of_token(shown.unwrap_or(account), &self.iss)))
    }
}

/// The owner of a token: issuer, tenant and account of a signed JWT (RFC 7519), or the hash of another token.
fn name(token: &[u8]) -> Result<NamedUser, AuthError> {
    // A gateway before the server might interpret other characters (RFC 6750 2.1).
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    if token.is_empty() || !token.iter().all(is_token) {
        return Err(AuthError::NoUserName("no token"));
    }
    if let Some(claims) = claims(token)
        && let Some((key, principal)) = claims.owner()
    {
        let expires = claims.exp.and_then(file_time);
        return Ok(NamedUser { principal, key, source: format!("Bearer of {:?}", claims.iss), expires });
    }
    let print = Fingerprint::default().then(token);
    let principal = Principal::of_token(&print.to_string(), "");
    Ok(NamedUser { key: Key::name(&principal), principal, source: "Bearer".to_owned(), expires: None })
}

/// The claims of a JWT in compact form, if it is signed and has each claim at most once.
fn claims(token: &[u8]) -> Option<Claims> {
    let parts: Vec<&[u8]> = token.split(|byte| *byte == b'.').collect();
    let [header, claims, signature] = parts.as_slice() else { return None };
    let decode = |part: &[u8]| URL_SAFE_NO_PAD.decode(part).ok();
    let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
    let unsigned = header.alg.eq_ignore_ascii_case("none") || decode(signature)?.is_empty();
    if unsigned { None } else { serde_json::from_slice(&decode(claims)?).ok() }
}

/// Seconds since 1970 as a `FILETIME`.
fn file_time(seconds: u64) -> Option<FileTime> {
    const BETWEEN_1601_AND_1970: u64 = 11_644_473_600;
    seconds.checked_add(BETWEEN_1601_AND_1970)?.checked_mul(10_000_000).map(FileTime)
}
