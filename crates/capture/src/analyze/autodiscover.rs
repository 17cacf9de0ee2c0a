//! Analyzes HTTP exchanges other than MAPI over HTTP, such as Autodiscover.

use mapi::inspect::Node;

use super::operation::Operation;
use super::sessions::{Key, Sessions};
use crate::call::{HttpCall, HttpMessage};

/// The maximum number of bytes of a text that are shown.
const MAX_TEXT: usize = 64 * 1024;

pub(super) fn http(operation: &mut Operation, sessions: &mut Sessions, connection: u64, call: &HttpCall) {
    operation.session = sessions.find(&[Key::Connection(connection)]);
    call.path().clone_into(&mut operation.endpoint);
    operation.operation = format!("{} {}", call.method, call.path());
    operation.request_size = call.request.body.len();
    operation.request = text(&call.request);
    if let Some(response) = &call.response {
        operation.status = Some(response.status);
        operation.response_size = Some(response.message.body.len());
        operation.response = text(&response.message);
    }
}

/// The body as text, if it is text.
fn text(message: &HttpMessage) -> Node {
    let kind = message.field("content-type").unwrap_or_default().to_ascii_lowercase();
    let is_text = ["xml", "json", "text", "html"].iter().any(|word| kind.contains(word));
    if message.body.is_empty() {
        return Node::Nothing;
    }
    match std::str::from_utf8(message.body.get(..message.body.len().min(MAX_TEXT)).unwrap_or_default()) {
        Ok(text) if is_text => Node::Text(text.to_owned()),
        _ => Node::Bytes(message.body.to_vec()),
    }
}
