//! A line of the configuration below a message, with a marker under the part that the message is about.

use std::fmt;
use std::ops::Range;

/// The most characters of a line that are shown, and how many of them before the mark.
const SHOWN: usize = 100;
const BEFORE: usize = 60;

/// A line, and which of its characters are marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Excerpt {
    line: usize,
    text: String,
    marked: Range<usize>,
}

impl Excerpt {
    /// The line `line` of `text`, counted from one, with the part of the bytes `span` that is in it marked, at
    /// least one character.
    pub(super) fn of(text: &str, line: usize, span: Range<usize>) -> Self {
        let whole = text.split('\n').nth(line.saturating_sub(1)).unwrap_or_default();
        let begins: usize =
            text.split('\n').take(line.saturating_sub(1)).map(|line| line.len().saturating_add(1)).sum();
        let column = |offset: usize| {
            let offset = offset.saturating_sub(begins);
            whole.char_indices().take_while(|(at, _)| *at < offset).count()
        };
        let (from, to) = (column(span.start), column(span.end));
        let left_out = from.saturating_sub(BEFORE);
        let characters = whole.trim_end().chars().skip(left_out).take(SHOWN);
        // One character has one column.
        let mut shown: String = characters.map(|c| if c.is_control() { ' ' } else { c }).collect();
        let length = shown.chars().count();
        let (mut from, to) = (from.saturating_sub(left_out), to.saturating_sub(left_out).min(length));
        let mut to = to.max(from.saturating_add(1));
        if left_out > 0 {
            shown.insert_str(0, "...");
            (from, to) = (from.saturating_add(3), to.saturating_add(3));
        }
        Self { line, text: shown, marked: from..to }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, text, marked } = self;
        let digits = line.to_string().len();
        writeln!(f, "  {line} | {text}")?;
        let mark = "^".repeat(marked.len());
        write!(f, "  {:digits$} | {:from$}{mark}", "", "", from = marked.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marker_is_below_the_span_within_its_line() {
        let text = "a = 1\nname = [\n\"x\"\n]\nb\u{fc} =\t5\n";
        let shown = |line, span| Excerpt::of(text, line, span).to_string();
        assert_eq!(shown(1, 4..5), "  1 | a = 1\n    |     ^");
        assert_eq!(shown(2, 13..21), "  2 | name = [\n    |        ^");
        assert_eq!(shown(5, 21..24), "  5 | b\u{fc} = 5\n    | ^^");
        assert_eq!(shown(5, 27..28), "  5 | b\u{fc} = 5\n    |      ^");
        assert_eq!(shown(1, 5..5), "  1 | a = 1\n    |      ^");
        assert_eq!(shown(9, 0..0), "  9 | \n    | ^");
    }

    #[test]
    fn a_long_line_is_cut_on_both_sides_of_the_mark() {
        let text = format!("{}HERE{}", "x".repeat(500), "y".repeat(500));
        let shown = Excerpt::of(&text, 1, 500..504).to_string();
        let (line, mark) = shown.split_once('\n').unwrap();
        assert!(line.len() < 120, "{line}");
        assert_eq!(mark.find('^'), line.find("HERE"));
        assert_eq!(mark.matches('^').count(), 4);
    }
}
