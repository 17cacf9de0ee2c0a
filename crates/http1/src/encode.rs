//! Encodes chunked bodies.

/// The chunk that ends a body, without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Appends `data` as one chunk. Nothing is appended for no data, since an empty chunk would end the body.
pub fn chunk(out: &mut Vec<u8>, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    out.reserve(data.len() + 20);
    let mut digits = [0; 16];
    let mut from = digits.len();
    let mut left = data.len();
    while left > 0 {
        from -= 1;
        if let (Some(place), Some(digit)) = (digits.get_mut(from), b"0123456789abcdef".get(left % 16)) {
            *place = *digit;
        }
        left /= 16;
    }
    out.extend_from_slice(digits.get(from..).unwrap_or_default());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}
