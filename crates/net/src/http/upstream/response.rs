//! Rewrites the head of a server's response for the client.

use http1::{Fate, Framing, ResponseHead, Version};

use crate::http::downstream::context::RequestContext;
use crate::http::upstream::headers::{is_of_connection, named_by_connection};

/// How an answer's body goes to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// As it came.
    AsItCame,
    /// In chunks of ours.
    Chunked,
    /// Up to the connection's end.
    UntilClose,
}

/// Makes the server's `head` one that goes to the client as ours: what concerns the connection to the server
/// and our sign-in there stays here.
pub(crate) fn adapt_response(head: &mut ResponseHead, framing: Framing, request: &RequestContext) -> Coding {
    const OURS: [&str; 3] = ["www-authenticate", "persistent-auth", "proxy-support"];
    let named = named_by_connection(&head.fields);
    // Each hop says its own version (RFC 9112 2.3): what frames the body below is not in HTTP/1.0.
    head.set_version(Version::Http11);
    head.fields.rewrite(|name, value| {
        let ours = OURS.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
        if ours || is_of_connection(name, &named) {
            Fate::Goes
        } else if name.eq_ignore_ascii_case(b"set-cookie") {
            request.cookies.answered(value)
        } else {
            Fate::Stays
        }
    });
    if let Some(token) = &request.token {
        head.fields.push("WWW-Authenticate", token.clone());
    }
    match (framing, request.version()) {
        (Framing::Chunked, Version::Http10) => {
            head.fields.remove("transfer-encoding");
            Coding::UntilClose
        }
        (Framing::UntilClose, Version::Http10) => Coding::UntilClose,
        (Framing::UntilClose, Version::Http11) => {
            head.fields.push("Transfer-Encoding", "chunked");
            Coding::Chunked
        }
        _ => {
            if request.version() == Version::Http10 && request.keep {
                head.fields.push("Connection", "keep-alive");
            }
            Coding::AsItCame
        }
    }
}
