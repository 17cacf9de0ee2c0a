//! Operations as people and programs read them.

mod json;
mod text;

use mapi::show::Shown;

pub use self::json::json;
pub(crate) use self::text::without_controls;
pub use self::text::{Sessions, text};

/// A value in few words, on one line.
pub(crate) fn short(value: &Shown) -> String {
    text::line(value)
}
