//! Checks that paths and queries are unambiguous before they are forwarded.
//!
//! Servers decode, normalise and truncate paths in different ways. A target in which one of them could find another
//! directory than the proxy does is refused.

/// Why a target is ambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Ambiguous {
    /// It does not begin with a slash, or has a fragment.
    #[error("the target is not an absolute path (for example /mapi/emsmdb/)")]
    NoPath,
    /// Two slashes in a row; a backslash; a semicolon, at which servers truncate a path; or a colon, which precedes the
    /// name of a file's stream.
    #[error("the path has an empty segment, a backslash, a colon or a semicolon")]
    Separator,
    /// A segment that begins with a parenthesis: ASP.NET reads it as an authentication ticket or a session id, and
    /// removes it from the path.
    #[error("the path has a segment that begins with a parenthesis")]
    Parenthesis,
    /// A segment that servers remove or shorten: one of dots only, or one that ends with a dot or a blank.
    #[error("the path has a segment that is or ends with a dot or a blank")]
    Dots,
    /// A percent sign without two hexadecimal digits, an encoded separator or control character, or bytes that are not
    /// UTF-8.
    #[error("the path has an invalid percent encoding, or an encoded separator or control character")]
    Encoding,
    /// A query that holds a path.
    #[error("the query contains a path")]
    PathInQuery,
    /// A query with a parameter that authenticates the request.
    #[error("the query contains an authentication token")]
    TokenInQuery,
}

/// A set of bytes that need no decoding: letters, digits and others.
///
/// One bit for each character of ASCII.
#[derive(Clone, Copy)]
struct PlainBytes(u128);

impl PlainBytes {
    /// Letters, digits and `others`.
    const fn and(mut others: &[u8]) -> Self {
        let (digits, letters) = (0x3ff, 0x3ff_ffff);
        let mut bits = digits << b'0' | letters << b'A' | letters << b'a';
        while let [byte, rest @ ..] = others {
            bits |= 1 << *byte;
            others = rest;
        }
        Self(bits)
    }

    /// Whether all bytes of `text` are in the set.
    fn are_all_of(self, text: &str) -> bool {
        text.bytes().all(|byte| byte.is_ascii() && self.0 >> byte & 1 == 1)
    }
}

/// What simple segments of paths consist of.
const SEGMENT: PlainBytes = PlainBytes::and(b"-_");

/// What simple queries consist of.
const QUERY: PlainBytes = PlainBytes::and(b"-_.~@=&");

/// Checks a path without a query.
pub(crate) fn check_path(path: &str) -> Result<(), Ambiguous> {
    // Most paths are simple, and need no decoding.
    let is_simple = |segment: &str| !segment.is_empty() && SEGMENT.are_all_of(segment);
    let inner = path.strip_prefix('/').map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    if inner.is_some_and(|inner| inner.split('/').all(is_simple)) {
        return Ok(());
    }
    if !path.starts_with('/') || path.contains('#') {
        return Err(Ambiguous::NoPath);
    }
    if path.contains("//") || path.contains(['\\', ':', ';']) {
        return Err(Ambiguous::Separator);
    }
    let path = decoded(path).ok_or(Ambiguous::Encoding)?;
    let ends_short = |segment: &str| segment.ends_with(['.', ' ']);
    if path.split('/').any(ends_short) {
        return Err(Ambiguous::Dots);
    }
    if path.split('/').any(|segment| segment.starts_with('(')) { Err(Ambiguous::Parenthesis) } else { Ok(()) }
}

/// Checks the query of a directory whose clients send no paths in queries: decoding it repeatedly must not yield one.
pub(crate) fn check_query(query: &str) -> Result<(), Ambiguous> {
    // Most queries are simple too.
    if QUERY.are_all_of(query) {
        return Ok(());
    }
    let mut text = query.as_bytes().to_vec();
    for _ in 0..MOST_DECODINGS {
        if text.iter().any(|byte| b"/\\;#".contains(byte) || byte.is_ascii_control())
            || std::str::from_utf8(&text).is_ok_and(|text| text.contains(is_like_a_separator))
        {
            return Err(Ambiguous::PathInQuery);
        }
        let once = decode(&text);
        if once.len() == text.len() {
            // A server that accepts overlong encodings could decode bytes that are not UTF-8 to separators.
            return std::str::from_utf8(&text).map(drop).map_err(|_| Ambiguous::Encoding);
        }
        text = once;
    }
    Err(Ambiguous::Encoding)
}

/// Parameters that authenticate a request beside or in place of `Authorization`: a Bearer token (RFC 6750 2.3), and the
/// token that Exchange's front end sends to its PowerShell directory. The server could execute the request for another
/// user than the one that the proxy authenticated.
const TOKENS: [&str; 2] = ["access_token", "x-rps-cat"];

/// Checks that a query has none of [`TOKENS`], as far as servers decode names of parameters.
pub(crate) fn check_no_token(query: &str) -> Result<(), Ambiguous> {
    let is_token = |pair: &[u8]| {
        let name = memchr::memchr(b'=', pair).and_then(|end| pair.get(..end)).unwrap_or(pair);
        let is =
            |name: &[u8]| TOKENS.iter().any(|token| name.trim_ascii().eq_ignore_ascii_case(token.as_bytes()));
        // Most names are not encoded.
        if name.contains(&b'%') { is(&decode(name)) } else { is(name) }
    };
    let query = query.as_bytes();
    let mut begin = 0;
    for end in memchr::memchr3_iter(b'&', b';', b'?', query).chain([query.len()]) {
        if query.get(begin..end).is_some_and(is_token) {
            return Err(Ambiguous::TokenInQuery);
        }
        begin = end + 1;
    }
    Ok(())
}

/// How many times a query may be percent-encoded repeatedly.
const MOST_DECODINGS: usize = 4;

/// `path` decoded once; `None` if that yields characters that must not be encoded, or is not text.
pub(crate) fn decoded(path: &str) -> Option<String> {
    let mut rest = path.as_bytes();
    let mut out = Vec::with_capacity(rest.len());
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            out.push(*byte);
            continue;
        }
        let (digits, after) = rest.split_first_chunk::<2>()?;
        let byte = hex(*digits)?;
        if byte.is_ascii_control() || b"./\\%;#?:".contains(&byte) {
            return None;
        }
        out.push(byte);
        rest = after;
    }
    // Overlong encodings are not valid UTF-8, and are refused here.
    String::from_utf8(out).ok().filter(|text| !text.contains(is_like_a_separator))
}

/// `text` decoded once, as far as it is encoded: by `%XX`, or by `%uXXXX`, which ASP.NET decodes too.
fn decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if let Some((character, after)) = (*byte == b'%').then(|| utf16_unit(after)).flatten() {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            rest = after;
            continue;
        }
        let code = after.split_first_chunk::<2>().filter(|_| *byte == b'%');
        match code.and_then(|(digits, after)| Some((hex(*digits)?, after))) {
            Some((byte, after)) => {
                out.push(byte);
                rest = after;
            }
            None => out.push(*byte),
        }
    }
    out
}

/// The character of `uXXXX` at the beginning of `text`, and the rest.
fn utf16_unit(text: &[u8]) -> Option<(char, &[u8])> {
    let (&[b'u' | b'U', a, b, c, d], after) = text.split_first_chunk::<5>()? else { return None };
    let code = u32::from(hex([a, b])?) << 8 | u32::from(hex([c, d])?);
    Some((char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), after))
}

fn hex(digits: [u8; 2]) -> Option<u8> {
    let text = std::str::from_utf8(&digits).ok().filter(|_| digits.iter().all(u8::is_ascii_hexdigit))?;
    u8::from_str_radix(text, 16).ok()
}

/// Whether a server that maps characters to similar ones of a smaller set could take `c` for a dot, a slash, a
/// backslash, a colon, a semicolon, a question mark or a percent sign.
const fn is_like_a_separator(c: char) -> bool {
    matches!(
        c,
        '\u{2024}' | '\u{2025}' | '\u{2026}' | '\u{3002}' | '\u{FE52}' | '\u{FF0E}' | '\u{FF61}'
            | '\u{2044}' | '\u{2215}' | '\u{29F8}' | '\u{FF0F}' | '\u{1735}' | '\u{2571}'
            | '\u{2216}' | '\u{29F5}' | '\u{29F9}' | '\u{FE68}' | '\u{FF3C}' | '\u{20E5}'
            | '\u{FE55}' | '\u{FF1A}' | '\u{FE54}' | '\u{FF1B}' | '\u{037E}'
            | '\u{FE56}' | '\u{FF1F}' | '\u{FE6A}' | '\u{FF05}'
            // Controls and blanks that servers truncate or skip.
            | '\u{80}'..='\u{A0}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202F}' | '\u{FEFF}' | '\u{3000}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unambiguous_paths_are_accepted() {
        for path in [
            "/",
            "/ews/Exchange.asmx/s/GetUserPhoto",
            "/oab/a%20b",
            "/oab/1-2/oab.xml",
            "/oab/%C3%BC.lzx",
            "/ews/",
            "/oab/a(1).lzx",
        ] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn a_path_that_a_server_could_read_as_another_is_refused() {
        use Ambiguous::{Dots, Encoding, NoPath, Parenthesis, Separator};
        for (path, error) in [
            ("/oab/../owa", Dots),
            ("/oab/./x", Dots),
            ("/oab/.../owa", Dots),
            ("/oab/x./y", Dots),
            ("/owa.", Dots),
            ("/oab/x%20", Dots),
            ("/oab/x%20/../y", Dots),
            ("//owa", Separator),
            ("/oab//x", Separator),
            ("/oab\\..\\owa", Separator),
            ("/oab;x/y", Separator),
            ("/oab/x::$DATA", Separator),
            ("/oab/(S(x))/y", Parenthesis),
            ("/ews/(F(ticket))", Parenthesis),
            ("/(A(x)F(y))/ews/", Parenthesis),
            ("/oab/%28S(x))y", Parenthesis),
            ("/oab/%3bx", Encoding),
            ("/oab/%2e%2e/owa", Encoding),
            ("/oab%2fx", Encoding),
            ("/oab/%5Cx", Encoding),
            ("/oab/%252e", Encoding),
            ("/oab/%3fx", Encoding),
            ("/oab/%23x", Encoding),
            ("/oab/x%3a%3a$DATA", Encoding),
            ("/%00", Encoding),
            ("/oab/%", Encoding),
            ("/oab/%2", Encoding),
            ("/oab/%zz", Encoding),
            ("/oab/%+1", Encoding),
            ("/oab/%u002e%u002e/owa", Encoding),
            ("/oab/%c0%ae%c0%ae/owa", Encoding),
            ("/oab/%c0%afowa", Encoding),
            ("/oab/%e0%80%af/owa", Encoding),
            ("/oab/%ef%bc%8fowa", Encoding),
            ("/oab/%ef%bc%8e%ef%bc%8e/owa", Encoding),
            ("/oab/%c2%a0", Encoding),
            ("*", NoPath),
            ("http://x/oab", NoPath),
            ("", NoPath),
            ("/oab#/../owa", NoPath),
        ] {
            assert_eq!(check_path(path), Err(error), "{path}");
        }
    }

    #[test]
    fn a_query_that_holds_a_token_is_refused() {
        for query in ["", "wsdl", "a=access_token", "access_tokens=x", "email=a@b.c&access-token=x"] {
            assert_eq!(check_no_token(query), Ok(()), "{query}");
        }
        for query in [
            "access_token=x",
            "a=b&ACCESS_TOKEN=",
            "%61ccess%5ftoken=x",
            "a;access_token=x",
            "access_token",
            "+&%20access_token=x",
            "X-Rps-CAT=x",
            "a=b?x-rps-cat=x",
            "%u0061ccess_token=x",
            "x%U002drps-cat=x",
        ] {
            assert_eq!(check_no_token(query), Err(Ambiguous::TokenInQuery), "{query}");
        }
    }

    #[test]
    fn a_query_that_holds_a_path_however_encoded_is_refused() {
        for query in [
            "",
            "wsdl",
            "email=a%40b.c&size=HR96x96",
            "MailboxId=1-2@lab.test",
            "a=100%",
            "x=%C3%BC&y=%u00fc%ud800",
        ] {
            assert_eq!(check_query(query), Ok(()), "{query}");
        }
        for query in [
            "@x/owa/&Email=ews/exchange.asmx?@x",
            "a=%2fowa",
            "a=%252fowa",
            "a=%25252fowa",
            "a=%5cowa",
            "a=%ef%bc%8fowa",
            "a=%c0%afowa",
            "a=%u002fowa",
            "a=%25u002fowa",
            "a=%u%30%30%32%66owa",
            "a=%uff0fowa",
            "a;b",
            "a=%00",
            "a#b",
            "a=%2525252525252525252541",
        ] {
            assert!(check_query(query).is_err(), "{query}");
        }
    }
}
