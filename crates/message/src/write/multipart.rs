//! Multipart entities (RFC 2046 5.1).

use mail_builder::headers::Header;
use mail_builder::headers::content_type::ContentType;
use memchr::memmem;

/// What boundaries begin with. Base64 and quoted-printable do not contain it, but other bodies may.
const BOUNDARY: &[u8] = b"=_part_";
/// The number of digits that follow.
const DIGITS: usize = 10;

/// Combines `parts`, each a MIME entity with its header.
pub(super) fn write(subtype: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    let boundary = boundary(parts);
    let mut bytes = b"Content-Type: ".to_vec();
    let value = ContentType::new(format!("multipart/{subtype}")).attribute("boundary", boundary.as_str());
    let column = bytes.len();
    value.write_header(&mut bytes, column);
    for part in parts {
        bytes.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
        bytes.extend_from_slice(part);
    }
    bytes.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    bytes
}

/// A boundary that `parts` do not contain: its number is higher than any that follows the same text in them. A number
/// that is not random would otherwise allow a text to end its part.
fn boundary(parts: &[Vec<u8>]) -> String {
    let mut highest = 0;
    for part in parts {
        for at in memmem::find_iter(part, BOUNDARY) {
            let start = at.saturating_add(BOUNDARY.len());
            let digits = part.get(start..start.saturating_add(DIGITS)).unwrap_or_default();
            let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok());
            highest = highest.max(number.unwrap_or(0));
        }
    }
    // At ten nines, the eleventh digit makes the boundary one that none of them begins with.
    format!("{}{:010}_", String::from_utf8_lossy(BOUNDARY), highest.saturating_add(1))
}
