//! Encodes chunked bodies.

/// The last chunk of a body without trailer fields, and the end of the body (RFC 9112 7.1).
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Appends `data` as one chunk (RFC 9112 7.1). Appends nothing if `data` is empty, because a chunk of size
/// zero ends the body.
pub fn write_chunk(out: &mut Vec<u8>, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    out.reserve(data.len() + 20);
    let mut digits = [0; 16];
    let mut from = digits.len();
    let mut rest = data.len();
    while rest > 0 {
        from -= 1;
        if let (Some(place), Some(digit)) = (digits.get_mut(from), b"0123456789abcdef".get(rest % 16)) {
            *place = *digit;
        }
        rest /= 16;
    }
    out.extend_from_slice(digits.get(from..).unwrap_or_default());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}
