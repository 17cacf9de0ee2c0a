//! Oracles of messages: RTF bodies.

use message::rtf::{RtfLimits, deencapsulate};

use crate::input::Input;

/// RTF bodies.
///
/// The first byte selects the kind of the content; the rest is what follows its control word. The content does not
/// exceed the limits.
///
/// # Panics
/// If it does.
pub fn rtf_bodies(data: &[u8]) {
    let limits = RtfLimits { depth: 32, output: 64 << 10, fonts: 8 };
    let mut input = Input::new(data);
    let begin: &[u8] = match input.byte() % 4 {
        0 => br"{\rtf1\ansi\fromhtml1 ",
        1 => br"{\rtf1\ansi\fromtext ",
        2 => br"{\rtf1\ansi ",
        _ => b"",
    };
    let rtf = [begin, input.rest()].concat();
    if let Ok(body) = deencapsulate(&rtf, &limits) {
        // The last bytes are decoded at the end, each to three bytes at most.
        assert!(body.text.len() <= 3 * limits.output, "{} bytes", body.text.len());
        assert!(body.text.len() <= 3 * rtf.len(), "a byte of RTF is three bytes of text at most");
    }
}
