//! Oracle: compressed RTF.

use mapi::rtf::{compress, decompress, store};

use crate::input::Input;

/// The maximum number of decompressed bytes.
const LIMIT: usize = 64 << 10;

/// Compressed RTF.
///
/// The first byte selects what the rest is: 0 compressed RTF, otherwise RTF to compress. Decompressed RTF does
/// not exceed its limit; compressed RTF is decompressed to the same bytes, and fails with a limit of one byte
/// less.
///
/// # Panics
/// If one of these properties is violated.
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
