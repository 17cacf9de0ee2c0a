//! The syntax of field names, values and lists.

/// The elements of a comma-separated list (RFC 9110 5.6.1), without white space around them. Empty elements
/// are left out.
pub fn tokens(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

/// Which bytes a token may contain (RFC 9110 5.6.2).
const IS_TOKEN_BYTE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x80_u8 {
        let is_token_byte = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        #[expect(
            clippy::as_conversions,
            clippy::indexing_slicing,
            reason = "a byte is within 256, at compile time"
        )]
        {
            table[byte as usize] = is_token_byte;
        }
        byte += 1;
    }
    table
};

/// Whether `name` is a token (RFC 9110 5.6.2).
pub(crate) fn is_name(name: &str) -> bool {
    let is_token_byte = |byte: u8| IS_TOKEN_BYTE.get(usize::from(byte)) == Some(&true);
    !name.is_empty() && name.bytes().all(is_token_byte)
}

/// Whether `value` is a field value (RFC 9110 5.5).
pub(crate) fn is_value(value: &[u8]) -> bool {
    let is_space = |end: Option<&u8>| end.is_some_and(u8::is_ascii_whitespace);
    // The loop has no early exit, so that the compiler vectorizes it.
    let is_control = |byte: &u8| *byte != b'\t' && (*byte < 0x20 || *byte == 0x7f);
    let has_control = value.iter().fold(false, |found, byte| found | is_control(byte));
    !has_control && !is_space(value.first()) && !is_space(value.last())
}

/// The number that `text` consists of: digits only, without leading zeros.
pub(super) fn number_without_leading_zeros(text: &[u8]) -> Option<u64> {
    let is_plain = text.iter().all(u8::is_ascii_digit) && (text.len() == 1 || text.first() != Some(&b'0'));
    std::str::from_utf8(text).ok().filter(|_| is_plain)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tokens_and_values_have_no_controls() {
        for byte in 0..=u8::MAX {
            let token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            if let Ok(name) = std::str::from_utf8(&[b'a', byte]) {
                assert_eq!(is_name(name), token, "{byte}");
            }
            let inside = byte == b'\t' || (byte >= 0x20 && byte != 0x7f);
            let at_an_end = inside && !byte.is_ascii_whitespace();
            assert_eq!(is_value(&[b'a', byte, b'a']), inside, "{byte}");
            assert_eq!([is_value(&[b'a', byte]), is_value(&[byte, b'a'])], [at_an_end; 2], "{byte}");
        }
        assert!(!is_name("") && !is_name("\u{e9}") && is_value(b""));
    }
}
