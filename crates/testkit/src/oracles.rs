//! What must hold for any bytes whatsoever.
//!
//! Each oracle takes bytes and panics when a decoder did wrong by them. A fuzz target calls one with what
//! libFuzzer makes up, a property test with what proptest makes up, and a regression test with what once
//! failed.

use wire::{Decode, Encode, Guid};

/// A GUID is read from exactly sixteen bytes, is written as the bytes it was read from, and its text reads as
/// the same GUID.
///
/// # Panics
/// When one of these does not hold.
pub fn guid(data: &[u8]) {
    let Ok(guid) = Guid::from_bytes(data) else {
        assert_ne!(data.len(), 16, "sixteen bytes are always a GUID");
        return;
    };
    assert_eq!(guid.to_bytes().as_deref(), Ok(data), "written as it was read");
    assert_eq!(guid.to_string().parse::<Guid>(), Ok(guid), "text reads as the same GUID");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn guid(data in prop::collection::vec(any::<u8>(), 0..40)) {
            super::guid(&data);
        }
    }
}
