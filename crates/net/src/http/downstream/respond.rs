//! Answers in our own words.

use http1::{Head as _, RequestHead, ResponseHead, Version};

/// Appends an answer to `request` with `text`, to whose head `add` may add something.
pub(crate) fn to(
    out: &mut Vec<u8>,
    request: &RequestHead,
    status: u16,
    text: &str,
    add: impl FnOnce(&mut ResponseHead),
) {
    let body = if request.method() == "HEAD" { "" } else { text };
    write(out, status, text.len(), body, |head| {
        add(head);
        connection(head, request);
    });
}

/// Says in an answer's head whether the connection stays open.
pub(crate) fn connection(head: &mut ResponseHead, request: &RequestHead) {
    if !request.keeps_alive() {
        head.fields.push("Connection", "close");
    } else if request.version() == Version::Http10 {
        head.fields.push("Connection", "keep-alive");
    }
}

/// Appends an answer with `text` to what is no request that one could look into.
pub(crate) fn plain(out: &mut Vec<u8>, status: u16, text: &str, add: impl FnOnce(&mut ResponseHead)) {
    write(out, status, text.len(), text, add);
}

fn write(out: &mut Vec<u8>, status: u16, length: usize, body: &str, add: impl FnOnce(&mut ResponseHead)) {
    let Some(mut head) = ResponseHead::new(status, reason(status)) else { return };
    head.fields.push("Content-Type", "text/plain; charset=utf-8");
    head.fields.push("Content-Length", length.to_string());
    add(&mut head);
    head.write(out);
    out.extend_from_slice(body.as_bytes());
}

const fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        417 => "Expectation Failed",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        508 => "Loop Detected",
        _ => "Refused",
    }
}
