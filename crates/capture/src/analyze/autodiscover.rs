//! Analyzes HTTP exchanges other than MAPI over HTTP, such as Autodiscover.

use std::borrow::Cow;

use mapi::inspect::Node;

use super::operation::Operation;
use super::sessions::{Key, Sessions};
use crate::call::{HttpCall, HttpMessage};
use crate::content_coding::{unsupported, without_coding};

/// The maximum number of bytes of a text that are shown.
const MAX_TEXT: usize = 64 * 1024;

pub(super) fn http(operation: &mut Operation, sessions: &mut Sessions, connection: u64, call: &HttpCall) {
    operation.session = sessions.find(&[Key::Connection(connection)]);
    call.path().clone_into(&mut operation.endpoint);
    operation.operation = format!("{} {}", call.method, call.path());
    operation.request_size = call.request.body.len();
    operation.request = text(&call.request, "request", &mut operation.problems);
    if let Some(response) = &call.response {
        operation.status = Some(response.status);
        operation.response_size = Some(response.message.body.len());
        operation.response = text(&response.message, "response", &mut operation.problems);
    }
}

/// The body as text, if it is text, without its content coding.
fn text(message: &HttpMessage, which: &str, problems: &mut Vec<String>) -> Node {
    let kind = message.field("content-type").unwrap_or_default().to_ascii_lowercase();
    let is_text = ["xml", "json", "text", "html"].iter().any(|word| kind.contains(word));
    let body = without_coding(message).unwrap_or_else(|error| {
        problems.push(format!("{which}: {error}"));
        Cow::Borrowed(&message.body[..])
    });
    if body.is_empty() {
        return Node::Nothing;
    }
    match std::str::from_utf8(body.get(..body.len().min(MAX_TEXT)).unwrap_or_default()) {
        Ok(text) if is_text => Node::Text(text.to_owned()),
        _ => {
            problems.extend(unsupported(message).map(|error| format!("{which}: {error}")));
            Node::Bytes(body.into_owned())
        }
    }
}
