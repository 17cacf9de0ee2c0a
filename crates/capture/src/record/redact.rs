use crate::call::{Call, CallBody, HttpMessage};

/// Fields of HTTP that hold passwords, tokens and cookies.
const SECRET: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "www-authenticate",
    "proxy-authenticate",
    "authentication-info",
];

/// Takes passwords, tokens and cookies out of a call. Who signed in stays.
pub fn redact(call: &mut Call) {
    if let CallBody::Http(http) = &mut call.body {
        strip(&mut http.request);
        if let Some(response) = &mut http.response {
            strip(&mut response.message);
        }
    }
}

fn strip(message: &mut HttpMessage) {
    message.fields.retain(|(name, _)| !SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret)));
}
