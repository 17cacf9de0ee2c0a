//! Text from a recording, made safe to print on a terminal.

/// Appends `text` with its control characters escaped.
pub(crate) fn without_controls(out: &mut String, text: &str) {
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
}
