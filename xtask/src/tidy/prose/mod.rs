//! The prose of a file: comments and string literals of code, everything of documents.

mod line;
mod rust;
mod script;

pub(super) use self::line::Line;
pub(super) use self::rust::of_rust;
pub(super) use self::script::of_script;

/// All lines of a document.
pub(super) fn of_document(text: &str) -> Vec<Line<'_>> {
    text.lines().enumerate().map(|(index, text)| Line { number: index + 1, text }).collect()
}
