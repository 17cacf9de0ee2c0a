//! What the demo prints: headings, wrapped text, commands and decoded operations.

use std::io::{self, IsTerminal as _, Write as _};

use console::{Flow, FlowEnd};

/// The width of lines if the output is not a terminal.
const WIDTH: usize = 100;

/// Standard output, with the width and the colours that are suitable for it.
#[derive(Debug)]
pub(super) struct Screen {
    width: usize,
    has_colours: bool,
}

impl Screen {
    /// Standard output. There are colours only on a terminal, and not if `NO_COLOR` has a value.
    #[expect(clippy::disallowed_methods, reason = "NO_COLOR is by convention a variable of the environment")]
    pub(super) fn new() -> Self {
        let out = io::stdout();
        let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let columns = rustix::termios::tcgetwinsize(&out).ok().map(|size| usize::from(size.ws_col));
        let width = columns.filter(|columns| *columns > 0).unwrap_or(WIDTH).clamp(40, 120);
        Self { width, has_colours: out.is_terminal() && !is_refused }
    }

    /// The heading of an act.
    pub(super) fn heading(&self, text: &str) -> io::Result<()> {
        let (on, off) = if self.has_colours { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        print("")?;
        for line in wrapped(text, self.width) {
            print(&format!("{on}{line}{off}"))?;
        }
        Ok(())
    }

    /// A paragraph.
    pub(super) fn text(&self, text: &str) -> io::Result<()> {
        wrapped(text, self.width - 2).iter().try_for_each(|line| print(&format!("  {line}")))
    }

    /// A command to be copied, in one line of whatever length.
    pub(super) fn command(text: &str) -> io::Result<()> {
        print(&format!("  {text}"))
    }

    /// Operations that passed the proxy, one a line.
    pub(super) fn operations(&self, flows: &[Flow]) -> io::Result<()> {
        let (on, off) = if self.has_colours { ("\x1b[36m", "\x1b[0m") } else { ("", "") };
        for flow in flows {
            let line = shortened(&operation(flow), self.width - 4);
            print(&format!("  {on}| {line}{off}"))?;
        }
        Ok(())
    }
}

fn print(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// An operation in a line: the user, the operation, and its ROPs or why it was refused.
fn operation(flow: &Flow) -> String {
    let user = flow.user.rsplit('\\').next().unwrap_or_default();
    let mut parts = vec![format!("{user:<6} {}", flow.operation)];
    if !flow.rops.is_empty() {
        parts.push(flow.rops.join(" "));
    }
    match &flow.end {
        FlowEnd::Refused { code, why } => parts.push(format!("{code} ({why})")),
        FlowEnd::Response { return_value: Some(code), .. } if code.is_error_of(flow.operation) => {
            parts.push(code.to_string());
        }
        FlowEnd::Response { .. } => {}
    }
    let notes = flow.notes.iter().map(|note| format!("  [{}: {}]", note.module, note.text));
    parts.join(": ") + &notes.collect::<String>()
}

/// The beginning of a line that is longer than `width`, with an ellipsis.
fn shortened(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width - 1).chain(['…']).collect()
}

/// The lines of `text`, broken at spaces so that they are at most `width` wide if no word is longer.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_spaces_and_long_lines_are_shortened() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("one twothree", 5), ["one", "twothree"]);
        assert_eq!((shortened("abcde", 5), shortened("abcdef", 5)), ("abcde".into(), "abcd…".into()));
    }
}
