//! Removes secrets from recorded HTTP messages.

use bytes::Bytes;

use crate::call::{Call, CallBody, HttpMessage};

/// Header fields that contain passwords, tokens and cookies.
const SECRET: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "www-authenticate",
    "proxy-authenticate",
    "authentication-info",
];

/// Removes passwords, tokens and cookies from a call. The name of the user is kept.
pub fn redact(call: &mut Call) {
    if let CallBody::Http(http) = &mut call.body {
        strip(&mut http.request);
        if let Some(response) = &mut http.response {
            strip(&mut response.message);
            mask(&mut response.message.body);
        }
    }
}

fn strip(message: &mut HttpMessage) {
    message.fields.retain(|(name, _)| !is_secret(name.as_bytes()));
}

fn is_secret(name: &[u8]) -> bool {
    SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret.as_bytes()))
}

/// Overwrites the values of such fields among the header fields in the body of a response of MAPI over HTTP, before
/// its payload ([MS-OXCMAPIHTTP] 2.2.2.2). The body keeps its length, so that length fields remain correct.
fn mask(body: &mut Bytes) {
    let secrets = secrets(body);
    if secrets.is_empty() {
        return;
    }
    let mut bytes = body.to_vec();
    for (from, to) in secrets {
        bytes.get_mut(from..to).unwrap_or_default().fill(b'x');
    }
    *body = bytes.into();
}

/// The ranges of the values to be redacted.
fn secrets(body: &[u8]) -> Vec<(usize, usize)> {
    const TAGS: [&[u8]; 3] = [b"PROCESSING", b"PENDING", b"DONE"];
    let mut found = Vec::new();
    let (mut at, mut headers) = (0, false);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii_end();
        match text.iter().position(|byte| *byte == b':').and_then(|colon| text.split_at_checked(colon)) {
            // The end of the header fields, or another kind of body.
            _ if headers && text.is_empty() => break,
            _ if !headers && TAGS.contains(&text) => headers = text == b"DONE",
            _ if !headers => break,
            Some((name, value)) if is_secret(name.trim_ascii()) => {
                let end = at + text.len();
                let blank = value.iter().skip(1).take_while(|byte| byte.is_ascii_whitespace()).count();
                found.push((end - value.len() + 1 + blank, end));
            }
            _ => {}
        }
        at += line.len();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(body: &str) -> String {
        let mut bytes = Bytes::copy_from_slice(body.as_bytes());
        mask(&mut bytes);
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn secrets_before_the_payload_are_overwritten_in_place() {
        let tags = "PROCESSING\r\nPENDING\r\nDONE\r\n";
        let body = |cookie: &str, other: &str| {
            format!(
                "{tags}X-ElapsedTime: 7\r\nSet-Cookie: {cookie}\r\nset-cookie :{other}\r\nX-StartTime: a\r\n\r\n\
                 Set-Cookie: of the payload\r\n"
            )
        };
        assert_eq!(masked(&body("sid=1; path=/", "b=2")), body("xxxxxxxxxxxxx", "xxx"));
        let cut = |cookie: &str| format!("{tags}Set-Cookie: {cookie}");
        assert_eq!(masked(&cut("sid=1")), cut("xxxxx"), "cut short");
        for other in [
            format!("{tags}\r\nSet-Cookie: a"),
            format!("{tags}Set-Cookie:\r\nSet-Cookie: \r\n\r\n"),
            "Set-Cookie: a\r\n".to_owned(),
            "PENDING\r\nSet-Cookie: a\r\n".to_owned(),
            String::new(),
        ] {
            assert_eq!(masked(&other), other);
        }
    }
}
