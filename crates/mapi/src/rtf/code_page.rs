//! The code page of an RTF text.

/// The number of bytes in which the control word is searched: it follows the header directly.
const MAX_HEADER: usize = 256;

/// The code page that an RTF text states for its bytes that are not ASCII (`\ansicpg`); `None` if it states none.
pub fn code_page(text: &[u8]) -> Option<u16> {
    const WORD: &[u8] = br"\ansicpg";
    let header = text.get(..MAX_HEADER).unwrap_or(text);
    let at = header.windows(WORD.len()).position(|bytes| bytes.eq_ignore_ascii_case(WORD))?;
    let digits = header.get(at..)?.get(WORD.len()..)?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok().filter(|page| *page > 0)
}
