//! Formats operations as lines of text for a terminal.

use std::collections::HashSet;
use std::fmt::Write as _;

use mapi::inspect::Node;

use crate::analyze::{Operation, Rop};
use crate::sanitize::without_controls;

/// The maximum numbers of characters of a text, and of bytes, that are shown.
const MAX_CHARS: usize = 400;
const MAX_BYTES: usize = 48;

/// The maximum width of a line with several values.
const WIDTH: usize = 96;

/// The sessions that were printed already: each is printed once.
#[derive(Debug, Default)]
pub struct Sessions {
    seen: HashSet<u64>,
}

/// Formats an operation as a tree of lines, each with a line end, after a line about its session if that is new.
pub fn text(operation: &Operation, sessions: &mut Sessions) -> String {
    let mut out = String::new();
    if sessions.seen.insert(operation.session) {
        session(operation, &mut out);
    }
    head(operation, &mut out);
    for problem in &operation.problems {
        line_at(&mut out, 1, &format!("! {problem}"));
    }
    part(&mut out, 1, "request", &operation.request);
    part(&mut out, 1, "response", &operation.response);
    for rop in &operation.rops {
        rop_lines(rop, &mut out);
    }
    out
}

fn session(operation: &Operation, out: &mut String) {
    let user = operation.user.as_deref().unwrap_or("unknown user");
    let mut text = format!("session {}: {user}, {}", operation.session, operation.envelope);
    if let (Some(client), Some(server)) = (operation.client, operation.server) {
        let _ = write!(text, ", client {client} to server {server}");
    }
    if let Some(side) = &operation.side {
        let _ = write!(text, ", {side} side");
    }
    line_at(out, 0, &text);
}

fn head(operation: &Operation, out: &mut String) {
    let mut text = String::new();
    if operation.time.0 != 0 {
        let _ = write!(text, "{} ", operation.time);
    }
    let _ = write!(text, "[{}] {}", operation.session, operation.operation);
    if let Some(user) = &operation.user {
        let _ = write!(text, " by {user}");
    }
    // The connection, which also identifies the side of a proxy.
    match (&operation.side, operation.client, operation.server) {
        (Some(side), ..) => {
            let _ = write!(text, ", {side} side");
        }
        (None, Some(client), Some(server)) => {
            let _ = write!(text, ", client {client} to server {server}");
        }
        _ => {}
    }
    let _ = write!(text, ", {} bytes", operation.request_size);
    match operation.response_size {
        Some(size) => {
            let _ = write!(text, ", {size} back");
        }
        None if operation.fault.is_none() => text.push_str(", no response"),
        None => {}
    }
    if let Some(elapsed) = operation.elapsed {
        let _ = write!(text, ", {:.1} ms", elapsed.as_secs_f64() * 1000.0);
    }
    if let Some(status) = operation.status.filter(|status| *status != 200) {
        let _ = write!(text, ", HTTP {status}");
    }
    if let Some(code) = operation.response_code.filter(|code| *code != 0) {
        let _ = write!(text, ", X-ResponseCode {code}");
    }
    if let Some(fault) = &operation.fault {
        let _ = write!(text, ", fault {fault}");
    }
    if let Some(value) = operation.return_value {
        let _ = write!(text, ": {value}");
    }
    line_at(out, 0, &text);
}

fn rop_lines(rop: &Rop, out: &mut String) {
    let mut text = rop.name.clone();
    match (&rop.object, rop.handle) {
        (Some(object), Some(handle)) => {
            let _ = write!(text, " on {object} ({handle:#x})");
        }
        (None, Some(handle)) => {
            let _ = write!(text, " on {handle:#x}");
        }
        _ => {}
    }
    if let Some(handle) = rop.opened_handle {
        let _ = write!(text, " opens {handle:#x}");
    }
    if let Some(value) = rop.return_value {
        let _ = write!(text, ": {value}");
    }
    line_at(out, 1, &text);
    for (name, shown) in [("request", &rop.request), ("response", &rop.response)] {
        if let Some(shown) = shown {
            part(out, 2, name, shown);
        }
    }
}

/// Appends a named value, unless it is empty.
fn part(out: &mut String, depth: usize, name: &str, shown: &Node) {
    if is_empty(shown) {
        return;
    }
    let short = line(shown);
    if fits(shown, &short) {
        return line_at(out, depth, &format!("{name}: {short}"));
    }
    line_at(out, depth, name);
    let deeper = depth.saturating_add(1);
    match shown {
        Node::Fields(fields) => fields.iter().for_each(|(name, shown)| part(out, deeper, name, shown)),
        Node::List(items) => {
            for (index, item) in items.iter().enumerate() {
                part(out, deeper, &format!("[{index}]"), item);
            }
        }
        _ => line_at(out, deeper, &short),
    }
}

fn is_empty(shown: &Node) -> bool {
    matches!(shown, Node::Nothing) || matches!(shown, Node::Fields(fields) if fields.is_empty())
}

/// Whether a value is printed on one line with its name.
fn fits(shown: &Node, short: &str) -> bool {
    match shown {
        Node::Fields(_) | Node::List(_) => short.chars().count() <= WIDTH,
        _ => true,
    }
}

/// Formats a value on one line.
pub(super) fn line(shown: &Node) -> String {
    match shown {
        Node::Nothing => "none".to_owned(),
        Node::Boolean(yes) => yes.to_string(),
        // Large numbers usually are ids.
        Node::Number(number) if *number > 0xffff_ffff => format!("{number:#x}"),
        Node::Number(number) => number.to_string(),
        Node::Signed(number) => number.to_string(),
        Node::Float(number) => number.to_string(),
        Node::Named(_, name) => name.clone().into_owned(),
        Node::Text(text) => quoted(text),
        Node::Bytes(bytes) | Node::String8 { bytes, .. } => hexadecimal(bytes),
        Node::Condition(condition) => condition.to_string(),
        Node::List(items) => format!("[{}]", joined(items.iter().map(line))),
        Node::Fields(fields) => {
            let fields = fields.iter().map(|(name, shown)| format!("{name}: {}", line(shown)));
            format!("{{{}}}", joined(fields))
        }
    }
}

/// Joins parts with commas, up to the width of a line.
fn joined(parts: impl Iterator<Item = String>) -> String {
    let mut out = String::new();
    for part in parts {
        if !out.is_empty() {
            out.push_str(", ");
        }
        out.push_str(&part);
        if out.len() > WIDTH.saturating_mul(4) {
            out.push('…');
            break;
        }
    }
    out
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(MAX_CHARS).saturating_add(2));
    out.push('"');
    let end = text.char_indices().nth(MAX_CHARS).map_or(text.len(), |(at, _)| at);
    without_controls(&mut out, text.get(..end).unwrap_or_default());
    out.push('"');
    let length = text.chars().count();
    if length > MAX_CHARS {
        let _ = write!(out, "… ({length} characters)");
    }
    out
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().min(MAX_BYTES).saturating_mul(2));
    for byte in bytes.iter().take(MAX_BYTES) {
        let _ = write!(out, "{byte:02x}");
    }
    if bytes.is_empty() {
        out.push_str("no bytes");
    }
    if bytes.len() > MAX_BYTES {
        let _ = write!(out, "… ({} bytes)", bytes.len());
    }
    out
}

/// Appends a line. Names and paths are untrusted: they must not be able to forge other lines, nor to control the
/// terminal.
fn line_at(out: &mut String, depth: usize, text: &str) {
    let _ = write!(out, "{:1$}", "", depth.saturating_mul(2));
    without_controls(out, text);
    out.push('\n');
}
