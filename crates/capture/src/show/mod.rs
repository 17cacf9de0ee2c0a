//! Operations as people and programs read them.

mod json;
mod text;

use mapi::inspect::Node;

pub use self::json::json;
pub use self::text::{Sessions, text};

/// A value in few words, on one line.
pub(crate) fn short(value: &Node) -> String {
    text::line(value)
}

/// A value as it is in JSON.
#[cfg(test)]
pub(crate) fn json_value(value: &Node) -> serde_json::Value {
    json::value(value)
}
