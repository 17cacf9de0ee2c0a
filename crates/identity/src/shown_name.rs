//! Names in lines of the log. Clients choose them, so that each has to be one word of one line, in which nothing is
//! invisible.

use std::fmt;

/// Letters without a visible form.
const INVISIBLE: [char; 4] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];

/// Whether `name` consists of letters, digits and punctuation that is usual in names. It may end with an ellipsis, for
/// what was cut off.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| is_letter(c) || matches!(c, '.' | '-' | '_' | '@' | '$' | '\\' | '+');
    name.trim_end_matches('…').chars().all(plain)
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric() && !INVISIBLE.contains(&c)
}

/// Writes the name that `parts` make as it is if it is plain; otherwise in quotes, with other characters escaped.
pub(crate) fn write_name(f: &mut fmt::Formatter<'_>, parts: &[&str]) -> fmt::Result {
    if parts.iter().all(|part| is_plain(part)) {
        return parts.iter().try_for_each(|part| f.write_str(part));
    }
    f.write_str("\"")?;
    for c in parts.iter().flat_map(|part| part.chars()) {
        match c {
            '"' => f.write_str("\\\"")?,
            ' ' | '…' => write!(f, "{c}")?,
            c if c.is_ascii_graphic() || is_letter(c) => write!(f, "{c}")?,
            c => write!(f, "{}", c.escape_unicode())?,
        }
    }
    f.write_str("\"")
}
