//! Code pages of Windows, as in `PidTagMessageCodepage` ([MS-UCODEREF] 2.2.1), and their encodings.

use std::borrow::Cow;

use encoding_rs::Encoding;

/// The code page of UTF-8.
pub const UTF8: u32 = 65001;
/// The code page of Western European texts, which is assumed if a message states none.
pub const WESTERN: u32 = 1252;

/// The encoding of the code page `number`; `None` if it is unknown.
pub fn encoding(number: u32) -> Option<&'static Encoding> {
    Some(match number {
        866 => encoding_rs::IBM866,
        874 => encoding_rs::WINDOWS_874,
        932 => encoding_rs::SHIFT_JIS,
        936 => encoding_rs::GBK,
        949 | 51949 => encoding_rs::EUC_KR,
        950 => encoding_rs::BIG5,
        1200 => encoding_rs::UTF_16LE,
        1201 => encoding_rs::UTF_16BE,
        1250 => encoding_rs::WINDOWS_1250,
        1251 => encoding_rs::WINDOWS_1251,
        // Texts that are stated to be ASCII (20127) or ISO 8859-1 often have characters of 1252.
        WESTERN | 20127 | 28591 => encoding_rs::WINDOWS_1252,
        1253 => encoding_rs::WINDOWS_1253,
        1254 | 28599 => encoding_rs::WINDOWS_1254,
        1255 => encoding_rs::WINDOWS_1255,
        1256 => encoding_rs::WINDOWS_1256,
        1257 => encoding_rs::WINDOWS_1257,
        1258 => encoding_rs::WINDOWS_1258,
        10000 => encoding_rs::MACINTOSH,
        10007 => encoding_rs::X_MAC_CYRILLIC,
        20866 => encoding_rs::KOI8_R,
        21866 => encoding_rs::KOI8_U,
        28592 => encoding_rs::ISO_8859_2,
        28593 => encoding_rs::ISO_8859_3,
        28594 => encoding_rs::ISO_8859_4,
        28595 => encoding_rs::ISO_8859_5,
        28596 => encoding_rs::ISO_8859_6,
        28597 => encoding_rs::ISO_8859_7,
        28598 => encoding_rs::ISO_8859_8,
        38598 => encoding_rs::ISO_8859_8_I,
        28603 => encoding_rs::ISO_8859_13,
        28605 => encoding_rs::ISO_8859_15,
        50220..=50222 => encoding_rs::ISO_2022_JP,
        20932 | 51932 => encoding_rs::EUC_JP,
        54936 => encoding_rs::GB18030,
        UTF8 => encoding_rs::UTF_8,
        _ => return None,
    })
}

/// Decodes `bytes` in the code page `number`. The second value is false if the code page is unknown, in which case
/// 1252 is assumed, or if bytes are invalid in it and became U+FFFD.
pub fn decode(bytes: &[u8], number: u32) -> (Cow<'_, str>, bool) {
    let known = encoding(number);
    let (text, invalid) = known.unwrap_or(encoding_rs::WINDOWS_1252).decode_without_bom_handling(bytes);
    (text, known.is_some() && !invalid)
}

/// The code page of the fonts with the character set `charset` (`\fcharset` of RTF 1.9.1); `None` for the default code
/// page of the document, and for character sets without one.
pub(crate) fn of_font(charset: i32) -> Option<u32> {
    Some(match charset {
        0 => WESTERN,
        77 => 10000,
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_decoded_in_their_code_page() {
        assert_eq!(decode(b"\xcf\xf0\xe8", 1251), ("При".into(), true));
        assert_eq!(decode(b"\x93\xfa", 932), ("日".into(), true));
        assert_eq!(decode("日".as_bytes(), UTF8), ("日".into(), true));
    }

    #[test]
    fn an_unknown_code_page_and_invalid_bytes_are_reported() {
        assert_eq!(decode(b"\xe4", 37), ("ä".into(), false));
        assert_eq!(decode(b"\xff", UTF8), ("\u{fffd}".into(), false));
    }
}
