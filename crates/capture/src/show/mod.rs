//! Formats operations as text and as JSON.

mod json;
mod text;

use mapi::inspect::Node;

pub use self::json::json;
pub use self::text::{Sessions, text};

/// Formats a value in short form, on one line.
pub(crate) fn short(value: &Node) -> String {
    text::line(value)
}

/// Converts a value to JSON.
#[cfg(test)]
pub(crate) fn json_value(value: &Node) -> serde_json::Value {
    json::value(value)
}
