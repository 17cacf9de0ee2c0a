//! The prose of Rust: comments and string literals.

use super::line::Line;

/// The comments without their slashes and the literals without their quotes, piece by piece.
pub(in super::super) fn of_rust(text: &str) -> Vec<Line<'_>> {
    let mut lexer = Lexer { text, at: 0, number: 1, lines: Vec::new() };
    while lexer.step() {}
    lexer.lines
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    number: usize,
    lines: Vec<Line<'a>>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Passes one token or one character; false at the end.
    fn step(&mut self) -> bool {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return false };
        if rest.starts_with("//") {
            self.prose(0, rest.find('\n').unwrap_or(rest.len()), 0);
        } else if rest.starts_with("/*") {
            self.prose(2, block_comment(rest), 0);
        } else if first == '"' {
            self.prose(1, string(&rest[1..]) + 1, 1);
        } else if let Some(Raw { open, inside, close }) = raw_string(rest) {
            self.prose(open, open + inside, close);
        } else if first == '\'' {
            self.skip(character(rest));
        } else if first.is_alphanumeric() || first == '_' {
            self.skip(rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len()));
        } else {
            self.skip(first.len_utf8());
        }
        true
    }

    fn skip(&mut self, bytes: usize) {
        self.number += self.rest()[..bytes].matches('\n').count();
        self.at += bytes;
    }

    /// Passes `open` bytes, then takes what lies before `end` as prose, then passes `close` bytes.
    fn prose(&mut self, open: usize, end: usize, close: usize) {
        let inside = &self.rest()[open.min(end)..end];
        for (index, line) in inside.lines().enumerate() {
            let text = line.trim_start().trim_start_matches(['/', '!', '*']);
            self.lines.push(Line { number: self.number + index, text });
        }
        self.skip((end + close).min(self.rest().len()));
    }
}

/// The length of a block comment, which may hold others.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of a string's contents, up to the quote that ends it.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at,
            _ => {}
        }
    }
    text.len()
}

/// The lengths of the parts of a raw string.
struct Raw {
    open: usize,
    inside: usize,
    close: usize,
}

fn raw_string(text: &str) -> Option<Raw> {
    let hashes =
        text.strip_prefix("br").or_else(|| text.strip_prefix("cr")).or_else(|| text.strip_prefix('r'))?;
    let inside = hashes.trim_start_matches('#');
    let count = hashes.len() - inside.len();
    let inside = inside.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(count));
    let open = text.len() - inside.len();
    Some(Raw { open, inside: inside.find(&end).unwrap_or(inside.len()), close: end.len() })
}

/// The length of a character's literal, or of the quote alone where it begins a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some(_)) => chars.find(|(_, c)| *c == '\'').map_or(1, |(at, _)| at + 1),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prose(text: &str) -> Vec<(usize, String)> {
        of_rust(text).into_iter().map(|line| (line.number, line.text.trim().to_owned())).collect()
    }

    #[test]
    fn comments_and_literals_are_prose_and_names_are_not() {
        let text = "//! One.\nfn two() { /* three\n * four */ five(\"six \\\" seven\"); } // eight\n";
        let expected = [(1, "One."), (2, "three"), (3, "four */"), (3, "six \\\" seven"), (3, "eight")];
        let expected: Vec<_> = expected.map(|(number, text)| (number, text.to_owned())).into();
        assert_eq!(prose(text), expected);
    }

    #[test]
    fn quotes_of_all_kinds_end_where_they_should() {
        let lines = |text| prose(text).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(lines("r#\"a \" b\"#; c(\"d\")"), ["a \" b", "d"]);
        assert_eq!(lines("br\"a\"\"b\""), ["a", "b"]);
        assert_eq!(lines("b\"a\"; ('\"', '\\'', \"b\")"), ["a", "b"]);
        assert_eq!(lines("fn a<'b>(x: &'b str) { c(\"d\") }"), ["d"]);
        assert_eq!(lines("for \"a\""), ["a"]);
    }
}
