//! The code page of 8-bit strings in a session.

use encoding_rs::Encoding;

/// The encoding of 8-bit texts of a session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CodePage {
    number: u32,
    encoding: Option<&'static Encoding>,
}

/// `CP_TELETEX` ([MS-OXNSPI] 2.2.1.4).
const TELETEX: u32 = 20_261;
/// `CP_WINUNICODE`.
const UTF16: u32 = 1200;
const ASCII: u32 = 20_127;
/// `CP_ACP`: the server's own code page, which is Western European here. Clients without a preference send
/// it.
const SERVER_S_OWN: u32 = 0;

impl CodePage {
    pub(crate) const UTF8: Self = Self { number: 65_001, encoding: Some(encoding_rs::UTF_8) };

    /// The code page `number`; `None` if it is not supported. `CP_WINUNICODE` is known, and 8-bit texts in
    /// it are ASCII.
    pub(crate) fn new(number: u32) -> Option<Self> {
        if matches!(number, TELETEX | UTF16 | ASCII) {
            return Some(Self { number, encoding: None });
        }
        if number == SERVER_S_OWN {
            return Some(Self { number, encoding: Some(encoding_rs::WINDOWS_1252) });
        }
        let encoding = codepage::to_encoding(u16::try_from(number).ok()?)?;
        Some(Self { number, encoding: Some(encoding) })
    }

    /// The number of the code page.
    pub(crate) const fn number(self) -> u32 {
        self.number
    }

    /// Whether this is `CP_WINUNICODE`.
    pub(crate) const fn is_unicode(self) -> bool {
        self.number == UTF16
    }

    /// `text` in this code page; other characters become question marks.
    pub(crate) fn encode(self, text: &str) -> Vec<u8> {
        text.chars().fold(Vec::with_capacity(text.len()), |mut bytes, letter| {
            let mut utf8 = [0; 4];
            let letter_text = letter.encode_utf8(&mut utf8);
            match self.encoding {
                _ if letter.is_ascii() => bytes.extend_from_slice(letter_text.as_bytes()),
                Some(encoding) => match encoding.encode(letter_text) {
                    (encoded, _, false) => bytes.extend_from_slice(&encoded),
                    (_, _, true) => bytes.push(b'?'),
                },
                None => bytes.push(b'?'),
            }
            bytes
        })
    }

    /// Decodes `bytes` in this code page.
    pub(crate) fn decode(self, bytes: &[u8]) -> String {
        match self.encoding {
            Some(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
            None => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_encoded_in_the_session_s_code_page() {
        let western = CodePage::new(1252).unwrap();
        assert_eq!(western.encode("Jürgen Łukasz"), b"J\xfcrgen ?ukasz");
        assert_eq!(western.decode(b"J\xfcrgen"), "Jürgen");
        assert_eq!(CodePage::new(1250).unwrap().encode("Ł"), b"\xa3");
        assert_eq!(CodePage::new(TELETEX).unwrap().encode("Zoë"), b"Zo?");
        assert!(CodePage::new(1200).unwrap().is_unicode());
        assert_eq!(CodePage::new(0).unwrap().encode("é"), b"\xe9");
        assert!(CodePage::new(99_999).is_none());
        assert!(CodePage::new(4242).is_none());
    }
}
