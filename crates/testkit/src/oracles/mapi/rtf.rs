//! Oracle: compressed RTF.

use mapi::rtf::{compress, decompress, store};

use crate::input::Input;

/// The most bytes that are taken out of compressed ones.
const LIMIT: usize = 64 << 10;

/// Compressed RTF.
///
/// The first byte says what the rest is: 0 compressed RTF, otherwise what is to be compressed. What is read
/// is no longer than its limit; what is written reads as what it was; and one byte less is not enough.
///
/// # Panics
/// If one of these does not hold.
pub fn rtf(data: &[u8]) {
    let mut input = Input::new(data);
    if input.byte() == 0 {
        let Ok(rtf) = decompress(input.rest(), LIMIT) else { return };
        assert!(rtf.len() <= LIMIT);
        return round_trip(&rtf);
    }
    round_trip(input.rest());
}

fn round_trip(rtf: &[u8]) {
    for packed in [compress(rtf), store(rtf)] {
        let packed = packed.expect("it fits");
        assert_eq!(decompress(&packed, rtf.len()).as_deref(), Ok(rtf), "what it was before");
        if let Some(less) = rtf.len().checked_sub(1) {
            assert!(decompress(&packed, less).is_err(), "over the limit");
        }
        assert!(decompress(&packed[..packed.len() - 1], rtf.len()).is_err(), "cut off");
    }
}
