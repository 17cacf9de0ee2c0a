//! Requests of clients as bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The header by which `user` authenticates.
pub(super) fn basic(user: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{user}pw1")))
}

/// The bytes of a request of MAPI over HTTP.
pub(super) fn mapi(user: &str, endpoint: &str, request_type: &str, cookie: &str, body: &[u8]) -> Vec<u8> {
    let cookie = if cookie.is_empty() { String::new() } else { format!("Cookie: {cookie}\r\n") };
    let authorization = basic(user);
    let head = format!(
        "POST /mapi/{endpoint}/ HTTP/1.1\r\nHost: proxy.lab.test\r\nContent-Type: application/mapi-http\r\n\
         X-RequestType: {request_type}\r\nX-RequestId: {{1}}:1\r\nX-ClientInfo: {{2}}:2\r\n{cookie}\
         {authorization}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The head of a request that is no operation, by alice; its body has this `length`.
pub(super) fn head(method: &str, length: usize) -> String {
    let authorization = basic("alice");
    format!("{method} /ews/x HTTP/1.1\r\nHost: a\r\n{authorization}Content-Length: {length}\r\n\r\n")
}
