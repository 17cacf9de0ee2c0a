//! The prose of Python, shell and TOML: comments and string literals.

use super::line::Line;

/// The marks of literals. Those of several lines come first, since they begin with the others.
const QUOTES: [&str; 4] = ["\"\"\"", "'''", "\"", "'"];

/// The comments without `#` and the literals without quotes, piece by piece.
pub(in super::super) fn of_script(text: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    // The literal that began in an earlier line.
    let mut open = None;
    for (number, line) in (1..).zip(text.lines()) {
        let mut rest = line;
        while !rest.is_empty() {
            let (text, behind) = if let Some(quote) = open {
                let (inside, behind) = literal(rest, quote);
                open = if behind.is_some() { None } else { Some(quote) };
                (inside, behind.unwrap_or_default())
            } else {
                let (at, mark) = next_mark(line, rest);
                match mark {
                    Mark::Quote(quote) => {
                        open = Some(quote);
                        ("", &rest[at + quote.len()..])
                    }
                    Mark::Comment => (rest[at..].trim_start_matches(['#', '!', ':']), ""),
                    Mark::End => ("", ""),
                }
            };
            if !text.is_empty() {
                lines.push(Line { number, text });
            }
            rest = behind;
        }
        // Only these go on in the next line.
        open = open.filter(|quote| quote.len() > 1);
    }
    lines
}

/// What begins in a line.
enum Mark {
    Quote(&'static str),
    Comment,
    End,
}

/// The first mark in `rest`, which is the end of `line`, and where it is.
fn next_mark(line: &str, rest: &str) -> (usize, Mark) {
    let begin = line.len() - rest.len();
    for (at, c) in rest.char_indices() {
        // `${name#pattern}` in a shell script is no comment.
        if c == '#' && line[..begin + at].chars().next_back().is_none_or(char::is_whitespace) {
            return (at, Mark::Comment);
        }
        if let Some(quote) = QUOTES.iter().find(|quote| rest[at..].starts_with(**quote)) {
            return (at, Mark::Quote(quote));
        }
    }
    (rest.len(), Mark::End)
}

/// The inside of a literal, and what is behind it if it ends in this line.
fn literal<'a>(text: &'a str, quote: &str) -> (&'a str, Option<&'a str>) {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if text[at..].starts_with(quote) => return (&text[..at], Some(&text[at + quote.len()..])),
            _ => {}
        }
    }
    (text, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prose(text: &str) -> Vec<(usize, &str)> {
        of_script(text).into_iter().map(|line| (line.number, line.text.trim())).collect()
    }

    #[test]
    fn comments_and_literals_are_prose_and_names_are_not() {
        assert_eq!(
            prose("a = b  # one's\nc(\"two # 'three'\", 'f\\'our')\n"),
            [(1, "one's"), (2, "two # 'three'"), (2, "f\\'our"),]
        );
        assert_eq!(prose("#!/bin/sh\na=${b#c} # d"), [(1, "/bin/sh"), (2, "d")]);
    }

    #[test]
    fn a_literal_may_have_several_lines() {
        let text = "\"\"\"One \"two\"\n\nthree.\"\"\" + '''four''' # five\nsix\n";
        assert_eq!(prose(text), [(1, "One \"two\""), (3, "three."), (3, "four"), (3, "five")]);
        assert_eq!(prose("a = 'b\nc # d\n"), [(1, "b"), (2, "d")]);
    }
}
