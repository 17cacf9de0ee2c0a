//! Oracle: scalars.

use wire::{Decode, Encode, Guid};

/// A GUID is decoded from exactly sixteen bytes, is encoded to the same bytes, and its text is parsed as the same
/// GUID.
///
/// # Panics
/// If one of these properties is violated.
pub fn guid(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(guid) = text.parse::<Guid>()
    {
        assert_eq!(guid.to_string().parse(), Ok(guid), "what is printed reads as the same GUID");
    }
    let Ok(guid) = Guid::from_bytes(data) else {
        assert_ne!(data.len(), 16, "sixteen bytes are always a GUID");
        return;
    };
    assert_eq!(guid.to_bytes().as_deref(), Ok(data), "written as it was read");
    assert_eq!(guid.to_string().parse::<Guid>(), Ok(guid), "text reads as the same GUID");
}
