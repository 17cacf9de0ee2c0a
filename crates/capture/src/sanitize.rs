//! Text from a recording, made safe to print on a terminal.

/// Appends `text` with its control characters escaped, and those characters that change the order or the place of
/// others on a terminal.
pub(crate) fn without_controls(out: &mut String, text: &str) {
    for c in text.chars() {
        if c.is_control() || reorders(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
}

/// Whether a character controls the direction of text or separates lines and paragraphs (UAX #9 2, UAX #14 5.1).
const fn reorders(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_control_a_terminal_or_reorder_text_are_escaped() {
        let mut out = String::new();
        without_controls(&mut out, "a\u{202e}b\u{1b}c\u{2066}d\u{200f}e\u{e4}\u{5d0}\u{200d}");
        assert_eq!(out, "a\\u{202e}b\\u{1b}c\\u{2066}d\\u{200f}e\u{e4}\u{5d0}\u{200d}");
    }
}
